//! Values, and somebody who alters or moves what is kept of them.

use crate::support::{PLACE, VALUE, flipped, of_other_lengths, refused};
use forgeport_vault::{DataKey, MAX_VALUE_LENGTH, Place, Sealed, VaultError};

#[track_caller]
fn assert_tampered(key: &DataKey, place: &Place<'_>, sealed: &Sealed) {
    let error = refused(key.open(place, sealed), &[place.shown, "set it anew"]);
    assert!(matches!(error, VaultError::Tampered(_)), "{error:?}");
}

#[test]
fn a_value_opens_in_its_place() {
    let key = DataKey::generate().unwrap();
    for value in ["", VALUE, "ä\0\n", &"x".repeat(MAX_VALUE_LENGTH)] {
        let sealed = key.seal(&PLACE, value).unwrap();
        let kept = Sealed::from_bytes(sealed.as_bytes().to_vec());
        assert_eq!(key.open(&PLACE, &kept).unwrap().as_str(), value);
        assert_eq!((kept.key_id(), kept.is_former()), (Some(key.id()), false));
    }
}

#[test]
fn a_value_does_not_open_in_another_workspace_table_row_or_key() {
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&PLACE, VALUE).unwrap();
    for place in [
        Place { workspace: "v", ..PLACE },
        Place { table: "code_repository_option", ..PLACE },
        Place { row: "q", ..PLACE },
        Place { key: "l", ..PLACE },
        Place { row: "", key: "rk", ..PLACE },
        Place { row: "rk", key: "", ..PLACE },
        Place { row: "k", key: "r", ..PLACE },
        Place { table: "secret_value\0r", row: "k", ..PLACE },
    ] {
        assert_tampered(&key, &place, &sealed);
    }
    assert!(key.open(&Place { shown: "something else", ..PLACE }, &sealed).is_ok());
}

#[test]
fn every_flipped_bit_of_a_value_is_noticed() {
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&PLACE, VALUE).unwrap();
    for (_, bytes) in flipped(sealed.as_bytes()) {
        assert_tampered(&key, &PLACE, &Sealed::from_bytes(bytes));
    }
}

#[test]
fn a_value_of_any_other_length_is_refused() {
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&PLACE, VALUE).unwrap();
    for bytes in of_other_lengths(sealed.as_bytes()) {
        assert_tampered(&key, &PLACE, &Sealed::from_bytes(bytes));
    }
}

#[test]
fn a_value_does_not_open_with_another_data_key_even_where_its_id_is_written_over() {
    let (key, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
    let mut bytes = key.seal(&PLACE, VALUE).unwrap().as_bytes().to_vec();
    assert_tampered(&other, &PLACE, &Sealed::from_bytes(bytes.clone()));
    bytes[1..9].copy_from_slice(other.id().as_bytes());
    assert_tampered(&other, &PLACE, &Sealed::from_bytes(bytes));
}

#[test]
fn a_value_that_is_too_long_for_a_credential_is_refused() {
    let value = "x".repeat(MAX_VALUE_LENGTH + 1);
    let outcome = DataKey::generate().unwrap().seal(&PLACE, &value);
    assert!(matches!(refused(outcome, &[PLACE.shown, "65536 bytes"]), VaultError::ValueTooLong(_)));
}

#[test]
fn each_sealing_has_a_version_of_its_own() {
    let key = DataKey::generate().unwrap();
    let [one, other] = [0, 1].map(|_| key.seal(&PLACE, VALUE).unwrap());
    assert_eq!(one.version(), one.clone().version());
    assert_ne!(one.version(), other.version());
    assert_eq!(one.version().len(), 64);
}
