//! Data keys under a master key, and somebody who alters or moves what is kept of them.

use crate::support::{PLACE, VALUE, flipped, master, of_other_lengths, other_master, refused};
use forgeport_vault::{DataKey, Sealed, VaultError, WrappedKey, former};

#[test]
fn a_wrapped_key_opens_what_the_key_has_sealed() {
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&PLACE, VALUE).unwrap();
    let wrapped = WrappedKey::from_bytes(master().wrap("w", &key).unwrap().as_bytes().to_vec());
    assert_eq!(wrapped.master_id(), Some(master().id()));
    let unwrapped = master().unwrap("w", &wrapped).unwrap();
    assert_eq!(unwrapped.id(), key.id());
    assert_eq!(unwrapped.open(&PLACE, &sealed).unwrap().as_str(), VALUE);
}

#[test]
fn a_change_of_the_master_key_touches_no_value() {
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&PLACE, VALUE).unwrap();
    let before = master().wrap("w", &key).unwrap();
    let after = other_master().wrap("w", &master().unwrap("w", &before).unwrap()).unwrap();
    assert_eq!(after.master_id(), Some(other_master().id()));
    assert_eq!(other_master().unwrap("w", &after).unwrap().open(&PLACE, &sealed).unwrap().as_str(), VALUE);
    refused(master().unwrap("w", &after), &["a test", "not the one"]);
}

#[test]
fn another_master_key_is_refused_even_where_its_id_is_written_over() {
    let wrapped = master().wrap("w", &DataKey::generate().unwrap()).unwrap();
    let error = refused(other_master().unwrap("w", &wrapped), &["another test", "not the one", "nothing was changed"]);
    assert!(matches!(error, VaultError::WrongKey(_)) && error.is_of_the_key());
    let mut bytes = wrapped.as_bytes().to_vec();
    bytes[1..9].copy_from_slice(other_master().id().as_bytes());
    let error = refused(other_master().unwrap("w", &WrappedKey::from_bytes(bytes)), &["\"w\"", "tampered"]);
    assert!(matches!(error, VaultError::DataKeyTampered(_)) && !error.is_of_the_key());
}

#[test]
fn a_data_key_that_is_moved_to_another_workspace_is_refused() {
    let wrapped = master().wrap("w", &DataKey::generate().unwrap()).unwrap();
    let error = refused(master().unwrap("v", &wrapped), &["\"v\"", "tampered", "restore"]);
    assert!(matches!(error, VaultError::DataKeyTampered(_)));
}

#[test]
fn every_flipped_bit_of_a_wrapped_key_is_noticed() {
    let wrapped = master().wrap("w", &DataKey::generate().unwrap()).unwrap();
    for (byte, bytes) in flipped(wrapped.as_bytes()) {
        let outcome = master().unwrap("w", &WrappedKey::from_bytes(bytes));
        // Bytes 1 to 8 name the key.
        if (1..9).contains(&byte) {
            assert!(matches!(outcome, Err(VaultError::WrongKey(_))), "byte {byte}");
        } else {
            assert!(matches!(outcome, Err(VaultError::DataKeyTampered(_))), "byte {byte}");
        }
    }
}

#[test]
fn a_wrapped_key_of_any_other_length_is_refused() {
    let wrapped = master().wrap("w", &DataKey::generate().unwrap()).unwrap();
    for bytes in of_other_lengths(wrapped.as_bytes()) {
        let outcome = master().unwrap("w", &WrappedKey::from_bytes(bytes));
        assert!(matches!(outcome, Err(VaultError::DataKeyTampered(_))));
    }
}

#[test]
fn no_kind_of_envelope_is_taken_for_another() {
    let key = DataKey::generate().unwrap();
    let (wrapped, sealed) = (master().wrap("w", &key).unwrap(), key.seal(&PLACE, VALUE).unwrap());
    assert_eq!(WrappedKey::from_bytes(sealed.as_bytes().to_vec()).master_id(), None);
    for format in 0..=255 {
        let with_format = |bytes: &[u8]| [&[format], &bytes[1..]].concat();
        let as_value = Sealed::from_bytes(with_format(wrapped.as_bytes()));
        assert!(key.open(&PLACE, &as_value).is_err() && former::open(&master(), &PLACE, &as_value).is_err());
        assert!(master().unwrap("w", &WrappedKey::from_bytes(with_format(sealed.as_bytes()))).is_err());
    }
}

#[test]
fn derived_keys_differ_by_purpose_and_by_master_key_and_stay_the_same() {
    let purposes = ["cache", "compiled code", ""];
    let keys: Vec<_> =
        purposes.iter().flat_map(|purpose| [master(), other_master()].map(|key| key.derive(purpose))).collect();
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(key));
    }
    assert_eq!(master().derive("cache"), keys[0]);
}
