//! Changes to a new master key that are killed at each of their steps, in a process of its own.
//!
//! The store of these tests is one file with the wrapped key of one workspace.

use crate::support::{Home, Locked, PLACE, VALUE, names, refused};
use forgeport_platform::private;
use forgeport_vault::{
    DataKey, KeyId, KeyPlace, KeySource, Keyring, KeyringError, Sealed, Vault, VaultError, WrappedKey,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, abort},
};
use tempfile::{TempDir, tempdir};
use zeroize::Zeroizing;

const PLACE_OF_TEST: &str = "STAGING_TEST_PLACE";
const STEP: &str = "STAGING_TEST_STEP";
const KEEP_IN: &str = "STAGING_TEST_KEEP_IN";
/// What a change does, in this order; the parts of a keyring only where one is used.
const STEPS: [&str; 8] = ["put", "put done", "staged", "wrapped", "committed", "delete", "deleted", "settled"];
const PLACES: [KeyPlace; 2] = [KeyPlace::File, KeyPlace::Keyring];

fn nowhere(_: &str) {}

fn kill_at_the_step(step: &str) {
    if env::var(STEP).is_ok_and(|at| at == step) {
        println!("killed here");
        abort();
    }
}

/// A keyring that outlives the process: a directory with a file for each key.
struct Files {
    directory: PathBuf,
    reached: fn(&str),
}

impl Keyring for Files {
    fn put(&self, id: &str, key: &str) -> Result<(), KeyringError> {
        (self.reached)("put");
        private::write(&self.directory.join(id), key.as_bytes()).unwrap();
        (self.reached)("put done");
        Ok(())
    }

    fn get(&self, id: &str) -> Result<Option<Zeroizing<String>>, KeyringError> {
        Ok(fs::read_to_string(self.directory.join(id)).ok().map(Zeroizing::new))
    }

    fn delete(&self, id: &str) -> Result<(), KeyringError> {
        (self.reached)("delete");
        private::remove(&self.directory.join(id)).unwrap();
        (self.reached)("deleted");
        Ok(())
    }
}

fn vault(place: &Path, reached: fn(&str)) -> Vault {
    let keyring = Files { directory: place.join("keyring"), reached };
    Vault::new(KeySource::File, &place.join("vault"), Box::new(keyring))
}

/// A place with directories, and a key that is kept where it says.
fn place_with_key(kept_in: KeyPlace) -> TempDir {
    let place = tempdir().unwrap();
    for name in ["keyring", "vault"] {
        fs::create_dir(place.path().join(name)).unwrap();
    }
    let vault = vault(place.path(), nowhere);
    vault.promote(vault.stage(kept_in).unwrap().id()).unwrap();
    place
}

/// A place that also has a workspace with a value.
fn filled(kept_in: KeyPlace) -> TempDir {
    let place = place_with_key(kept_in);
    let key = DataKey::generate().unwrap();
    commit(place.path(), &vault(place.path(), nowhere).make().unwrap().wrap("w", &key).unwrap());
    fs::write(place.path().join("sealed"), key.seal(&PLACE, VALUE).unwrap().as_bytes()).unwrap();
    place
}

fn commit(place: &Path, wrapped: &WrappedKey) {
    private::write(&place.join("wrapped"), wrapped.as_bytes()).unwrap();
}

fn committed(place: &Path) -> Option<WrappedKey> {
    private::read(&place.join("wrapped")).unwrap().map(WrappedKey::from_bytes)
}

fn key_in_use(place: &Path) -> Option<KeyId> {
    committed(place).map(|wrapped| wrapped.master_id().unwrap())
}

/// What the store does to change the master key.
fn change(place: &Path, keep_in: KeyPlace, reached: fn(&str)) -> Result<(), VaultError> {
    let vault = vault(place, reached);
    vault.settle(key_in_use(place))?;
    let old = committed(place);
    let key = old.map(|old| vault.get(old.master_id().unwrap())?.unwrap("w", &old)).transpose()?;
    let new = vault.stage(keep_in)?;
    reached("staged");
    match key {
        Some(key) => commit_after(place, &new.wrap("w", &key)?, reached),
        // No wrapped key will name the new one, so it counts from when it is in its place.
        None => vault.promote(new.id())?,
    }
    reached("committed");
    vault.follow(&new, Some(keep_in));
    vault.settle(Some(new.id()))?;
    reached("settled");
    Ok(())
}

fn commit_after(place: &Path, wrapped: &WrappedKey, reached: fn(&str)) {
    reached("wrapped");
    commit(place, wrapped);
}

#[track_caller]
fn assert_opens(vault: &Vault, place: &Path) {
    let wrapped = committed(place).unwrap();
    let key = vault.get(wrapped.master_id().unwrap()).unwrap().unwrap("w", &wrapped).unwrap();
    let sealed = Sealed::from_bytes(fs::read(place.join("sealed")).unwrap());
    assert_eq!(key.open(&PLACE, &sealed).unwrap().as_str(), VALUE);
}

/// Whether there is one key alone, in the file or in the keyring.
#[track_caller]
fn assert_nothing_is_left(place: &Path) {
    let vault = vault(place, nowhere);
    let in_keyring = if vault.place().unwrap() == KeyPlace::Keyring { 1 } else { 0 };
    assert_eq!(
        (names(&place.join("vault")), names(&place.join("keyring")).len()),
        (vec!["key".to_owned()], in_keyring)
    );
}

/// True if the process was killed; it is not where it never reaches the step.
fn is_killed_at(step: &str, place: &Path, keep_in: KeyPlace) -> bool {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "staging::a_change_that_is_killed", "--ignored", "--nocapture"]);
    command.env(PLACE_OF_TEST, place).env(STEP, step).env(KEEP_IN, format!("{keep_in:?}"));
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() != text.contains("killed here"), "{step}: {text}");
    !output.status.success()
}

#[test]
#[ignore = "other tests run it, in a process of its own that it kills"]
fn a_change_that_is_killed() {
    let (Some(place), Ok(keep_in)) = (env::var_os(PLACE_OF_TEST), env::var(KEEP_IN)) else { return };
    let keep_in = PLACES.into_iter().find(|place| format!("{place:?}") == keep_in).unwrap();
    change(Path::new(&place), keep_in, kill_at_the_step).unwrap();
}

#[test]
fn the_key_in_use_is_found_whenever_a_change_is_killed_and_a_later_one_leaves_nothing_behind() {
    for (from, to) in PLACES.into_iter().flat_map(|from| PLACES.map(|to| (from, to))) {
        for step in STEPS {
            let place = filled(from);
            // One that stays open has the old key in memory.
            let open = vault(place.path(), nowhere);
            assert_opens(&open, place.path());
            let is_reached = match step {
                "put" | "put done" => to == KeyPlace::Keyring,
                "delete" | "deleted" => from == KeyPlace::Keyring,
                _ => true,
            };
            assert_eq!(is_killed_at(step, place.path(), to), is_reached, "{from:?} {to:?} {step}");
            assert_opens(&vault(place.path(), nowhere), place.path());
            assert_opens(&open, place.path());
            let sealed = fs::read(place.path().join("sealed")).unwrap();
            change(place.path(), to, nowhere).unwrap();
            assert_opens(&vault(place.path(), nowhere), place.path());
            assert_opens(&open, place.path());
            assert_nothing_is_left(place.path());
            assert_eq!(fs::read(place.path().join("sealed")).unwrap(), sealed, "a change touches no value");
        }
    }
}

#[test]
fn a_vault_without_wrapped_keys_has_one_key_whenever_a_change_is_killed() {
    for (from, to) in PLACES.into_iter().flat_map(|from| PLACES.map(|to| (from, to))) {
        for step in ["put", "put done", "staged", "delete", "deleted", "committed", "settled"] {
            let place = place_with_key(from);
            is_killed_at(step, place.path(), to);
            let vault = vault(place.path(), nowhere);
            vault.settle(None).unwrap();
            // It is made anew where the old one was deleted from the keyring already: there was nothing that it had wrapped.
            let id = vault.make().unwrap().id();
            assert_eq!(
                self::vault(place.path(), nowhere).present().unwrap().unwrap().id(),
                id,
                "{from:?} {to:?} {step}"
            );
            assert_nothing_is_left(place.path());
        }
    }
}

#[test]
fn what_a_killed_process_has_written_by_half_is_removed() {
    let place = filled(KeyPlace::File);
    let unfinished = place.path().join("vault/.new-key.0123456789abcdef");
    fs::write(&unfinished, "00").unwrap();
    fs::write(place.path().join("vault/key.nonsense"), "kept: it is none of ours").unwrap();
    vault(place.path(), nowhere).settle(key_in_use(place.path())).unwrap();
    assert_eq!(names(&place.path().join("vault")), ["key", "key.nonsense"]);
    assert_opens(&vault(place.path(), nowhere), place.path());
}

#[test]
fn a_key_that_cannot_be_deleted_from_the_keyring_is_an_error_after_the_change() {
    let home = Home::new();
    let vault = home.vault();
    vault.promote(vault.stage(KeyPlace::Keyring).unwrap().id()).unwrap();
    let vault = home.vault_with(Box::new(Locked));
    let new = vault.stage(KeyPlace::File).unwrap().id();
    assert!(vault.is_staged(new));
    assert!(matches!(refused(vault.promote(new), &["it is locked"]), VaultError::Keyring(_)));
    assert!(!vault.is_staged(new));
    assert_eq!(home.vault().get(new).unwrap().id(), new);
    assert_eq!((home.files(), home.keyring.keys.lock().unwrap().len()), (vec!["key".to_owned()], 1));
}

#[test]
fn a_keyring_that_refuses_a_new_key_leaves_the_old_one_and_what_is_left_of_the_new_one_is_removed() {
    let home = Home::new();
    let old = home.vault().make().unwrap().id();
    let vault = home.vault_with(Box::new(Locked));
    refused(vault.stage(KeyPlace::Keyring), &["it is locked"]);
    assert_eq!((home.files().len(), home.vault().get(old).unwrap().id()), (2, old));
    vault.settle(Some(old)).unwrap();
    assert_eq!(home.files(), ["key"]);
}
