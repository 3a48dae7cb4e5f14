//! What holds of every place, every value and all bytes.

use crate::support::{KEY, master, other_master};
use forgeport_vault::{DataKey, KeyId, MasterKey, Place, Sealed, WrappedKey, former};
use proptest::prelude::*;

fn of(parts: &[String; 4]) -> Place<'_> {
    let [workspace, table, row, key] = parts;
    Place { workspace, table, row, key, shown: "a value" }
}

/// Short parts of few characters, so that many places are nearly the same.
fn parts() -> impl Strategy<Value = [String; 4]> {
    let part = || prop_oneof!["[ab\0]{0,3}", any::<String>()];
    [part(), part(), part(), part()]
}

proptest! {
    #[test]
    fn a_value_opens_in_its_own_place_alone(here in parts(), there in parts(), value in any::<String>()) {
        let key = DataKey::generate().unwrap();
        let sealed = key.seal(&of(&here), &value).unwrap();
        let opened = key.open(&of(&here), &sealed).unwrap();
        prop_assert_eq!(opened.as_str(), value.as_str());
        prop_assert_eq!(key.open(&of(&there), &sealed).is_ok(), here == there);
    }

    #[test]
    fn a_data_key_opens_in_its_own_workspace_alone(here in "[ab\0]{0,3}", there in "[ab\0]{0,3}") {
        let key = DataKey::generate().unwrap();
        let wrapped = master().wrap(&here, &key).unwrap();
        prop_assert_eq!(master().unwrap(&here, &wrapped).unwrap().id(), key.id());
        prop_assert_eq!(master().unwrap(&there, &wrapped).is_ok(), here == there);
        prop_assert!(other_master().unwrap(&here, &wrapped).is_err());
    }

    #[test]
    fn a_sealed_value_shows_nothing_of_its_value_but_the_length(value in "[a-z]{8,40}") {
        let sealed = DataKey::generate().unwrap().seal(&of(&Default::default()), &value).unwrap();
        prop_assert_eq!(sealed.as_bytes().len(), 1 + KeyId::LENGTH + 24 + value.len() + 16);
        prop_assert!(!sealed.as_bytes().windows(8).any(|window| value.as_bytes().windows(8).any(|part| part == window)));
    }

    #[test]
    fn no_bytes_open_that_were_not_made_here(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0u8..5) {
        let key = DataKey::generate().unwrap();
        for id in [key.id(), master().id()] {
            let bytes = [&[format][..], id.as_bytes(), &bytes].concat();
            let sealed = Sealed::from_bytes(bytes.clone());
            prop_assert!(key.open(&of(&Default::default()), &sealed).is_err());
            prop_assert!(former::open(&master(), &of(&Default::default()), &sealed).is_err());
            prop_assert!(master().unwrap("w", &WrappedKey::from_bytes(bytes)).is_err());
        }
        let (sealed, wrapped) = (Sealed::from_bytes(bytes.clone()), WrappedKey::from_bytes(bytes));
        prop_assert!(key.open(&of(&Default::default()), &sealed).is_err());
        prop_assert!(master().unwrap("w", &wrapped).is_err());
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>(), digits in "[0-9a-fA-F]{62,66}", base64 in "[A-Za-z0-9+/=_-]{42,45}") {
        let _ = (MasterKey::parse(&text, "a test"), MasterKey::parse(&base64, "a test"));
        prop_assert_eq!(MasterKey::parse(&digits, "a test").is_ok(), digits.len() == KEY.len());
        prop_assert_eq!(KeyId::parse(&text).is_some(), text.len() == 16 && text.bytes().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn the_id_of_a_key_is_parsed_from_what_is_displayed(bytes in any::<[u8; KeyId::LENGTH]>()) {
        let id = KeyId::from_bytes(bytes);
        prop_assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        prop_assert_eq!(id.as_bytes(), &bytes);
    }
}
