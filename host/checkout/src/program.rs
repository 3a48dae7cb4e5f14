//! The one way in which Forgeport starts another program.
//!
//! A child process inherits everything by default: the store's key (`FORGEPORT_KEY`), tokens of a CI job, and what makes git look at
//! another repository (`GIT_DIR` in a hook). So a program gets only what is listed here, and a test looks that nothing in the workspace
//! starts one in another way.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

/// Where programs and the user's own settings are, and the user's language.
const KEPT: &[&str] = &["PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "LANGUAGE"];
/// Of the language, and git's settings that the user made for this process.
const KEPT_BEGINNINGS: &[&str] = &["LC_", "GIT_CONFIG_"];

/// A program with an environment of its own, no input, and nowhere to write but its standard output.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| is_kept(name)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn is_kept(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| KEPT.contains(&name) || KEPT_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)))
}

/// What the program wrote, if it ended well and before `end`; then it is killed.
pub fn output(mut command: Command, end: Instant) -> Option<Vec<u8>> {
    let mut child = command.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let (done, wait) = channel();
    let reader = std::thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.read_to_end(&mut output);
        let _ = done.send(read.map(|_| output));
    });
    let output = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    match output {
        Ok(_) => drop(reader.join()),
        // The reader ends by itself when nobody holds the pipe any more.
        Err(_) => drop(child.kill()),
    }
    let status = child.wait().ok()?;
    output.ok()?.ok().filter(|_| status.success())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_grants::deadline;
    use std::time::Duration;

    #[test]
    fn only_what_is_listed_is_passed_on() {
        for name in ["PATH", "HOME", "LC_ALL", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_PARAMETERS"] {
            assert!(is_kept(OsStr::new(name)), "{name}");
        }
        for name in ["FORGEPORT_KEY", "FORGEPORT_HOME", "GITHUB_TOKEN", "GIT_DIR", "GIT_SSH_COMMAND", "LD_PRELOAD", ""]
        {
            assert!(!is_kept(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_in_time() {
        let mut command = program("sleep");
        command.arg("600");
        let begin = Instant::now();
        assert_eq!(output(command, deadline(Duration::from_millis(50))), None);
        assert!(begin.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn what_a_program_writes_counts_only_where_it_ended_well() {
        let end = deadline(Duration::from_secs(60));
        let run = |script: &str| {
            let mut command = program("sh");
            command.args(["-c", script]);
            output(command, end)
        };
        assert_eq!(run("echo told"), Some(b"told\n".to_vec()));
        assert_eq!(run("echo told; exit 1"), None);
        assert_eq!(output(program("/no/such/program"), end), None);
    }
}
