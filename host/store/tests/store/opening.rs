//! Opening what is there, whatever it is.

use crate::support::{Place, names, register_with_token, token_of, told};
use forgeport_store::{KeySource, Store, StoreError};
use std::fs;

fn reopened(place: &Place) -> Result<Store, StoreError> {
    Store::open(&place.directory(), KeySource::File)
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let place = Place::new();
    register_with_token(&place.open(), "r", "token");
    let connection = place.sql();
    let known: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    connection.execute_batch("CREATE TABLE from_the_future (x); PRAGMA user_version = 1000").unwrap();
    drop(connection);
    let before = fs::read(place.file("forgeport.db")).unwrap();

    let error = told(reopened(&place).map(drop), &["forgeport.db", "newer", "1000", "update Forgeport"]);
    assert!(matches!(error, StoreError::FutureSchema { found: 1000, .. }));
    assert_eq!(fs::read(place.file("forgeport.db")).unwrap(), before);

    let connection = place.sql();
    connection.pragma_update(None, "user_version", known).unwrap();
    drop(connection);
    assert_eq!(token_of(&place.open(), "r").unwrap(), "token");
}

#[test]
fn the_database_is_in_write_ahead_mode_and_checks_out() {
    let place = Place::new();
    register_with_token(&place.open(), "r", "token");
    let connection = place.sql();
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let check: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), check.as_str()), ("wal", "ok"));
}

#[test]
fn an_empty_database_file_is_filled_as_after_a_crash_in_the_first_opening() {
    let place = Place::new();
    drop(place.open());
    fs::write(place.file("forgeport.db"), "").unwrap();
    let store = place.open();
    register_with_token(&store, "r", "token");
    assert_eq!(names(&place.open()), ["r"]);
}

#[test]
fn a_file_that_is_no_database_is_told_with_its_path_and_left_as_it_is() {
    let place = Place::new();
    drop(place.open());
    let text = "this is not SQLite. ".repeat(500);
    fs::write(place.file("forgeport.db"), &text).unwrap();
    let error = told(reopened(&place).map(drop), &["forgeport.db", "not a database"]);
    assert!(matches!(error, StoreError::Database { .. }));
    assert_eq!(fs::read_to_string(place.file("forgeport.db")).unwrap(), text);
}

#[test]
fn a_file_in_the_place_of_the_directory_is_told_with_its_path() {
    let place = Place::new();
    fs::write(place.directory(), "a file").unwrap();
    told(reopened(&place).map(drop), &["store", "directory"]);
    fs::remove_file(place.directory()).unwrap();
    fs::create_dir_all(place.file("forgeport.db")).unwrap();
    told(reopened(&place).map(drop), &["forgeport.db"]);
}

#[test]
fn another_process_that_is_writing_does_not_stop_readers_or_openers() {
    let place = Place::new();
    register_with_token(&place.open(), "r", "token");
    let writer = place.sql();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM code_repository").unwrap();
    assert_eq!(token_of(&place.open(), "r").unwrap(), "token");
    writer.execute_batch("ROLLBACK").unwrap();
}
