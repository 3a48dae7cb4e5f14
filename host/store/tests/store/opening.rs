//! Opening what is there, whatever it is.

use crate::support::{Place, Store, files_below, names, register_with_token, token_of, told};
use forgeport_store::{AuditFilter, KeySource, StoreError};
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
    fs::remove_file(place.file("forgeport.sum")).unwrap();
    assert_eq!(token_of(&place.open(), "r").unwrap(), "token");
}

#[test]
fn the_database_has_no_log_beside_it_and_checks_out() {
    let place = Place::new();
    let store = place.open();
    register_with_token(&store, "r", "token");
    let names: Vec<String> =
        files_below(&place.directory()).iter().map(|file| file.file_name().unwrap().to_str().unwrap().into()).collect();
    assert!(!names.iter().any(|name| name.ends_with("-wal") || name.ends_with("-shm")), "{names:?}");
    let connection = place.sql();
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let check: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), check.as_str()), ("delete", "ok"));
}

#[test]
fn whoever_only_reads_makes_no_store() {
    let place = Place::new();
    let store = place.open();
    assert!(store.code_repositories().list().unwrap().is_empty() && store.secrets().list().unwrap().is_empty());
    assert!(store.audit().list(&AuditFilter::default()).unwrap().is_empty());
    told(store.code_repositories().find("r").map(drop), &["no code repository \"r\""]);
    told(store.secrets().get("s", "k"), &["no secret \"s\""]);
    assert!(!place.directory().exists());
    // What another one makes meanwhile is seen.
    register_with_token(&place.open(), "r", "token");
    assert_eq!(names(&store), ["r"]);
}

#[test]
fn an_empty_database_file_is_filled_as_after_a_crash_in_the_first_change() {
    let place = Place::new();
    fs::create_dir(place.directory()).unwrap();
    fs::write(place.file("forgeport.db"), "").unwrap();
    assert!(names(&place.open()).is_empty());
    register_with_token(&place.open(), "r", "token");
    assert_eq!(names(&place.open()), ["r"]);
}

/// As an older Forgeport left it: with a write-ahead log, and the audit log among the other tables.
fn older(place: &Place, version: usize) {
    fs::create_dir(place.directory()).unwrap();
    let connection = place.sql();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    let steps = [
        include_str!("../../src/schema/sqlite/1.sql"),
        include_str!("../../src/schema/sqlite/2.sql"),
        include_str!("../../src/schema/sqlite/3.sql"),
        include_str!("../../src/schema/sqlite/4.sql"),
    ];
    for step in &steps[..version] {
        connection.execute_batch(step).unwrap();
    }
    connection.pragma_update(None, "user_version", version as i64).unwrap();
    connection
        .execute_batch(
            "INSERT INTO secret VALUES ('i', 's', 1, 1);
             INSERT INTO audit (at, tenant, repository, provider, digest, method, origin, path, sent, received, secrets, outcome,
                 rule)
             VALUES (7, 'local', 'a', 'p', 'd', 'GET', 'o', '/', 0, 0, '[]', 'refused', 'r')",
        )
        .unwrap();
}

#[test]
fn the_audit_log_of_an_older_store_comes_along() {
    for version in [2, 3, 4] {
        let place = Place::new();
        older(&place, version);
        let store = place.open();
        assert_eq!(store.secrets().list().unwrap().len(), 1);
        let log = store.audit().list(&AuditFilter::default()).unwrap();
        assert_eq!((log.len(), log[0].at, log[0].count, log[0].context.registration.as_str()), (1, 7, 1, ""));
        let mode: String = place.sql().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "delete");
        assert!(place.file("audit.db").exists());
        register_with_token(&store, "r", "token");
        assert_eq!(token_of(&place.open(), "r").unwrap(), "token");
    }
}

#[test]
fn a_file_that_is_no_database_is_told_with_its_path_and_left_as_it_is() {
    let place = Place::new();
    fs::create_dir(place.directory()).unwrap();
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
