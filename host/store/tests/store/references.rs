//! Code repositories that take their credentials from secrets.

use crate::support::{Place, Store, on_both, plain, reference, registration, token_of, told, values, with};
use forgeport_store::{Referrer, StoreError};

/// `a` and `b` take their tokens from `github`, `a` its user name too; `c` takes nothing.
fn filled(place: &Place) -> Store {
    let store = place.open();
    store.secrets().create("github", &values(&[("token", "ghp_1"), ("user", "me")])).unwrap();
    let a = with(registration("a"), "token", reference("{{github.token}}"));
    let a = with(a, "username", reference("{{github.user}}"));
    let b = with(registration("b"), "token", reference("{{github.token}}"));
    let c = with(registration("c"), "token", plain("{{github.token}"));
    for repository in [a, b, c] {
        store.code_repositories().insert(&repository, None).unwrap();
    }
    store
}

fn whoever_takes_a_value_from_a_secret_is_listed(place: &Place) {
    let store = filled(place);
    let referrer = |code_repository: &str, option: &str, key: &str| Referrer {
        code_repository: code_repository.to_owned(),
        option: option.to_owned(),
        key: key.to_owned(),
    };
    let expected =
        [referrer("a", "token", "token"), referrer("a", "username", "user"), referrer("b", "token", "token")];
    assert_eq!(store.secrets().referrers("github").unwrap(), expected);
    assert_eq!(store.secrets().referrers("none").unwrap(), []);
}

fn references_follow_a_renamed_secret(place: &Place) {
    let store = filled(place);
    assert_eq!(store.secrets().rename("github", "hub").unwrap(), ["a", "b"]);
    assert_eq!(token_of(&store, "a").unwrap(), "ghp_1");
    assert_eq!(store.code_repositories().get("a").unwrap().options["token"], reference("{{hub.token}}"));
    assert_eq!(token_of(&store, "c").unwrap(), "{{github.token}");
    told(store.secrets().get("github", "token"), &["no secret"]);
}

fn an_update_that_read_the_old_name_cannot_bring_it_back(place: &Place) {
    let store = filled(place);
    let read = store.code_repositories().get("a").unwrap();
    let untouched = store.code_repositories().get("c").unwrap();
    store.secrets().rename("github", "hub").unwrap();
    let outcome = store.code_repositories().update(&with(read, "owner", plain("acme")), None);
    assert!(matches!(told(outcome, &["\"a\""]), StoreError::Changed(_)));
    store.code_repositories().update(&untouched, None).unwrap();
}

fn a_secret_keeps_its_name_where_the_new_one_is_taken_or_bad(place: &Place) {
    let store = filled(place);
    store.secrets().create("other", &values(&[("k", "v")])).unwrap();
    assert!(matches!(told(store.secrets().rename("github", "other"), &["\"other\""]), StoreError::NameTaken { .. }));
    told(store.secrets().rename("github", "with space"), &["must"]);
    assert_eq!(token_of(&store, "b").unwrap(), "ghp_1");
    assert_eq!(store.secrets().rename("github", "github").unwrap(), ["a", "b"]);
}

fn a_secret_in_use_is_deleted_only_when_asked_twice(place: &Place) {
    let store = filled(place);
    let error = told(store.secrets().delete_unused("github"), &["\"github\"", "a, b"]);
    assert!(matches!(error, StoreError::SecretInUse { .. }));
    assert_eq!(token_of(&store, "a").unwrap(), "ghp_1");

    assert_eq!(store.secrets().delete("github").unwrap(), ["a", "b"]);
    let error = told(token_of(&store, "a"), &["no secret \"github\"", "secret create"]);
    assert!(matches!(error, StoreError::UnknownSecret { .. }));
    // Named by registrations, and yet there is none.
    assert!(matches!(store.secrets().delete_unused("github"), Err(StoreError::UnknownSecret { .. })));
}

fn an_unused_secret_is_deleted_at_once(place: &Place) {
    let store = filled(place);
    store.code_repositories().delete("a").unwrap();
    let b = with(store.code_repositories().get("b").unwrap(), "token", plain("none"));
    store.code_repositories().update(&b, None).unwrap();
    store.secrets().delete_unused("github").unwrap();
    assert_eq!(store.secrets().list().unwrap(), []);
}

fn a_reference_to_what_is_not_there_yet_is_kept_and_told_when_it_is_needed(place: &Place) {
    let store = place.open();
    let repository = with(registration("a"), "token", reference("{{later.token}}"));
    store.code_repositories().insert(&repository, None).unwrap();
    told(token_of(&store, "a"), &["no secret \"later\""]);
    store.secrets().create("later", &values(&[("other", "x")])).unwrap();
    told(token_of(&store, "a"), &["\"later\"", "no key \"token\"", "other"]);
    store.secrets().update("later", &values(&[("token", "t")]), &[]).unwrap();
    assert_eq!(token_of(&store, "a").unwrap(), "t");
}

fn a_secret_takes_no_name_that_a_reference_to_it_could_not_have(place: &Place) {
    let store = filled(place);
    for name in ["git.hub", "git{hub", "git\u{3164}hub", "git\u{e0041}hub", "git\u{200b}hub"] {
        told(store.secrets().rename("github", name), &["must"]);
        told(store.secrets().create(name, &values(&[("k", "v")])), &["must"]);
    }
    assert_eq!(token_of(&store, "a").unwrap(), "ghp_1");
}

on_both! {
    whoever_takes_a_value_from_a_secret_is_listed,
    references_follow_a_renamed_secret,
    an_update_that_read_the_old_name_cannot_bring_it_back,
    a_secret_keeps_its_name_where_the_new_one_is_taken_or_bad,
    a_secret_in_use_is_deleted_only_when_asked_twice,
    an_unused_secret_is_deleted_at_once,
    a_reference_to_what_is_not_there_yet_is_kept_and_told_when_it_is_needed,
    a_secret_takes_no_name_that_a_reference_to_it_could_not_have,
}
