//! The source of the host, as it is shipped.

use std::fs;
use std::path::{Path, PathBuf};

/// Tools of developers, and parts of tests that lie among the sources.
const NOT_SHIPPED: &[&str] = &["xtask/", "download/src/target/crash.rs"];

/// Each file by its path below `host`, without its tests.
pub fn shipped() -> Vec<(String, String)> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    collect(host, &mut files);
    let named = files.into_iter().map(|file| (file.strip_prefix(host).unwrap().to_str().unwrap().to_owned(), file));
    let shipped =
        named.filter(|(name, _)| name.contains("/src/") && !NOT_SHIPPED.iter().any(|other| name.starts_with(other)));
    shipped.map(|(name, file)| (name, without_tests(&file))).collect()
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn without_tests(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    // They come last in a file.
    text.split("mod tests {").next().unwrap().to_owned()
}
