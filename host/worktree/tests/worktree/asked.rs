//! Asks about a checkout in a process of its own: the environment of one that has threads must not be changed.
use forgeport_worktree::{InspectOptions, inspect};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command, time::Duration};

const CHECKOUT: &str = "FORGEPORT_TEST_CHECKOUT";
const ANSWER: &str = "FORGEPORT_TEST_ANSWER";
/// The test below, which only answers.
const ANSWERING: &str = "asked::the_context_of_the_checkout_that_the_environment_names_is_written_down";

/// The answer about the checkout in that environment: `context` or `error`, and how much memory that took.
pub fn ask(checkout: &Path, environment: &[(String, String)]) -> Value {
    let answer = tempfile::NamedTempFile::new().unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args([ANSWERING, "--exact", "--ignored"]).env_clear().envs(environment.iter().cloned());
    let output = again.env(CHECKOUT, checkout).env(ANSWER, answer.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&fs::read(answer.path()).unwrap()).unwrap()
}

#[test]
#[ignore = "it answers for the other tests"]
fn the_context_of_the_checkout_that_the_environment_names_is_written_down() {
    let settings = InspectOptions { untracked: true, time: Duration::from_secs(60) };
    let checkout = std::env::var_os(CHECKOUT).expect("it is started by another test, which names a checkout");
    let (context, error) = match inspect(checkout.as_ref(), settings) {
        Ok(context) => (Some(context), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let reported = json!({ "context": context, "error": error, "peak_kib": peak });
    fs::write(std::env::var_os(ANSWER).unwrap(), reported.to_string()).unwrap();
}
