//! A rotation that is killed at each of its steps, in a process of its own.
#![allow(clippy::unwrap_used)]

use super::{Step, rotate};
use crate::{CodeRepository, KeyPlace, KeySource, Keyring, KeyringError, ProviderRef, Store, StoredOption};
use std::{
    collections::BTreeMap,
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, abort},
};
use tempfile::TempDir;
use zeroize::Zeroizing;

const PLACE: &str = "ROTATION_TEST_PLACE";
const STEP: &str = "ROTATION_TEST_STEP";
const KEEP_IN: &str = "ROTATION_TEST_KEEP_IN";
const OLD: &str = "ROTATION_TEST_OLD_KEY";
const NEW: &str = "ROTATION_TEST_NEW_KEY";
const STEPS: [Step; 6] = [Step::Staged, Step::Resealed, Step::Committed, Step::Forgotten, Step::Settled, Step::Erased];

/// A keyring that outlives the process: a directory with a file for each key.
struct Files(PathBuf);

impl Keyring for Files {
    fn put(&self, id: &str, key: &str) -> Result<(), KeyringError> {
        fs::create_dir_all(&self.0).and_then(|()| fs::write(self.0.join(id), key)).unwrap();
        Ok(())
    }

    fn get(&self, id: &str) -> Result<Option<Zeroizing<String>>, KeyringError> {
        Ok(fs::read_to_string(self.0.join(id)).ok().map(Zeroizing::new))
    }

    fn delete(&self, id: &str) -> Result<(), KeyringError> {
        match fs::remove_file(self.0.join(id)) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => Ok(()),
        }
    }
}

fn open(place: &Path, key: Option<&str>) -> Store {
    let source = key.map_or(KeySource::File, |key| KeySource::Environment(Zeroizing::new(key.to_owned())));
    Store::open_with_keyring(&place.join("store"), source, Box::new(Files(place.join("keyring")))).unwrap()
}

fn fill(store: &Store) {
    let values = BTreeMap::from([("k".to_owned(), Zeroizing::new("value".to_owned()))]);
    store.secrets().create("s", &values).unwrap();
    let provider = ProviderRef { name: "p".to_owned(), version: "1".to_owned(), digest: "0".repeat(64), source: None };
    let mut repository = CodeRepository::new("r", "github", provider);
    let token = store.code_repositories().seal(&repository, "token", "token").unwrap();
    repository.options.insert("token".to_owned(), token);
    store.code_repositories().insert(&repository, None).unwrap();
}

fn assert_whole(store: &Store) {
    assert_eq!(store.secrets().get("s", "k").unwrap().as_str(), "value");
    let repository = store.code_repositories().get("r").unwrap();
    assert!(matches!(repository.options["token"], StoredOption::Sealed(_)));
    assert_eq!(store.code_repositories().value(&repository, "token").unwrap().unwrap().as_str(), "token");
}

/// The names of the files that have to do with keys, in the store and in the keyring.
fn key_files(place: &Path) -> (Vec<String>, usize) {
    let names = |directory: PathBuf| -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let of_the_store = names(place.join("store")).into_iter().filter(|name| name.contains("key")).collect();
    (of_the_store, names(place.join("keyring")).len())
}

fn killed_at(step: Step, place: &Path, variables: &[(&str, &str)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "rotation::crash::a_rotation_that_is_killed", "--ignored", "--nocapture"]);
    command.env(PLACE, place).env(STEP, format!("{step:?}")).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && text.contains("killed here"), "{step:?}: {text}");
}

#[test]
#[ignore = "other tests run it, in a process of its own that it kills"]
fn a_rotation_that_is_killed() {
    let (Some(place), Ok(at)) = (env::var_os(PLACE), env::var(STEP)) else { return };
    let keep_in = env::var(KEEP_IN).ok().map(|text| place_of(&text));
    let store = open(Path::new(&place), env::var(OLD).ok().as_deref());
    let _ = rotate(&store, keep_in, env::var(NEW).ok().as_deref(), &|step| {
        if format!("{step:?}") == at {
            println!("killed here");
            abort();
        }
    });
}

fn place_of(text: &str) -> KeyPlace {
    if text == "keyring" { KeyPlace::Keyring } else { KeyPlace::File }
}

#[test]
fn a_store_opens_whenever_its_rotation_is_killed_and_a_later_one_leaves_nothing_behind() {
    let places = ["file", "keyring"];
    for (from, to) in places.iter().flat_map(|from| places.map(|to| (from, to))) {
        for step in STEPS {
            let place = TempDir::new().unwrap();
            let store = open(place.path(), None);
            fill(&store);
            store.rotate_key(Some(place_of(from)), None).unwrap();
            // One that stays open has the old key in memory.
            assert_whole(&store);
            killed_at(step, place.path(), &[(KEEP_IN, to)]);
            assert_whole(&open(place.path(), None));
            assert_whole(&store);
            open(place.path(), None).rotate_key(None, None).unwrap();
            assert_whole(&store);
            assert_whole(&open(place.path(), None));
            let in_keyring = open(place.path(), None).keys.place().unwrap() == KeyPlace::Keyring;
            assert_eq!(
                key_files(place.path()),
                (vec!["key".to_owned()], usize::from(in_keyring)),
                "{from} {to} {step:?}"
            );
        }
    }
}

#[test]
fn after_a_killed_rotation_the_next_write_takes_the_old_key_away() {
    for step in [Step::Committed, Step::Forgotten] {
        let place = TempDir::new().unwrap();
        fill(&open(place.path(), None));
        let old = fs::read(place.path().join("store/key")).unwrap();
        killed_at(step, place.path(), &[]);
        assert_eq!(fs::read(place.path().join("store/key")).unwrap(), old);
        let store = open(place.path(), None);
        store.secrets().update("s", &BTreeMap::from([("l".to_owned(), Zeroizing::new("v".to_owned()))]), &[]).unwrap();
        assert_ne!(fs::read(place.path().join("store/key")).unwrap(), old);
        assert_eq!(key_files(place.path()).0, ["key"]);
        assert_whole(&open(place.path(), None));
    }
}

#[test]
fn a_store_without_values_keeps_none_of_the_keys_of_a_killed_rotation_but_one() {
    for step in [Step::Staged, Step::Resealed, Step::Forgotten, Step::Committed] {
        let place = TempDir::new().unwrap();
        open(place.path(), None).derive_key("x").unwrap();
        killed_at(step, place.path(), &[(KEEP_IN, "keyring")]);
        let store = open(place.path(), None);
        fill(&store);
        assert_whole(&open(place.path(), None));
        store.rotate_key(Some(KeyPlace::Keyring), None).unwrap();
        assert_whole(&open(place.path(), None));
        assert_eq!(key_files(place.path()), (vec!["key".to_owned()], 1), "{step:?}");
    }
}

#[test]
fn with_the_key_in_the_environment_a_killed_rotation_leaves_the_old_key_or_the_new_one() {
    let (old, new) = ("0a".repeat(32), "0b".repeat(32));
    for step in STEPS.into_iter().filter(|step| *step != Step::Forgotten) {
        let place = TempDir::new().unwrap();
        fill(&open(place.path(), Some(&old)));
        killed_at(step, place.path(), &[(OLD, &old), (NEW, &new)]);
        let is_committed = !matches!(step, Step::Staged | Step::Resealed);
        let (right, wrong) = if is_committed { (&new, &old) } else { (&old, &new) };
        assert_whole(&open(place.path(), Some(right)));
        assert!(open(place.path(), Some(wrong)).secrets().get("s", "k").is_err(), "{step:?}");
    }
}
