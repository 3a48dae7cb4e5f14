//! Code repositories: stored, read back, changed, deleted.

use crate::support::{
    Place, names, on_both, plain, reference, register_with_token, registration, token_of, told, with,
};
use forgeport_model::{Grant, Grants, Limit, OriginPattern, PathPrefix};
use forgeport_store::{StoreError, StoredOption, VaultError};

fn what_was_registered_is_read_back_whole_by_whoever_opens_the_store_next(place: &Place) {
    let store = place.open();
    let mut repository = registration("models");
    repository.description = Some("the models' \"code\"\nin two lines".to_owned());
    let origin = OriginPattern::parse("https://*.example.com:8443").unwrap();
    let paths = vec![PathPrefix::parse("/api").unwrap()];
    repository.grants = Grants::from(vec![Grant { origin, methods: vec!["GET".to_owned()], paths, private: true }]);
    repository.limits.set(Limit::Memory, 1 << 30);
    let sealed = store.code_repositories().seal(&repository, "token", "ghp_ä\u{1f511}").unwrap();
    let repository = with(repository, "token", sealed);
    let repository = with(repository, "owner", plain("acme; DROP TABLE secret --"));
    let repository = with(repository, "empty", plain(""));
    let repository = with(repository, "password", reference("{{github.key.with.dots}}"));
    store.code_repositories().insert(&repository, None).unwrap();
    drop(store);

    let store = place.open();
    assert_eq!(store.code_repositories().get("models").unwrap(), repository);
    assert_eq!(store.code_repositories().list().unwrap(), [repository]);
    assert_eq!(token_of(&store, "models").unwrap(), "ghp_ä\u{1f511}");
}

fn each_kind_of_option_gives_the_value_that_the_forge_is_to_get(place: &Place) {
    let store = place.open();
    store.secrets().create("github", &crate::support::values(&[("token", "from the secret")])).unwrap();
    let repository = with(registration("a"), "plain", plain("as it is"));
    let repository = with(repository, "reference", reference("{{github.token}}"));
    let sealed = store.code_repositories().seal(&repository, "sealed", "given").unwrap();
    let repository = with(repository, "sealed", sealed);
    store.code_repositories().insert(&repository, None).unwrap();

    let repository = store.code_repositories().get("a").unwrap();
    let value = |option| store.code_repositories().value(&repository, option).unwrap().map(|value| value.to_string());
    assert_eq!(value("plain").as_deref(), Some("as it is"));
    assert_eq!(value("reference").as_deref(), Some("from the secret"));
    assert_eq!(value("sealed").as_deref(), Some("given"));
    assert_eq!(value("not_set"), None);
}

#[test]
fn a_taken_name_stores_nothing_and_leaves_the_one_that_has_it() {
    let place = Place::new();
    let store = place.open();
    let first = with(registration("models"), "owner", plain("first"));
    store.code_repositories().insert(&first, None).unwrap();

    let second = with(registration("models"), "owner", plain("second"));
    let error = told(store.code_repositories().insert(&second, None), &["models", "already", "another name"]);
    assert!(matches!(error, StoreError::NameTaken { .. }));
    assert_eq!(store.code_repositories().list().unwrap(), [first]);
    drop(store);
    let options: i64 = place.sql().query_row("SELECT count(*) FROM code_repository_option", (), |r| r.get(0)).unwrap();
    assert_eq!(options, 1);
}

fn the_same_registration_stored_twice_is_told_as_a_taken_name(place: &Place) {
    let store = place.open();
    let repository = registration("models");
    store.code_repositories().insert(&repository, None).unwrap();
    let error = told(store.code_repositories().insert(&repository, None), &["models"]);
    assert!(matches!(error, StoreError::NameTaken { .. }), "{error:?}");
}

fn a_name_that_breaks_the_rules_is_refused_by_insert_update_and_rename(place: &Place) {
    let store = place.open();
    store.code_repositories().insert(&registration("good"), None).unwrap();
    let good = store.code_repositories().get("good").unwrap();
    let mut bad = good.clone();
    "a/b".clone_into(&mut bad.name);
    told(store.code_repositories().insert(&registration("a\nb"), None), &["a\\nb", "must"]);
    told(store.code_repositories().update(&bad, None), &["a/b", "must"]);
    told(store.code_repositories().rename("good", ""), &["must"]);
    assert_eq!(store.code_repositories().list().unwrap(), [good]);
}

fn an_update_replaces_everything_but_the_id_and_when_it_was_made(place: &Place) {
    let store = place.open();
    register_with_token(&store, "old", "token");
    let read = store.code_repositories().get("old").unwrap();
    let mut changed = with(read.clone(), "owner", plain("acme"));
    changed.options.remove("token");
    "new".clone_into(&mut changed.name);
    changed.description = Some("words".to_owned());
    changed.created = 0;

    let stored = store.code_repositories().update(&changed, None).unwrap();
    assert!(stored.updated > read.updated);
    let found = store.code_repositories().get("new").unwrap();
    assert_eq!((found.id, found.created, found.updated), (read.id, read.created, stored.updated));
    assert_eq!((found.description, found.options), (changed.description, changed.options));
    told(store.code_repositories().get("old"), &["old"]);
}

fn an_update_returns_what_is_stored(place: &Place) {
    let store = place.open();
    store.code_repositories().insert(&registration("a"), None).unwrap();
    let mut read = store.code_repositories().get("a").unwrap();
    read.created = 0;
    let returned = store.code_repositories().update(&read, None).unwrap();
    assert_eq!(returned, store.code_repositories().get("a").unwrap());
}

fn an_update_of_what_somebody_else_has_changed_or_deleted_loses_neither_change(place: &Place) {
    let (mine, other) = (place.open(), place.open());
    mine.code_repositories().insert(&registration("a"), None).unwrap();
    let read = mine.code_repositories().get("a").unwrap();
    let theirs = with(other.code_repositories().get("a").unwrap(), "owner", plain("theirs"));
    let theirs = other.code_repositories().update(&theirs, None).unwrap();

    let late = with(read, "owner", plain("mine"));
    let error = told(mine.code_repositories().update(&late, None), &["\"a\"", "somebody else", "try again"]);
    assert!(matches!(error, StoreError::Changed(_)));
    assert_eq!(mine.code_repositories().get("a").unwrap(), theirs);

    // What was returned can be changed again without being read.
    let theirs = other.code_repositories().update(&theirs, None).unwrap();
    other.code_repositories().delete("a").unwrap();
    let error = told(mine.code_repositories().update(&theirs, None), &["\"a\""]);
    assert!(matches!(error, StoreError::Changed(_)));
    assert_eq!(names(&mine), Vec::<String>::new());
}

fn a_rename_to_a_taken_name_changes_nothing_and_any_other_keeps_the_credential_readable(place: &Place) {
    let store = place.open();
    register_with_token(&store, "a", "of a");
    register_with_token(&store, "b", "of b");
    told(store.code_repositories().rename("a", "b"), &["\"b\"", "already"]);
    told(store.code_repositories().rename("x", "c"), &["\"x\""]);
    assert_eq!(names(&store), ["a", "b"]);

    let renamed = store.code_repositories().rename("a", "c").unwrap();
    assert_eq!(renamed, store.code_repositories().get("c").unwrap());
    assert_eq!(names(&store), ["b", "c"]);
    assert_eq!(token_of(&store, "c").unwrap(), "of a");
}

#[test]
fn deleting_takes_the_options_along_and_needs_the_exact_name() {
    let place = Place::new();
    let store = place.open();
    let repository = register_with_token(&store, "models", "token");
    told(store.code_repositories().delete("model"), &["did you mean \"models\""]);
    told(store.code_repositories().delete(&repository.id), &[&repository.id]);
    store.code_repositories().delete("models").unwrap();
    assert_eq!(names(&store), Vec::<String>::new());
    drop(store);
    let options: i64 = place.sql().query_row("SELECT count(*) FROM code_repository_option", (), |r| r.get(0)).unwrap();
    assert_eq!(options, 0);
}

fn a_credential_made_for_another_option_or_registration_is_not_stored(place: &Place) {
    let store = place.open();
    let one = register_with_token(&store, "one", "of one");
    let StoredOption::Sealed(sealed) = &one.options["token"] else { panic!("not sealed") };
    for (option, repository) in [("token", registration("two")), ("password", registration("two"))] {
        let moved = with(repository, option, StoredOption::Sealed(sealed.clone()));
        told(store.code_repositories().insert(&moved, None), &[option, "\"two\""]);
    }
    let moved = with(one.clone(), "password", StoredOption::Sealed(sealed.clone()));
    told(store.code_repositories().update(&moved, None), &["password", "\"one\""]);
    assert_eq!(store.code_repositories().list().unwrap(), [one]);
}

#[test]
fn a_credential_made_in_another_store_is_not_stored() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let store = place.open();
    store.secrets().create("s", &crate::support::values(&[("k", "v")])).unwrap();
    store.secrets().delete("s").unwrap();
    let foreign = register_with_token(&elsewhere.open(), "a", "token");
    let error = told(store.code_repositories().insert(&foreign, None), &["--token"]);
    assert!(matches!(error, StoreError::Vault(VaultError::Tampered(_))));
    assert_eq!(names(&store), Vec::<String>::new());
    register_with_token(&store, "b", "the store still takes its own");
}

on_both! {
    what_was_registered_is_read_back_whole_by_whoever_opens_the_store_next,
    each_kind_of_option_gives_the_value_that_the_forge_is_to_get,
    the_same_registration_stored_twice_is_told_as_a_taken_name,
    a_name_that_breaks_the_rules_is_refused_by_insert_update_and_rename,
    an_update_replaces_everything_but_the_id_and_when_it_was_made,
    an_update_returns_what_is_stored,
    an_update_of_what_somebody_else_has_changed_or_deleted_loses_neither_change,
    a_rename_to_a_taken_name_changes_nothing_and_any_other_keeps_the_credential_readable,
    a_credential_made_for_another_option_or_registration_is_not_stored,
}
