//! The `git` command, shielded from the configuration of the machine and of whoever runs the tests.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A `git` command in the directory `at` that sees no configuration but the repository's own.
pub fn command(at: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(at);
    // Variables such as GIT_DIR are set when tests run inside a hook, and would win over the directory.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
    command
}

/// Standard output of `git ARGUMENTS`.
///
/// # Errors
/// When git cannot be started or ends with a failure; the text holds the arguments and git's own words.
pub fn output<A: AsRef<std::ffi::OsStr>>(at: &Path, arguments: &[A]) -> io::Result<Vec<u8>> {
    let output = command(at).args(arguments).stdin(Stdio::null()).output()?;
    checked(output, arguments)
}

/// As [`output`], as text without its trailing newline.
///
/// # Errors
/// As [`output`], and when the answer is not UTF-8.
pub fn text<A: AsRef<std::ffi::OsStr>>(at: &Path, arguments: &[A]) -> io::Result<String> {
    let text = String::from_utf8(output(at, arguments)?).map_err(io::Error::other)?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Runs `git ARGUMENTS` with what `write` writes as its standard input.
///
/// # Errors
/// As [`output`], and what `write` returns.
pub fn feed<A: AsRef<std::ffi::OsStr>>(
    at: &Path,
    arguments: &[A],
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut child =
        command(at).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let written = match child.stdin.take() {
        Some(stdin) => {
            let mut stdin = io::BufWriter::with_capacity(1 << 16, stdin);
            write(&mut stdin).and_then(|()| stdin.flush())
        }
        None => Ok(()),
    };
    // git's own words explain a broken pipe, so they come first.
    checked(child.wait_with_output()?, arguments)?;
    written
}

fn checked<A: AsRef<std::ffi::OsStr>>(output: Output, arguments: &[A]) -> io::Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let arguments: Vec<_> = arguments.iter().map(|a| a.as_ref().to_string_lossy()).collect();
    Err(io::Error::other(format!(
        "git {} failed with {}: {}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
