//! What is shown of secrets.

use crate::support::{KEY, OTHER_KEY, PLACE, VALUE, master};
use forgeport_vault::{DataKey, KeySource};
use zeroize::Zeroizing;

#[test]
fn debug_shows_of_keys_their_ids_and_of_everything_else_nothing() {
    let key = DataKey::generate().unwrap();
    let (wrapped, sealed) = (master().wrap("w", &key).unwrap(), key.seal(&PLACE, VALUE).unwrap());
    let source = KeySource::Environment(Zeroizing::new(OTHER_KEY.to_owned()));
    assert_eq!(format!("{source:?} {:?}", KeySource::File), "Environment(..) File");
    assert_eq!(format!("{wrapped:?} {sealed:?}"), "WrappedKey(..) Sealed(..)");
    let ids = format!("MasterKey({}) DataKey({})", master().id(), key.id());
    assert_eq!(format!("{:?} {key:?}", master()), ids);
}

#[test]
fn the_id_of_a_key_is_no_part_of_it() {
    assert!(!KEY.contains(&master().id().to_string()));
    let bytes = hex::decode(KEY).unwrap();
    assert!(!master().derive("").windows(4).any(|part| bytes.windows(4).any(|other| other == part)));
}
