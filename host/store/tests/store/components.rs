//! The components of custom providers, beside the database.

use crate::blocking::wait;
use crate::support::{Place, chmod, custom, files_below, mode_of, names, on_both, registration, told};
use forgeport_model::Digest;
use forgeport_store::StoreError;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, memory::InMemory, path::Path};
use std::{fs, path::PathBuf, sync::Arc};

const ONE: &[u8] = b"\0asm one";
const TWO: &[u8] = b"\0asm two";

fn file_of(place: &Place, component: &[u8]) -> PathBuf {
    place.file("providers").join(format!("{}.wasm", Digest::of(component)))
}

fn components(place: &Place) -> Vec<PathBuf> {
    files_below(&place.file("providers"))
}

#[test]
fn a_component_is_kept_for_its_owner_and_read_back() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    assert_eq!(place.open().component(Digest::of(ONE)).unwrap(), ONE);
    assert_eq!(components(&place), [file_of(&place, ONE)]);
    assert_eq!(mode_of(&file_of(&place, ONE)), 0o600);
    assert_eq!(mode_of(&place.file("providers")), 0o700);
}

#[test]
fn the_component_goes_with_the_last_registration_that_names_it() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    store.code_repositories().insert(&custom("b", ONE), None).unwrap();
    store.code_repositories().insert(&custom("c", TWO), Some(TWO)).unwrap();
    store.code_repositories().delete("a").unwrap();
    assert_eq!(store.component(Digest::of(ONE)).unwrap(), ONE);
    store.code_repositories().delete("b").unwrap();
    assert_eq!(components(&place), [file_of(&place, TWO)]);
    told(store.component(Digest::of(ONE)), &[&Digest::of(ONE).to_string(), "--source"]);
}

#[test]
fn an_update_to_another_component_replaces_the_file() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    let mut repository = store.code_repositories().get("a").unwrap();
    repository.provider.digest = Digest::of(TWO);
    told(store.code_repositories().update(&repository, None), &[&Digest::of(TWO).to_string()]);
    told(store.code_repositories().update(&repository, Some(ONE)), &[&Digest::of(TWO).to_string()]);
    assert_eq!(components(&place), [file_of(&place, ONE)]);

    store.code_repositories().update(&repository, Some(TWO)).unwrap();
    assert_eq!(components(&place), [file_of(&place, TWO)]);
}

fn a_registration_without_its_component_or_with_another_one_is_not_stored(place: &Place) {
    let store = place.open();
    let error = told(store.code_repositories().insert(&custom("a", ONE), None), &[&Digest::of(ONE).to_string()]);
    assert!(matches!(error, StoreError::ComponentMissing(_)));
    let error = told(store.code_repositories().insert(&custom("a", ONE), Some(TWO)), &[&Digest::of(ONE).to_string()]);
    assert!(matches!(error, StoreError::ComponentAltered(_)));
    assert_eq!(names(&store), Vec::<String>::new());
}

#[test]
fn a_taken_name_leaves_no_component_behind_for_longer_than_the_next_change() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&registration("a"), None).unwrap();
    told(store.code_repositories().insert(&custom("a", ONE), Some(ONE)), &["already"]);
    store.code_repositories().delete("a").unwrap();
    assert!(!file_of(&place, ONE).exists());
}

#[test]
fn a_component_that_was_altered_or_removed_is_never_given_out_and_can_be_registered_anew() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    fs::write(file_of(&place, ONE), TWO).unwrap();
    let error = told(store.component(Digest::of(ONE)), &[&Digest::of(ONE).to_string(), "--source"]);
    assert!(matches!(error, StoreError::ComponentAltered(_)));
    fs::remove_file(file_of(&place, ONE)).unwrap();
    let error = told(store.component(Digest::of(ONE)), &[&Digest::of(ONE).to_string()]);
    assert!(matches!(error, StoreError::ComponentMissing(_)));

    let repository = store.code_repositories().get("a").unwrap();
    store.code_repositories().update(&repository, Some(ONE)).unwrap();
    assert_eq!(store.component(Digest::of(ONE)).unwrap(), ONE);
}

#[test]
fn what_is_not_a_component_of_ours_is_left_alone() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    let (note, left_over) = (place.file("providers/README"), place.file("providers/.unfinished-x1y2z3"));
    fs::write(&note, "mine").unwrap();
    fs::write(&left_over, "half of a component").unwrap();
    store.code_repositories().delete("a").unwrap();
    assert_eq!(components(&place), [note]);
}

#[test]
fn a_delete_that_cannot_sweep_is_a_delete_all_the_same_and_the_next_one_sweeps() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    store.code_repositories().insert(&custom("b", TWO), Some(TWO)).unwrap();
    // A directory is what `remove_file` fails on even for root.
    fs::remove_file(file_of(&place, ONE)).unwrap();
    fs::create_dir(file_of(&place, ONE)).unwrap();
    store.code_repositories().delete("a").unwrap();
    assert_eq!(names(&store), ["b"]);
    store.code_repositories().delete("b").unwrap();
    assert!(!file_of(&place, TWO).exists());
}

#[test]
fn a_directory_of_components_that_others_may_write_to_is_refused() {
    let place = Place::new();
    let store = place.open();
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    chmod(&place.file("providers"), 0o770);
    let error = told(store.code_repositories().insert(&custom("b", TWO), Some(TWO)), &["providers", "chmod"]);
    assert!(matches!(error, StoreError::DirectoryNotPrivate(_)));
    assert_eq!(names(&store), ["a"]);
}

on_both! {
    a_registration_without_its_component_or_with_another_one_is_not_stored,
    what_an_object_store_has_is_read_by_a_machine_without_it_if_it_is_what_was_registered,
}

fn what_an_object_store_has_is_read_by_a_machine_without_it_if_it_is_what_was_registered(place: &Place) {
    let objects = Arc::new(InMemory::new());
    let store = place.open_sharing(&objects);
    store.code_repositories().insert(&custom("a", ONE), Some(ONE)).unwrap();
    // Another machine has the same rows and none of the files.
    let forget = || fs::remove_dir_all(place.file("providers")).unwrap();
    forget();
    assert_eq!(store.component(Digest::of(ONE)).unwrap(), ONE);
    store.code_repositories().insert(&custom("b", ONE), None).unwrap();
    // Somebody who may write there puts another component under the same name.
    let object = Path::from(format!("components/{}.wasm", Digest::of(ONE)));
    wait(objects.put(&object, PutPayload::from_static(TWO))).unwrap();
    forget();
    assert!(matches!(store.component(Digest::of(ONE)), Err(StoreError::ComponentAltered(_))));
    let repository = store.code_repositories().get("a").unwrap();
    store.code_repositories().update(&repository, Some(ONE)).unwrap();
    forget();
    assert_eq!(store.component(Digest::of(ONE)).unwrap(), ONE);
    // It goes with the last registration that names it.
    store.code_repositories().delete("a").unwrap();
    store.code_repositories().delete("b").unwrap();
    assert_eq!(wait(objects.list_with_delimiter(Some(&"components".into()))).unwrap().objects, []);
}
