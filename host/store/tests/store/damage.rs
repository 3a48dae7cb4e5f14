//! Files that are not what was written: noticed before they are believed or written to, and named.

use crate::support::{Place, Store, custom, files_below, names, register_with_token, registration, told, values};
use forgeport_store::{KeySource, StoreError};
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

fn reopened(place: &Place) -> Result<Store, StoreError> {
    Store::open(&place.directory(), KeySource::File)
}

/// A store with some of everything.
fn filled() -> Place {
    let place = Place::new();
    let store = place.open();
    for number in 0..20 {
        register_with_token(&store, &format!("r{number}"), "token");
    }
    store.code_repositories().insert(&custom("c", b"component"), Some(b"component")).unwrap();
    store.secrets().create("s", &values(&[("k", "value")])).unwrap();
    place
}

fn contents(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    files_below(&place.directory()).into_iter().map(|file| (file.clone(), fs::read(&file).unwrap())).collect()
}

/// It does not open, says so with the database's path, and leaves every byte as it was.
#[track_caller]
fn assert_noticed(place: &Place, parts: &[&str]) {
    let before = contents(place);
    told(reopened(place).map(drop), &[&["forgeport.db", "restore"], parts].concat());
    assert!(contents(place) == before);
}

#[test]
fn every_byte_that_is_another_one_is_noticed() {
    let place = filled();
    let file = place.file("forgeport.db");
    let whole = fs::read(&file).unwrap();
    let mut random = fastrand_like(7);
    for _ in 0..200 {
        let at = (random() % whole.len() as u64) as usize;
        // What only a commit writes is in no sum; SQLite itself compares it with nothing either.
        if (24..28).contains(&at) || (92..100).contains(&at) {
            continue;
        }
        let mut bytes = whole.clone();
        bytes[at] ^= 1 + (random() % 255) as u8;
        fs::write(&file, bytes).unwrap();
        let error = reopened(&place).map(drop).unwrap_err().to_string();
        assert!(error.contains("forgeport.db") && error.lines().count() == 1, "byte {at}: {error}");
    }
    fs::write(&file, whole).unwrap();
    assert_eq!(names(&place.open()).len(), 21);
}

/// Numbers that look random and are the same each time (xorshift64).
fn fastrand_like(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn an_emptied_or_deleted_database_is_noticed_and_not_begun_anew() {
    for beside in ["key and sum", "key", "sum"] {
        for emptied in [true, false] {
            let place = filled();
            match beside {
                "key" => fs::remove_file(place.file("forgeport.sum")).unwrap(),
                "sum" => fs::remove_file(place.file("key")).unwrap(),
                _ => {}
            }
            if emptied {
                fs::write(place.file("forgeport.db"), "").unwrap()
            } else {
                fs::remove_file(place.file("forgeport.db")).unwrap()
            }
            assert_noticed(&place, &[if emptied { "is empty" } else { "is missing" }, "move it away"]);
        }
    }
}

#[test]
fn a_store_that_stays_open_writes_nothing_over_what_was_damaged_meanwhile() {
    let place = filled();
    let store = place.open();
    let connection = place.sql();
    connection.execute_batch("UPDATE code_repository SET description = 'another' WHERE name = 'r1'").unwrap();
    drop(connection);
    let before = contents(&place);
    let error = told(store.code_repositories().delete("r2"), &["not what was last written", "forgeport.sum"]);
    assert!(matches!(error, StoreError::Altered { .. }));
    assert!(contents(&place) == before);
}

#[test]
fn another_store_or_an_older_copy_in_its_place_is_noticed_until_a_person_says_otherwise() {
    let place = filled();
    let older = fs::read(place.file("forgeport.db")).unwrap();
    register_with_token(&place.open(), "new", "token");
    let other = filled();
    for bytes in [older, fs::read(other.file("forgeport.db")).unwrap()] {
        fs::write(place.file("forgeport.db"), &bytes).unwrap();
        assert_noticed(&place, &["an older copy", "remove", "forgeport.sum"]);
    }
    fs::remove_file(place.file("forgeport.sum")).unwrap();
    let store = place.open();
    assert_eq!(names(&store).len(), 21);
    store.code_repositories().delete("r1").unwrap();
    assert_eq!(names(&place.open()).len(), 20);
}

#[test]
fn a_database_that_ends_early_is_noticed() {
    let place = filled();
    let file = place.file("forgeport.db");
    let whole = fs::read(&file).unwrap();
    for length in [whole.len() / 2, whole.len() - 4096, 4096, 100, 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(reopened(&place).map(drop).unwrap_err().to_string().contains("forgeport.db"), "{length}");
    }
}

#[test]
fn a_damaged_sum_is_noticed_too() {
    let place = filled();
    for text in ["", "nonsense", "\0"] {
        fs::write(place.file("forgeport.sum"), text).unwrap();
        assert_noticed(&place, &["forgeport.sum"]);
    }
}

#[test]
fn after_every_kind_of_change_the_store_opens() {
    let place = filled();
    let store = place.open();
    store.secrets().rename("s", "t").unwrap();
    reopened(&place).unwrap();
    store.rotate_key(None, None).unwrap();
    reopened(&place).unwrap();
    for name in names(&store) {
        store.code_repositories().delete(&name).unwrap();
        reopened(&place).unwrap();
    }
    store.secrets().create("s", &values(&[("k", "v")])).unwrap_or_default();
    store.code_repositories().insert(&registration("x"), None).unwrap();
    reopened(&place).unwrap();
    place.open().rotate_key(None, None).unwrap();
    store.code_repositories().delete("x").unwrap();
    assert!(names(&place.open()).is_empty());
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_and_not_waited_for() {
    for name in ["forgeport.db", "forgeport.sum", "key", "lock", "audit.db"] {
        let place = filled();
        let _ = fs::remove_file(place.file(name));
        assert!(Command::new("mkfifo").arg(place.file(name)).status().unwrap().success());
        let outcome = reopened(&place).and_then(|store| {
            store.audit().append(&[])?;
            store.secrets().create("new", &values(&[("k", "v")]))?;
            store.secrets().get("new", "k").map(drop)
        });
        match name {
            // Nothing takes it any more once the tables are there.
            "lock" => told(fresh_with_a_pipe_as_lock(), &["lock", "no regular file"]),
            name => told(outcome, &[name, "no regular file"]),
        };
    }
}

fn fresh_with_a_pipe_as_lock() -> Result<(), StoreError> {
    let place = Place::new();
    fs::create_dir(place.directory()).unwrap();
    assert!(Command::new("mkfifo").arg(place.file("lock")).status().unwrap().success());
    reopened(&place)?.secrets().create("new", &values(&[("k", "v")]))
}
