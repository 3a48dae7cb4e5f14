#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{Archive, Request};

const ID: &str = "553c2077f0edc3d5dc5d17262f6aa498e69d6f8e";

/// Answers whatever it is made with.
struct Parrot(&'static str);

impl Provider for Parrot {
    fn describe() -> Description {
        unreachable!("no test asks")
    }
    fn open(_settings: &Settings) -> Result<Self, Error> {
        Ok(Self(ID))
    }
    fn login(&self) -> Result<Identity, Error> {
        Ok(Identity::of_repository("o/r".into(), None))
    }
    fn resolve(&self, _revision: &str) -> Result<Commit, Error> {
        Ok(Commit::new(self.0.into()))
    }
    fn owns_remote(&self, _remote: &Remote) -> bool {
        false
    }
    fn archive(&self, _commit: &str, _subdirectory: &str) -> Archive {
        Archive::tar_gzip(Request::get("https://forge.example"))
    }
}

#[test]
fn a_full_id_is_answered_by_itself_alone() {
    assert_eq!(resolve(&Parrot(ID), ID).unwrap().id, ID);
    assert_eq!(resolve(&Parrot(ID), &ID.to_uppercase()).unwrap().id, ID);
    let other = ID.replace('5', "6");
    assert!(matches!(resolve(&Parrot(ID), &other), Err(Error::NotFound(_))));
}

#[test]
fn what_is_no_commit_id_is_not_taken_for_one() {
    for nonsense in ["", "main", "553c2077", "g53c2077f0edc3d5dc5d17262f6aa498e69d6f8e"] {
        let answer = resolve(&Parrot(nonsense), "main");
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{nonsense:?}");
    }
}

#[test]
fn expressions_over_revisions_are_refused() {
    let expressions = [
        "", "main~1", "main^", "main:src", "a..b", "@{-1}", "a b", "-x", "/a", "a/", "a//b", "a/.b", "../user", ".",
        "a?b", "a*", "a[0]", "a\\b", "a\nb", "a.",
    ];
    for expression in expressions {
        let answer = resolve(&Parrot(ID), expression);
        assert!(matches!(answer, Err(Error::NotFound(_))), "{expression:?}");
    }
}

#[test]
fn branches_and_tags_of_all_sorts_are_asked_for() {
    for name in ["main", "feature/a-b", "v1.0", "ünï", "a@b", "553c2077", "100%", "a#1"] {
        assert!(resolve(&Parrot(ID), name).is_ok(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn no_revision_makes_it_panic(revision in any::<String>()) {
        let _ = resolve(&Parrot(ID), &revision);
    }
}
