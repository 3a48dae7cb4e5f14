//! What the documents at the top of the repository point to.

use std::{fs, path::Path};

/// Every `](target)` that is a path.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target).filter(|target| !target.contains(':') && !target.starts_with('#'))
}

/// Every path in `code` that begins with a folder at the top.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|code| ["host/", "providers/", "sdk/", "tests/", "wit/"].iter().any(|folder| code.starts_with(folder)))
        .filter_map(|code| code.split(' ').next())
}

#[test]
fn every_path_in_the_documents_exists() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(top.join(document)).unwrap();
        let found: Vec<&str> = links(&text).chain(paths(&text)).collect();
        assert!(!found.is_empty(), "{document} points to nothing: the test reads it in a wrong way");
        for path in found {
            assert!(top.join(path).exists(), "{document} points to {path}");
        }
    }
}
