//! Where the key comes from, and what happens with another one or none.

use crate::support::{Place, Store, chmod, names, on_both, register_with_token, registration, token_of, told, values};
use base64::{Engine, engine::general_purpose};
use forgeport_store::{KeySource, StoreError, VaultError};
use std::fs;
use zeroize::Zeroizing;

const KEY: [u8; 32] = [
    0xfb, 0xff, 0xfe, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31,
];
const OTHER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn hex() -> String {
    KEY.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One secret, one registration with a token.
fn fill(store: &Store) {
    store.secrets().create("s", &values(&[("k", "value"), ("l", "value")])).unwrap();
    register_with_token(store, "r", "token");
}

fn assert_whole(store: &Store) {
    assert_eq!(store.secrets().get("s", "k").unwrap().as_str(), "value");
    assert_eq!(token_of(store, "r").unwrap(), "token");
}

#[test]
fn the_key_from_the_environment_is_the_same_in_hex_and_every_base64_and_makes_no_file() {
    let place = Place::new();
    fill(&place.open_with_key(&hex()));
    let spellings = [
        hex().to_uppercase(),
        format!("  {}\n", hex()),
        general_purpose::STANDARD.encode(KEY),
        general_purpose::STANDARD_NO_PAD.encode(KEY),
        general_purpose::URL_SAFE.encode(KEY),
        general_purpose::URL_SAFE_NO_PAD.encode(KEY),
    ];
    for spelling in &spellings {
        assert_whole(&place.open_with_key(spelling));
    }
    assert!(!place.file("key").exists());
}

#[test]
fn a_key_file_moved_to_the_environment_opens_the_same_store() {
    let place = Place::new();
    fill(&place.open());
    let key = fs::read_to_string(place.file("key")).unwrap();
    fs::remove_file(place.file("key")).unwrap();
    assert_whole(&place.open_with_key(&key));
}

fn what_is_no_key_is_refused_when_it_is_needed_and_never_repeated(place: &Place) {
    let bad = ["", "short", &hex()[1..], &format!("{}0", hex()), &"g".repeat(64), &"ä".repeat(32), &"A".repeat(44)];
    for text in bad {
        let store = place.open_with_key(text);
        let outcome = store.secrets().create("s", &values(&[("k", "v")]));
        let error = told(outcome, &["FORGEPORT_KEY", "64 hexadecimal digits"]);
        assert!(matches!(error, StoreError::Vault(VaultError::BadKey(_))));
        assert!(text.is_empty() || !format!("{error} {error:?}").contains(text));
        assert_eq!(store.secrets().list().unwrap(), []);
    }
}

#[test]
fn the_source_of_a_key_shows_nothing_of_it() {
    let source = KeySource::Environment(Zeroizing::new(hex()));
    assert_eq!(format!("{source:?} {:?}", KeySource::File), "Environment(..) File");
}

fn with_the_wrong_key_nothing_is_read_or_written_and_nothing_is_lost(place: &Place) {
    fill(&place.open_with_key(&hex()));
    let wrong = place.open_with_key(OTHER);
    let repository = wrong.code_repositories().get("r").unwrap();
    let one_of_two = values(&[("k", "new")]);
    let outcomes = [
        wrong.secrets().get("s", "k").map(drop),
        wrong.code_repositories().value(&repository, "token").map(drop),
        wrong.secrets().create("t", &values(&[("k", "v")])),
        wrong.secrets().update("s", &one_of_two, &[]),
        wrong.code_repositories().update(&repository, None).map(drop),
    ];
    for outcome in outcomes {
        let error = told(outcome, &["FORGEPORT_KEY", "not the one"]);
        assert!(matches!(error, StoreError::Vault(VaultError::WrongKey(_))));
    }
    let outcome = wrong.code_repositories().seal(&registration("x"), "token", "t");
    assert!(matches!(told(outcome, &["FORGEPORT_KEY"]), StoreError::Vault(VaultError::WrongKey(_))));
    drop(wrong);
    let store = place.open_with_key(&hex());
    assert_whole(&store);
    assert_eq!((names(&store), store.secrets().list().unwrap().len()), (vec!["r".to_owned()], 1));
}

#[test]
fn a_lost_key_file_is_told_and_never_replaced_by_a_new_key() {
    let place = Place::new();
    fill(&place.open());
    let kept = place.file("kept");
    fs::rename(place.file("key"), &kept).unwrap();
    let store = place.open();
    let outcomes = [
        store.secrets().get("s", "k").map(drop),
        token_of(&store, "r").map(drop),
        store.secrets().create("t", &values(&[("k", "v")])),
        store.code_repositories().seal(&registration("x"), "token", "t").map(drop),
        store.derive_key("cache").map(drop),
    ];
    for outcome in outcomes {
        let error = told(outcome, &["store/key", "missing", "restore it", "FORGEPORT_KEY", "delete"]);
        assert!(matches!(error, StoreError::Vault(VaultError::KeyMissing(_))));
    }
    assert!(!place.file("key").exists());
    // What needs no key works: looking, and giving up what is lost.
    assert_eq!(names(&store), ["r"]);
    assert_eq!(store.secrets().keys("s").unwrap(), ["k", "l"]);

    fs::rename(&kept, place.file("key")).unwrap();
    assert_whole(&store);
}

#[test]
fn after_a_lost_key_what_it_encrypted_can_be_deleted_and_the_store_starts_anew() {
    let place = Place::new();
    fill(&place.open());
    fs::remove_file(place.file("key")).unwrap();
    let store = place.open();
    store.code_repositories().delete("r").unwrap();
    store.secrets().delete("s").unwrap();
    fill(&store);
    assert_whole(&place.open());
}

#[test]
fn a_lost_key_is_overcome_by_setting_every_value_anew() {
    let place = Place::new();
    place.open().secrets().create("s", &values(&[("k", "old"), ("l", "old")])).unwrap();
    fs::remove_file(place.file("key")).unwrap();
    let store = place.open();
    told(store.secrets().update("s", &values(&[("k", "new")]), &[]), &["missing"]);
    assert!(!place.file("key").exists());
    store.secrets().update("s", &values(&[("k", "new"), ("l", "new")]), &[]).unwrap();
    assert_eq!(place.open().secrets().get("s", "l").unwrap().as_str(), "new");

    let other = place.open_with_key(OTHER);
    other.secrets().update("s", &values(&[("k", "newer"), ("l", "newer")]), &[]).unwrap();
    assert_eq!(other.secrets().get("s", "k").unwrap().as_str(), "newer");
}

#[test]
fn a_key_file_that_others_can_read_or_that_holds_no_key_is_refused_and_left_as_it_is() {
    let place = Place::new();
    fill(&place.open());
    let key = fs::read(place.file("key")).unwrap();
    chmod(&place.file("key"), 0o640);
    let error = told(place.open().secrets().get("s", "k"), &["store/key", "640", "chmod 600"]);
    assert!(matches!(error, StoreError::Vault(VaultError::KeyNotPrivate { mode: 0o640, .. })));
    chmod(&place.file("key"), 0o600);
    assert_whole(&place.open());

    for broken in [&b""[..], &key[..40], b"\xff\xfe", &b"a".repeat(5000)] {
        fs::write(place.file("key"), broken).unwrap();
        let store = place.open();
        assert!(matches!(store.secrets().get("s", "k"), Err(StoreError::Vault(VaultError::BadKey(_)))));
        assert!(matches!(
            store.secrets().create("t", &values(&[("k", "v")])),
            Err(StoreError::Vault(VaultError::BadKey(_)))
        ));
        assert_eq!(fs::read(place.file("key")).unwrap(), broken);
    }
    fs::write(place.file("key"), key).unwrap();
    assert_whole(&place.open());
}

#[test]
fn derived_keys_differ_by_purpose_and_by_store_and_stay_the_same() {
    let (one, two) = (Place::new(), Place::new());
    let derived = |place: &Place, purpose| place.open().derive_key(purpose).unwrap();
    let first = derived(&one, "compiled code");
    assert_eq!(derived(&one, "compiled code"), first);
    assert_ne!(derived(&one, "another"), first);
    assert_ne!(derived(&two, "compiled code"), first);
    // It is none of the bytes on the disk.
    let text = fs::read_to_string(one.file("key")).unwrap();
    let hex: String = first.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_ne!(text.trim(), hex);
}

#[test]
fn a_store_without_credentials_has_no_key() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&registration("a"), None).unwrap();
    assert!(!place.file("key").exists());
    // Nor does it need the one that it is given.
    assert_eq!(names(&place.open_with_key("no key at all")), ["a"]);
}

on_both! {
    what_is_no_key_is_refused_when_it_is_needed_and_never_repeated,
    with_the_wrong_key_nothing_is_read_or_written_and_nothing_is_lost,
}
