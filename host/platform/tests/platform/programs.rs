//! Who starts programs.

use std::fs;
use std::path::{Path, PathBuf};

/// Where programs may be started: other programs in the first, this one's own child in the second.
const ALLOWED: &[&str] = &["platform/src/program.rs", "child/src/parent.rs"];
/// Tools of developers, and parts of tests that lie among the sources.
const NOT_SHIPPED: &[&str] = &["xtask/", "download/src/target/crash.rs"];
/// How the standard library, tokio and libc name what starts programs.
const WAYS: &[&str] = &["Command::new", "posix_spawn", "CommandExt", "libc::exec", "libc::system"];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_part_of_the_host_starts_a_program_but_the_one_that_clears_its_environment() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    sources(host, &mut files);
    let mut starting = Vec::new();
    for file in files {
        let name = file.strip_prefix(host).unwrap().to_str().unwrap().to_owned();
        let shipped = name.contains("/src/") && !NOT_SHIPPED.iter().any(|other| name.starts_with(other));
        let text = fs::read_to_string(&file).unwrap();
        // Tests come last in a file.
        let text = text.split("#[cfg(test)]").next().unwrap();
        if shipped && WAYS.iter().any(|way| text.contains(way)) {
            assert!(ALLOWED.contains(&name.as_str()), "{name} starts a program: use `program::program`");
            assert!(text.contains(".env_clear()"), "{name} hands on the environment");
            starting.push(name);
        }
    }
    assert!(starting.iter().any(|name| name == ALLOWED[0]), "{starting:?}: what is looked for has another name");
}
