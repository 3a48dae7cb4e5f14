//! Somebody else changes the database.

use crate::support::{Place, Store, register_with_token, token_of, told, values};
use forgeport_store::{StoreError, VaultError};
use std::fs;

fn filled() -> Place {
    let place = Place::new();
    let store = place.open();
    store.secrets().create("one", &values(&[("a", "value of a"), ("b", "value of b")])).unwrap();
    store.secrets().create("two", &values(&[("a", "value of two")])).unwrap();
    register_with_token(&store, "r", "token of r");
    register_with_token(&store, "q", "token of q");
    drop(store);
    place
}

fn changed(place: &Place, sql: &str) -> Store {
    let connection = place.sql();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    // Whoever can change the one file can remove the other.
    fs::remove_file(place.file("forgeport.sum")).unwrap();
    place.open()
}

fn assert_refused<T>(outcome: Result<T, StoreError>, parts: &[&str]) {
    let error = told(outcome, parts);
    assert!(matches!(error, StoreError::Vault(VaultError::Tampered(_))), "{error:?}");
    assert!(!error.to_string().contains("value of b"), "{error}");
}

#[test]
fn a_value_moved_to_another_key_of_its_secret_does_not_open() {
    let place = filled();
    let store = changed(
        &place,
        "UPDATE secret_value SET sealed = (SELECT sealed FROM secret_value WHERE key = 'b') WHERE key = 'a'",
    );
    let outcome = store.secrets().get("one", "a");
    assert!(matches!(told(outcome, &["\"a\"", "\"one\"", "set it anew"]), StoreError::Vault(VaultError::Tampered(_))));
    assert_eq!(store.secrets().get("one", "b").unwrap().as_str(), "value of b");
}

#[test]
fn a_value_moved_to_another_secret_does_not_open() {
    let place = filled();
    let store = changed(
        &place,
        "DELETE FROM secret_value WHERE secret_id = (SELECT id FROM secret WHERE name = 'two');
         UPDATE secret_value SET secret_id = (SELECT id FROM secret WHERE name = 'two') WHERE key = 'a'",
    );
    let outcome = store.secrets().get("two", "a");
    assert!(matches!(told(outcome, &["\"a\"", "\"two\""]), StoreError::Vault(VaultError::Tampered(_))));
}

#[test]
fn a_token_moved_to_another_code_repository_or_option_or_to_a_secret_does_not_open() {
    let place = filled();
    let store = changed(
        &place,
        "UPDATE code_repository_option SET sealed = (SELECT sealed FROM code_repository_option
             WHERE code_repository_id = (SELECT id FROM code_repository WHERE name = 'q'))
             WHERE code_repository_id = (SELECT id FROM code_repository WHERE name = 'r');
         UPDATE secret_value SET sealed = (SELECT sealed FROM code_repository_option LIMIT 1);
         UPDATE code_repository_option SET name = 'password'
             WHERE code_repository_id = (SELECT id FROM code_repository WHERE name = 'q')",
    );
    assert!(matches!(told(token_of(&store, "r"), &["--token", "\"r\""]), StoreError::Vault(VaultError::Tampered(_))));
    let moved = store.code_repositories().get("q").unwrap();
    let outcome = store.code_repositories().value(&moved, "password");
    assert!(matches!(told(outcome, &["--password", "\"q\""]), StoreError::Vault(VaultError::Tampered(_))));
    assert!(matches!(store.secrets().get("two", "a"), Err(StoreError::Vault(VaultError::Tampered(_)))));
}

#[test]
fn every_flipped_bit_of_a_sealed_value_is_noticed() {
    let place = filled();
    let store = place.open();
    let sealed: Vec<u8> =
        place.sql().query_row("SELECT sealed FROM secret_value WHERE key = 'b'", (), |row| row.get(0)).unwrap();
    let connection = place.sql();
    for bit in 0..8 * sealed.len() {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        connection.execute("UPDATE secret_value SET sealed = ?1 WHERE key = 'b'", [flipped]).unwrap();
        let outcome = store.secrets().get("one", "b");
        assert!(matches!(outcome, Err(StoreError::Vault(VaultError::Tampered(_)))), "bit {bit}");
    }
    connection.execute("UPDATE secret_value SET sealed = ?1 WHERE key = 'b'", [sealed]).unwrap();
    assert_eq!(store.secrets().get("one", "b").unwrap().as_str(), "value of b");
}

#[test]
fn a_sealed_value_of_any_other_length_is_refused() {
    let place = filled();
    let connection = place.sql();
    let sealed: Vec<u8> =
        connection.query_row("SELECT sealed FROM secret_value WHERE key = 'b'", (), |row| row.get(0)).unwrap();
    let store = place.open();
    let longer = [&sealed[..], &[0]].concat();
    let huge = [&sealed[..], &[0; 200_000]].concat();
    let shorter = (0..sealed.len()).map(|length| sealed[..length].to_vec());
    for wrong in shorter.chain([longer, huge]) {
        connection.execute("UPDATE secret_value SET sealed = ?1 WHERE key = 'b'", [&wrong]).unwrap();
        assert_refused(store.secrets().get("one", "b"), &["\"b\""]);
    }
}

#[test]
fn a_damaged_value_can_be_set_anew_and_its_neighbours_stay() {
    let place = filled();
    let store = changed(&place, "UPDATE secret_value SET sealed = x'00' WHERE key = 'b'");
    assert_refused(store.secrets().get("one", "b"), &["\"b\"", "set it anew"]);
    store.secrets().update("one", &values(&[("b", "new")]), &[]).unwrap();
    assert_eq!(store.secrets().get("one", "b").unwrap().as_str(), "new");
    assert_eq!(store.secrets().get("one", "a").unwrap().as_str(), "value of a");
}

#[test]
fn a_registration_with_rows_that_make_no_sense_is_told_and_can_be_deleted() {
    for damage in [
        "UPDATE code_repository SET grants = 'x' WHERE name = 'r'",
        "INSERT INTO component SELECT workspace, provider_digest, '[]' FROM code_repository WHERE name = 'r';
             UPDATE code_repository SET access = '{}' WHERE name = 'r'",
        "UPDATE code_repository_option SET sealed = NULL, secret_name = 'a b', secret_key = '}}'
             WHERE code_repository_id = (SELECT id FROM code_repository WHERE name = 'r')",
    ] {
        let place = filled();
        let store = changed(&place, damage);
        let error = told(store.code_repositories().get("r"), &["cannot be read", "delete"]);
        assert!(matches!(error, StoreError::Corrupt(_)), "{damage}");
        store.code_repositories().delete("r").unwrap();
        assert_eq!(token_of(&store, "q").unwrap(), "token of q");
    }
}
