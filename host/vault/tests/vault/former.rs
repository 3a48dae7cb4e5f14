//! Values that were sealed before there were data keys; this one was made by the program of that time.

use crate::support::{OTHER_KEY, PLACE, VALUE, flipped, master, of_other_lengths, other_master, refused};
use forgeport_vault::{DataKey, Place, Sealed, VaultError, former};

const SEALED: &str = "01266728257eed9997690af66c3e6aafcd80a8249393c4a0c0c549e4cbec2aa1974774dbd1cd51fd9d92612370999db94098cdda7e74ec2e84e9ac9ade1e17e5d2";
const WHERE: Place<'static> = Place { row: "6523d6fb-c0aa-4631-8f51-9782aa1e04c2", ..PLACE };

fn bytes() -> Vec<u8> {
    hex::decode(SEALED).unwrap()
}

#[test]
fn a_former_value_opens_with_its_master_key_and_is_sealed_anew() {
    let sealed = Sealed::from_bytes(bytes());
    assert!(sealed.is_former());
    assert_eq!(sealed.key_id(), Some(master().id()));
    let value = former::open(&master(), &WHERE, &sealed).unwrap();
    assert_eq!(value.as_str(), VALUE);
    let key = DataKey::generate().unwrap();
    let anew = key.seal(&WHERE, &value).unwrap();
    assert!(!anew.is_former());
    assert_eq!(key.open(&WHERE, &anew).unwrap(), value);
}

#[test]
fn a_former_value_does_not_open_in_another_table_row_or_key_and_had_no_workspace() {
    let sealed = Sealed::from_bytes(bytes());
    for place in [Place { table: "t", ..WHERE }, Place { row: "r", ..WHERE }, Place { key: "l", ..WHERE }] {
        let error = refused(former::open(&master(), &place, &sealed), &[WHERE.shown, "set it anew"]);
        assert!(matches!(error, VaultError::Tampered(_)));
    }
    assert!(former::open(&master(), &Place { workspace: "v", ..WHERE }, &sealed).is_ok());
}

#[test]
fn a_former_value_of_another_master_key_is_refused() {
    let error = refused(former::open(&other_master(), &WHERE, &Sealed::from_bytes(bytes())), &["not the one"]);
    assert!(matches!(error, VaultError::WrongKey(_)) && !error.to_string().contains(OTHER_KEY));
}

#[test]
fn every_flipped_bit_of_a_former_value_is_noticed() {
    for (byte, bytes) in flipped(&bytes()) {
        let outcome = former::open(&master(), &WHERE, &Sealed::from_bytes(bytes));
        // Bytes 1 to 8 name the key.
        if (1..9).contains(&byte) {
            assert!(matches!(outcome, Err(VaultError::WrongKey(_))), "byte {byte}");
        } else {
            assert!(matches!(outcome, Err(VaultError::Tampered(_))), "byte {byte}");
        }
    }
}

#[test]
fn a_former_value_of_any_other_length_is_refused() {
    for bytes in of_other_lengths(&bytes()) {
        let outcome = former::open(&master(), &WHERE, &Sealed::from_bytes(bytes));
        assert!(matches!(outcome, Err(VaultError::Tampered(_))));
    }
}

#[test]
fn a_former_value_is_no_value_of_a_data_key() {
    let sealed = Sealed::from_bytes(bytes());
    assert!(matches!(DataKey::generate().unwrap().open(&WHERE, &sealed), Err(VaultError::Tampered(_))));
}
