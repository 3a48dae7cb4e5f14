//! Who may read and change the files.

use crate::support::{Place, Store, chmod, custom, files_below, mode_of, register_with_token, told, values};
use forgeport_store::{KeySource, StoreError};
use std::fs;

#[test]
fn everything_that_the_store_makes_is_for_its_owner_alone() {
    let place = Place::new();
    let store = place.open();
    register_with_token(&store, "r", "token");
    store.code_repositories().insert(&custom("c", b"component"), Some(b"component")).unwrap();
    assert_eq!(mode_of(&place.directory()), 0o700);
    assert_eq!(mode_of(&place.file("providers")), 0o700);
    let files = files_below(&place.directory());
    for name in ["forgeport.db", "forgeport.sum", "key", "lock"] {
        assert!(files.contains(&place.file(name)), "{name} in {files:?}");
    }
    for file in files {
        assert_eq!(mode_of(&file), 0o600, "{file:?}");
    }
}

#[test]
fn parents_that_have_to_be_made_are_private_too() {
    let place = Place::new();
    let deep = place.directory().join("a/b");
    let store = Store::open(&deep, KeySource::File).unwrap();
    store.secrets().create("s", &values(&[("k", "v")])).unwrap();
    for directory in [place.directory(), place.directory().join("a"), deep] {
        assert_eq!(mode_of(&directory), 0o700, "{directory:?}");
    }
}

#[test]
fn a_directory_that_others_may_write_to_is_refused_and_nothing_is_made_in_it() {
    for mode in [0o770, 0o707, 0o722] {
        let place = Place::new();
        fs::create_dir(place.directory()).unwrap();
        chmod(&place.directory(), mode);
        let error = told(Store::open(&place.directory(), KeySource::File).map(drop), &["store", "chmod go-w"]);
        assert!(matches!(error, StoreError::DirectoryNotPrivate(_)));
        assert_eq!(fs::read_dir(place.directory()).unwrap().count(), 0);
    }
}

#[test]
fn a_database_that_others_could_read_is_taken_from_them() {
    let place = Place::new();
    register_with_token(&place.open(), "q", "token");
    chmod(&place.file("forgeport.db"), 0o644);
    let store = place.open();
    register_with_token(&store, "r", "token");
    assert_eq!(mode_of(&place.file("forgeport.db")), 0o600);
}

#[test]
fn nothing_is_left_half_made() {
    let place = Place::new();
    let store = place.open();
    register_with_token(&store, "r", "token");
    store.code_repositories().insert(&custom("c", b"component"), Some(b"component")).unwrap();
    let files = files_below(&place.directory());
    assert!(!files.iter().any(|file| file.to_string_lossy().contains(".new-")), "{files:?}");
}
