//! Values that must show nowhere.

use crate::support::{Place, Store, files_below, on_both, reference, register_with_token, registration, values, with};
use forgeport_store::{CodeRepository, StoreError};
use std::fs;

const TOKEN: &str = "CANARY-token-7c1e4f0b";
const SECRET: &str = "CANARY-secret-2a9d8e31";
const REPLACED: &str = "CANARY-replaced-55aa66bb";

/// Values that are there, were replaced, and were deleted.
fn fill(store: &Store) {
    store.secrets().create("s", &values(&[("k", REPLACED), ("gone", REPLACED)])).unwrap();
    store.secrets().update("s", &values(&[("k", SECRET)]), &["gone".to_owned()]).unwrap();
    store.secrets().create("deleted", &values(&[("k", REPLACED)])).unwrap();
    store.secrets().delete("deleted").unwrap();
    register_with_token(store, "r", TOKEN);
    let repository = store.code_repositories().get("r").unwrap();
    let repository = with(repository, "password", reference("{{s.k}}"));
    store.code_repositories().update(&repository, None).unwrap();
}

fn assert_silent(text: &str) {
    assert!(!text.contains("CANARY"), "{text}");
}

#[test]
fn no_file_of_the_store_holds_a_value_in_plain_text() {
    let place = Place::new();
    let store = place.open();
    fill(&store);
    let files = files_below(&place.directory());
    assert!(files.len() >= 4, "{files:?}");
    for file in &files {
        let bytes = fs::read(file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"CANARY"), "{file:?}");
    }
    drop(store);
    // Everything is in the database itself now, so a search in it finds what is no secret.
    let bytes = fs::read(place.file("forgeport.db")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"CANARY"));
    assert!(bytes.windows(8).any(|window| window == b"password"));
}

fn debug_shows_no_credential_nor_what_it_is_encrypted_to(place: &Place) {
    let store = place.open();
    fill(&store);
    let repository = store.code_repositories().get("r").unwrap();
    assert!(format!("{repository:?}").contains("Sealed(..)"));
    assert_silent(&format!("{repository:?} {repository:#?}"));
    let secrets = store.secrets().list().unwrap();
    assert_silent(&format!("{secrets:?}"));
    assert_silent(&format!("{:?}", store.secrets().referrers("s").unwrap()));
}

fn every_error(place: &Place) -> Vec<StoreError> {
    let store = place.open();
    let new = CodeRepository { name: "r".to_owned(), ..registration("r") };
    let sealed = store.code_repositories().seal(&new, "token", TOKEN).unwrap();
    let long = TOKEN.repeat(4000);
    let mut errors = vec![
        store.secrets().create("s", &values(&[("k", SECRET)])).unwrap_err(),
        store.secrets().create("bad name", &values(&[("k", SECRET)])).unwrap_err(),
        store.secrets().create("t", &values(&[("bad key", SECRET)])).unwrap_err(),
        store.secrets().create("t", &values(&[("k", &long)])).unwrap_err(),
        store.secrets().update("none", &values(&[("k", SECRET)]), &[]).unwrap_err(),
        store.secrets().update("s", &values(&[("k", SECRET)]), &["none".to_owned()]).unwrap_err(),
        store.secrets().get("s", "none").unwrap_err(),
        store.code_repositories().seal(&new, "token", &long).unwrap_err(),
        store.code_repositories().insert(&with(new.clone(), "token", sealed.clone()), None).unwrap_err(),
        store.code_repositories().insert(&with(registration("x"), "token", sealed), None).unwrap_err(),
    ];
    drop(store);
    let wrong = place.open_with_key(&"0".repeat(64));
    errors.push(wrong.secrets().get("s", "k").unwrap_err());
    errors.push(wrong.secrets().create("t", &values(&[("k", SECRET)])).unwrap_err());
    fs::remove_file(place.file("key")).unwrap();
    errors.push(place.open().secrets().create("t", &values(&[("k", SECRET)])).unwrap_err());
    errors
}

fn no_error_shows_a_credential(place: &Place) {
    fill(&place.open());
    let errors = every_error(place);
    assert_eq!(errors.len(), 13);
    for error in errors {
        assert_silent(&format!("{error} {error:?}"));
    }
}

fn the_same_value_is_never_encrypted_to_the_same_bytes(place: &Place) {
    let store = place.open();
    let repository = registration("r");
    let seal = || store.code_repositories().seal(&repository, "token", TOKEN).unwrap();
    assert_ne!(seal(), seal());
}

on_both! {
    debug_shows_no_credential_nor_what_it_is_encrypted_to,
    no_error_shows_a_credential,
    the_same_value_is_never_encrypted_to_the_same_bytes,
}
