//! Where the master key comes from, and what happens with another one or none.

use crate::support::{Home, KEY, Locked, Memory, OTHER_KEY, chmod, master, other_master, refused};
use base64::{Engine, engine::general_purpose};
use forgeport_vault::{KeyPlace, KeySource, Vault, VaultError};
use rustix::fs::{CWD, Mode, mkfifoat};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};
use zeroize::Zeroizing;

#[test]
fn a_key_is_made_once_and_found_again() {
    let home = Home::new();
    assert!(home.vault().present().unwrap().is_none());
    let id = home.vault().make().unwrap().id();
    assert_eq!(home.vault().make().unwrap().id(), id);
    assert_eq!(home.vault().present().unwrap().unwrap().id(), id);
    assert_eq!(home.vault().get(id).unwrap().id(), id);
    assert_eq!((home.files(), home.vault().place().unwrap()), (vec!["key".to_owned()], KeyPlace::File));
    assert_eq!(fs::metadata(home.file("key")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_key_from_the_environment_is_the_same_in_hex_and_every_base64_and_makes_no_file() {
    let home = Home::new();
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&KEY[2 * at..2 * at + 2], 16).unwrap()).collect();
    for spelling in [
        KEY.to_owned(),
        KEY.to_uppercase(),
        format!("  {KEY}\n"),
        general_purpose::STANDARD.encode(&bytes),
        general_purpose::STANDARD_NO_PAD.encode(&bytes),
        general_purpose::URL_SAFE.encode(&bytes),
        general_purpose::URL_SAFE_NO_PAD.encode(&bytes),
    ] {
        let vault = home.vault_with_key(&spelling);
        assert_eq!(vault.make().unwrap().id(), master().id(), "{spelling}");
        assert_eq!(vault.get(master().id()).unwrap().id(), master().id());
        assert!(vault.is_given());
    }
    assert!(home.files().is_empty());
}

#[test]
fn the_directory_is_made_for_the_key_and_not_for_one_from_the_environment() {
    let home = Home::new();
    let directory = home.file("a/b");
    let vault = |source| Vault::new(source, &directory, Box::new(home.keyring.clone()));
    let given = vault(KeySource::Environment(Zeroizing::new(KEY.to_owned())));
    given.settle(Some(given.make().unwrap().id())).unwrap();
    vault(KeySource::File).settle(None).unwrap();
    assert!(home.files().is_empty());
    vault(KeySource::File).make().unwrap();
    assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_key_file_moved_to_the_environment_is_the_same_key() {
    let home = Home::new();
    let id = home.vault().make().unwrap().id();
    let text = fs::read_to_string(home.file("key")).unwrap();
    assert_eq!(home.vault_with_key(&text).get(id).unwrap().id(), id);
}

#[test]
fn what_is_no_key_is_refused_and_never_repeated() {
    let home = Home::new();
    let long = format!("{KEY}0");
    for text in ["", "short", &KEY[1..], &long, &"g".repeat(64), &"ä".repeat(32), &"A".repeat(44), &"=".repeat(44)] {
        let vault = home.vault_with_key(text);
        for outcome in [vault.present().map(drop), vault.make().map(drop), vault.get(master().id()).map(drop)] {
            let error = refused(outcome, &["FORGEPORT_KEY", "64 hexadecimal digits"]);
            assert!(matches!(error, VaultError::BadKey(_)));
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text));
        }
    }
    assert!(home.files().is_empty());
}

#[test]
fn another_key_than_the_one_in_use_is_refused_and_left_as_it_is() {
    let home = Home::new();
    let given = home.vault_with_key(OTHER_KEY);
    assert!(matches!(refused(given.get(master().id()), &["FORGEPORT_KEY", "rotated"]), VaultError::WrongKey(_)));
    fs::write(home.file("key"), OTHER_KEY).unwrap();
    chmod(&home.file("key"), 0o600);
    let error = refused(home.vault().get(master().id()), &["key", "rotated"]);
    assert!(matches!(error, VaultError::WrongKey(_)) && error.is_of_the_key());
    assert_eq!(fs::read_to_string(home.file("key")).unwrap(), OTHER_KEY);
}

#[test]
fn a_missing_key_is_an_error_and_never_replaced() {
    let home = Home::new();
    let error =
        refused(home.vault().get(master().id()), &["key\" is missing", "restore it", "FORGEPORT_KEY", "delete"]);
    assert!(matches!(error, VaultError::KeyMissing(_)) && error.is_of_the_key());
    assert!(home.files().is_empty());
}

#[test]
fn a_key_file_that_others_can_read_is_refused_until_its_mode_is_mended() {
    let home = Home::new();
    let id = home.vault().make().unwrap().id();
    for mode in [0o640, 0o604, 0o610, 0o620, 0o777] {
        chmod(&home.file("key"), mode);
        for outcome in [home.vault().get(id).map(drop), home.vault().make().map(drop)] {
            let error = refused(outcome, &[&format!("mode {mode:o}"), "chmod 600"]);
            assert!(matches!(error, VaultError::KeyNotPrivate { .. }));
        }
    }
    chmod(&home.file("key"), 0o600);
    assert_eq!(home.vault().get(id).unwrap().id(), id);
}

#[test]
fn a_key_file_without_a_key_is_refused_and_left_as_it_is() {
    let home = Home::new();
    let id = home.vault().make().unwrap().id();
    let key = fs::read(home.file("key")).unwrap();
    let bad: [&[u8]; 7] =
        [b"", &key[..40], b"\xff\xfe", &b"a".repeat(5000), b"keyring ", b"keyring xyz", &[&key[..], &key[..]].concat()];
    for broken in bad {
        fs::write(home.file("key"), broken).unwrap();
        for outcome in [home.vault().get(id).map(drop), home.vault().present().map(drop), home.vault().make().map(drop)]
        {
            assert!(matches!(refused(outcome, &["key", "base64"]), VaultError::BadKey(_)));
        }
        assert_eq!(fs::read(home.file("key")).unwrap(), broken);
    }
}

#[test]
fn a_pipe_a_directory_or_a_device_in_the_place_of_the_key_file_is_refused_at_once() {
    let (pipe, directory, link) = (Home::new(), Home::new(), Home::new());
    mkfifoat(CWD, pipe.file("key"), Mode::from_raw_mode(0o600)).unwrap();
    fs::create_dir(directory.file("key")).unwrap();
    symlink("/dev/zero", link.file("key")).unwrap();
    for home in [pipe, directory, link] {
        for outcome in [home.vault().get(master().id()).map(drop), home.vault().make().map(drop)] {
            let error = refused(outcome, &["cannot read the key", "no regular file"]);
            assert!(matches!(error, VaultError::File(_)) && error.is_of_the_disk());
        }
    }
}

#[test]
fn a_key_in_the_keyring_is_asked_for_once() {
    let home = Home::new();
    let vault = home.vault();
    let id = vault.stage(KeyPlace::Keyring).unwrap().id();
    vault.promote(id).unwrap();
    assert_eq!(fs::read_to_string(home.file("key")).unwrap(), format!("keyring {id}\n"));
    let vault = home.vault();
    assert_eq!((vault.get(id).unwrap().id(), vault.place().unwrap()), (id, KeyPlace::Keyring));
    home.keyring.keys.lock().unwrap().clear();
    assert_eq!((vault.get(id).unwrap().id(), vault.present().unwrap().unwrap().id()), (id, id));
}

#[test]
fn a_keyring_without_the_key_or_with_another_one_is_an_error_and_left_as_it_is() {
    let home = Home::new();
    fs::write(home.file("key"), format!("keyring {}\n", master().id())).unwrap();
    chmod(&home.file("key"), 0o600);
    let id = master().id().to_string();
    let error =
        refused(home.vault().get(master().id()), &["the keyring does not have", &id, "restore it", "FORGEPORT_KEY"]);
    assert!(matches!(error, VaultError::NotInKeyring(_)) && error.is_of_the_key());
    for (text, is_key) in [(OTHER_KEY, true), ("nonsense", false), ("", false)] {
        home.keyring.keys.lock().unwrap().insert(id.clone(), text.to_owned());
        let error = refused(home.vault().get(master().id()), &["the keyring"]);
        assert_eq!(matches!(error, VaultError::WrongKey(_)), is_key);
        assert_eq!(matches!(error, VaultError::BadKey(_)), !is_key);
    }
    home.keyring.keys.lock().unwrap().insert(id, KEY.to_owned());
    assert_eq!(home.vault().get(master().id()).unwrap().id(), master().id());
}

#[test]
fn a_keyring_that_fails_is_an_error_that_names_the_ways_out() {
    let home = Home::new();
    fs::write(home.file("key"), format!("keyring {}\n", master().id())).unwrap();
    chmod(&home.file("key"), 0o600);
    let vault = home.vault_with(Box::new(Locked));
    for outcome in [vault.get(master().id()).map(drop), vault.present().map(drop), vault.make().map(drop)] {
        let error = refused(outcome, &["it is locked", "unlock it", "FORGEPORT_KEY"]);
        assert!(matches!(error, VaultError::Keyring(_)) && !error.is_of_the_key());
    }
    let forgetful = home.vault_with(Box::new(Memory { forgets: true, ..Memory::default() }));
    refused(forgetful.stage(KeyPlace::Keyring), &["did not keep what it was given"]);
}

#[test]
fn a_new_key_for_the_environment_has_to_be_given_and_another_one() {
    let vault = Home::new().vault_with_key(KEY);
    let accept = |given| vault.accept(given, Some(master().id()));
    assert!(matches!(refused(accept(None), &["FORGEPORT_NEW_KEY", "openssl rand"]), VaultError::NoNewKey));
    assert!(matches!(refused(accept(Some(KEY)), &["FORGEPORT_NEW_KEY", "already"]), VaultError::SameKey));
    assert!(matches!(refused(accept(Some("x")), &["FORGEPORT_NEW_KEY"]), VaultError::BadKey(_)));
    assert_eq!(accept(Some(OTHER_KEY)).unwrap().id(), other_master().id());
}

#[test]
fn a_vault_follows_its_key_into_the_environment_and_out_of_it() {
    let home = Home::new();
    let vault = home.vault_with_key(KEY);
    vault.follow(&other_master(), None);
    assert_eq!(vault.present().unwrap().unwrap().id(), other_master().id());
    let staged = vault.stage(KeyPlace::File).unwrap();
    vault.follow(&staged, Some(KeyPlace::File));
    vault.settle(Some(staged.id())).unwrap();
    assert!(!vault.is_given());
    assert_eq!(vault.present().unwrap().unwrap().id(), staged.id());
    assert_eq!(home.vault().get(staged.id()).unwrap().id(), staged.id());
}
