#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use super::*;

fn tree(path: &str, id: &str) -> Entry {
    Entry::from_mode(path.into(), "040000", id.into()).unwrap()
}

/// The trees of one commit by id, with what they hold.
fn list(id: &str, path: &str) -> Result<Option<Vec<Entry>>, Error> {
    match (id, path) {
        ("commit", "") => Ok(Some(vec![tree("a", "1"), tree("c", "3")])),
        ("1", "a") => Ok(Some(vec![tree("a/b", "2")])),
        ("2", "a/b") => Ok(Some(Vec::new())),
        ("3", "c") => Ok(None),
        other => panic!("nobody has {other:?}"),
    }
}

#[test]
fn every_mode_of_git_is_known() {
    let kind = |mode| Entry::from_mode("x".into(), mode, "1".into()).map(|entry| entry.kind);
    assert_eq!(kind("100644"), Ok(Kind::Regular));
    assert_eq!(kind("100755"), Ok(Kind::Executable));
    assert_eq!(kind("120000"), Ok(Kind::Symlink));
    assert_eq!(kind("040000"), Ok(Kind::Tree));
    assert_eq!(kind("40000"), Ok(Kind::Tree));
    assert_eq!(kind("160000"), Ok(Kind::Submodule));
    for mode in ["", "0", "644", "100600", "file"] {
        assert!(kind(mode).is_err(), "{mode}");
    }
}

#[test]
fn a_directory_is_looked_up_from_the_root_once() {
    let asked = RefCell::new(Vec::new());
    let trees = Trees::default();
    let list = |id: &str, path: &str| {
        asked.borrow_mut().push(path.to_owned());
        list(id, path)
    };
    assert_eq!(trees.entries("commit", "a/b", &list), Ok(Some(Vec::new())));
    assert_eq!(asked.take(), ["", "a", "a/b"]);
    assert_eq!(trees.entries("commit", "a/b", &list), Ok(Some(Vec::new())));
    assert_eq!(asked.take(), ["a/b"]);
}

#[test]
fn a_directory_that_is_not_there_is_not_found() {
    let missing = Trees::default().entries("commit", "a/x", &list);
    assert!(matches!(missing, Err(Error::NotFound(text)) if text.contains("a/x")));
}

#[test]
fn a_submodule_and_what_lies_in_it_is_told_from_what_is_not_there() {
    let list = |_: &str, _: &str| Ok(Some(vec![Entry::from_mode("m".into(), "160000", "1".into())?]));
    for path in ["m", "m/src", "m/src/x"] {
        let refused = Trees::default().entries("commit", path, &list);
        assert!(
            matches!(&refused, Err(Error::Unsupported(text)) if text.contains("`m` is a submodule")),
            "{refused:?}"
        );
    }
    assert!(matches!(Trees::default().entries("commit", "n", &list), Err(Error::NotFound(_))));
}

#[test]
fn below_a_directory_that_is_not_told_nothing_is_told() {
    assert_eq!(Trees::default().entries("commit", "c/d", &list), Ok(None));
}
