//! Who starts programs.

use crate::sources::shipped;

/// Where programs may be started: other programs in the first, this one's own child in the second.
const ALLOWED: &[&str] = &["platform/src/program.rs", "child/src/parent.rs"];
/// How the standard library, tokio and libc name what starts programs.
const WAYS: &[&str] = &["Command::new", "posix_spawn", "CommandExt", "libc::exec", "libc::system"];

#[test]
fn no_part_of_the_host_starts_a_program_but_the_one_that_clears_its_environment() {
    let mut starting = Vec::new();
    for (name, text) in shipped() {
        if WAYS.iter().any(|way| text.contains(way)) {
            assert!(ALLOWED.contains(&name.as_str()), "{name} starts a program: use `program::program`");
            assert!(text.contains(".env_clear()"), "{name} hands on the environment");
            starting.push(name);
        }
    }
    assert!(starting.iter().any(|name| name == ALLOWED[0]), "{starting:?}: what is looked for has another name");
}
