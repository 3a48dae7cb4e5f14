//! A change of the master key that ended at each of its moments: the store opens, and what is left over goes with the next change.

use crate::support::{Place, Store, register_with_token, token_of, told, values};
use forgeport_store::{KeySource, StoreError, SystemKeyring};
use forgeport_vault::{KeyPlace, Vault};
use std::fs;

fn filled() -> Place {
    let place = Place::new();
    let store = place.open();
    store.secrets().create("s", &values(&[("k", "value")])).unwrap();
    register_with_token(&store, "r", "token");
    place
}

fn assert_whole(store: &Store) {
    assert_eq!(store.secrets().get("s", "k").unwrap().as_str(), "value");
    assert_eq!(token_of(store, "r").unwrap(), "token");
}

/// The names of the files that have to do with keys.
fn key_files(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.directory()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains("key")).collect();
    names.sort();
    names
}

/// As it is between the commit of the wrapped keys and the end of the change.
fn killed_after_the_commit(place: &Place) {
    let old = fs::read(place.file("key")).unwrap();
    place.open().rotate_key(None, None).unwrap();
    let id = Vault::new(KeySource::File, &place.directory(), Box::new(SystemKeyring)).present().unwrap().unwrap().id();
    fs::rename(place.file("key"), place.file(&format!("key.{id}"))).unwrap();
    fs::write(place.file("key"), old).unwrap();
    crate::support::chmod(&place.file("key"), 0o600);
}

#[test]
fn a_new_key_that_was_kept_and_not_used_yet_goes_with_the_next_change() {
    let place = filled();
    let vault = Vault::new(KeySource::File, &place.directory(), Box::new(SystemKeyring));
    vault.stage(KeyPlace::File).unwrap();
    assert_eq!(key_files(&place).len(), 2);
    assert_whole(&place.open());
    place.open().rotate_key(None, None).unwrap();
    assert_eq!(key_files(&place), ["key"]);
    assert_whole(&place.open());
}

#[test]
fn after_the_commit_the_new_key_is_found_beside_the_old_one_and_the_next_write_puts_it_in_its_place() {
    let place = filled();
    killed_after_the_commit(&place);
    let before = fs::read(place.file("key")).unwrap();
    assert_whole(&place.open());
    assert_eq!(fs::read(place.file("key")).unwrap(), before, "whoever reads changes nothing");
    place.open().secrets().create("t", &values(&[("k", "v")])).unwrap();
    assert_eq!(key_files(&place), ["key"]);
    assert_ne!(fs::read(place.file("key")).unwrap(), before);
    assert_whole(&place.open());
}

#[test]
fn a_change_after_one_that_ended_early_finishes_it_and_leaves_one_key() {
    let place = filled();
    killed_after_the_commit(&place);
    place.open().rotate_key(None, None).unwrap();
    assert_eq!(key_files(&place), ["key"]);
    assert_whole(&place.open());
}

#[test]
fn a_change_touches_no_value_and_one_that_fails_touches_nothing() {
    let place = filled();
    let sealed =
        || -> Vec<u8> { place.sql().query_row("SELECT sealed FROM secret_value", (), |row| row.get(0)).unwrap() };
    let wrapped =
        || -> Vec<u8> { place.sql().query_row("SELECT wrapped FROM workspace_key", (), |row| row.get(0)).unwrap() };
    let (value, key) = (sealed(), wrapped());
    let rotated = place.open().rotate_key(None, None).unwrap();
    assert_eq!((rotated.workspaces, rotated.leftovers.len()), (1, 0));
    assert!(sealed() == value && wrapped() != key);

    let (key, file) = (wrapped(), fs::read(place.file("key")).unwrap());
    fs::rename(place.file("key"), place.file("kept")).unwrap();
    let error = told(place.open().rotate_key(None, None), &["missing"]);
    assert!(matches!(error, StoreError::Vault(_)));
    fs::rename(place.file("kept"), place.file("key")).unwrap();
    assert!(wrapped() == key && fs::read(place.file("key")).unwrap() == file && key_files(&place) == ["key"]);
    assert_whole(&place.open());
}

#[test]
fn a_store_that_stays_open_follows_a_change_by_another_process() {
    let place = filled();
    let (staying, other) = (place.open(), place.open());
    assert_whole(&staying);
    other.rotate_key(None, None).unwrap();
    assert_whole(&staying);
    staying.secrets().update("s", &values(&[("l", "v")]), &[]).unwrap();
    register_with_token(&staying, "q", "token");
    assert_whole(&place.open());
    // One that has not read any value before.
    let late = place.open();
    other.rotate_key(None, None).unwrap();
    assert_whole(&late);
}
