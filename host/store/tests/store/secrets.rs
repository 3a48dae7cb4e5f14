//! Secrets by themselves.

use crate::support::{Place, Store, on_both, told, values};
use forgeport_store::{MAX_VALUE_LENGTH, StoreError, VaultError};

fn get(store: &Store, name: &str, key: &str) -> String {
    store.secrets().get(name, key).unwrap().to_string()
}

fn with_github(place: &Place) -> Store {
    let store = place.open();
    store.secrets().create("github", &values(&[("token", "ghp_1"), ("user", "me")])).unwrap();
    store
}

fn a_secret_is_read_back_by_whoever_opens_the_store_next(place: &Place) {
    let pem = "-----BEGIN KEY-----\nä\0\n".repeat(400);
    let all = values(&[("token", "ghp_1"), ("pem", &pem), ("empty", ""), ("ключ", "日本")]);
    place.open().secrets().create("github", &all).unwrap();
    let store = place.open();
    for (key, value) in &all {
        assert_eq!(store.secrets().get("github", key).unwrap(), *value, "{key}");
    }
    assert_eq!(store.secrets().keys("github").unwrap(), ["empty", "pem", "token", "ключ"]);
}

fn the_list_is_in_order_and_shows_names_keys_and_times_alone(place: &Place) {
    let store = with_github(place);
    store.secrets().create("aws", &values(&[("key", "AKIA")])).unwrap();
    let list = store.secrets().list().unwrap();
    let shown: Vec<_> = list.iter().map(|secret| (secret.name.as_str(), secret.keys.join(","))).collect();
    assert_eq!(shown, [("aws", "key".to_owned()), ("github", "token,user".to_owned())]);
    assert!(list.iter().all(|secret| secret.created > 1_600_000_000_000 && secret.updated == secret.created));
}

fn a_taken_name_a_bad_name_and_a_bad_key_store_nothing(place: &Place) {
    let store = with_github(place);
    let error = told(store.secrets().create("github", &values(&[("token", "other")])), &["\"github\"", "already"]);
    assert!(matches!(error, StoreError::NameTaken { what: "secret", .. }));
    told(store.secrets().create("a.b", &values(&[("k", "v")])), &["\"a.b\"", "must"]);
    told(store.secrets().create("s", &values(&[("good", "v"), ("not good", "v")])), &["\"not good\"", "must"]);
    assert_eq!(store.secrets().list().unwrap().len(), 1);
    assert_eq!(get(&store, "github", "token"), "ghp_1");
}

fn a_secret_without_values_is_refused_and_so_is_taking_its_last_one(place: &Place) {
    let store = with_github(place);
    told(store.secrets().create("empty", &values(&[])), &["\"empty\"", "at least one"]);
    let both = ["token".to_owned(), "user".to_owned()];
    let error = told(store.secrets().update("github", &values(&[]), &both), &["\"github\""]);
    assert!(matches!(error, StoreError::NoValues(_)));
    assert_eq!(store.secrets().keys("github").unwrap(), both);
    assert_eq!(store.secrets().list().unwrap().len(), 1);
}

fn an_update_sets_and_removes_what_it_names_and_nothing_else(place: &Place) {
    let store = with_github(place);
    let before = store.secrets().list().unwrap();
    store.secrets().update("github", &values(&[("token", "ghp_2"), ("url", "u")]), &["user".to_owned()]).unwrap();
    assert_eq!(store.secrets().keys("github").unwrap(), ["token", "url"]);
    assert_eq!(get(&store, "github", "token"), "ghp_2");
    let after = store.secrets().list().unwrap();
    assert_eq!(after[0].created, before[0].created);
    assert!(after[0].updated > before[0].updated);
    // All values at once may be replaced.
    store.secrets().update("github", &values(&[("new", "n")]), &["token".to_owned(), "url".to_owned()]).unwrap();
    assert_eq!(store.secrets().keys("github").unwrap(), ["new"]);
}

fn an_update_with_one_wrong_key_to_remove_changes_nothing_and_lists_all_that_there_are(place: &Place) {
    let store = with_github(place);
    let remove = ["token".to_owned(), "typo".to_owned()];
    let outcome = store.secrets().update("github", &values(&[("user", "you")]), &remove);
    let error = told(outcome, &["\"github\"", "\"typo\"", "token, user"]);
    assert!(matches!(error, StoreError::UnknownKey { .. }));
    assert_eq!((get(&store, "github", "token"), get(&store, "github", "user")), ("ghp_1".into(), "me".into()));
}

fn an_update_that_fails_at_its_last_value_changes_nothing(place: &Place) {
    let store = with_github(place);
    let long = "x".repeat(MAX_VALUE_LENGTH + 1);
    let outcome = store.secrets().update("github", &values(&[("token", "ghp_2"), ("zzz", &long)]), &[]);
    let error = told(outcome, &["\"zzz\"", "\"github\"", "65536"]);
    assert!(matches!(error, StoreError::Vault(VaultError::ValueTooLong(_))));
    assert_eq!(get(&store, "github", "token"), "ghp_1");
    assert_eq!(store.secrets().keys("github").unwrap(), ["token", "user"]);
}

fn the_longest_value_is_stored_and_one_byte_more_is_not(place: &Place) {
    let store = place.open();
    let longest = "x".repeat(MAX_VALUE_LENGTH);
    store.secrets().create("s", &values(&[("k", &longest)])).unwrap();
    assert_eq!(get(&store, "s", "k"), longest);
    told(store.secrets().create("t", &values(&[("k", &(longest + "x"))])), &["longer"]);
}

fn unknown_secrets_and_keys_are_told_with_what_there_is_and_never_a_value(place: &Place) {
    let store = with_github(place);
    let unknown_secrets = [
        store.secrets().get("githb", "token").map(drop),
        store.secrets().keys("githb").map(drop),
        store.secrets().update("githb", &values(&[("k", "v")]), &[]),
        store.secrets().rename("githb", "x").map(drop),
        store.secrets().delete("githb").map(drop),
        store.secrets().delete_unused("githb"),
    ];
    for outcome in unknown_secrets {
        let error = told(outcome, &["\"githb\"", "did you mean \"github\"?", "secret list"]);
        assert!(matches!(error, StoreError::UnknownSecret { .. }));
    }
    let error = told(store.secrets().get("github", "tokn"), &["\"tokn\"", "token, user"]);
    assert!(!error.to_string().contains("ghp_1") && !format!("{error:?}").contains("ghp_1"));
}

#[test]
fn a_deleted_secret_is_gone_with_its_values() {
    let place = Place::new();
    let store = with_github(&place);
    assert_eq!(store.secrets().delete("github").unwrap(), Vec::<String>::new());
    told(store.secrets().get("github", "token"), &["no secret"]);
    store.secrets().create("github", &values(&[("other", "o")])).unwrap();
    assert_eq!(store.secrets().keys("github").unwrap(), ["other"]);
    drop(store);
    let left: i64 = place.sql().query_row("SELECT count(*) FROM secret_value", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
}

on_both! {
    a_secret_is_read_back_by_whoever_opens_the_store_next,
    the_list_is_in_order_and_shows_names_keys_and_times_alone,
    a_taken_name_a_bad_name_and_a_bad_key_store_nothing,
    a_secret_without_values_is_refused_and_so_is_taking_its_last_one,
    an_update_sets_and_removes_what_it_names_and_nothing_else,
    an_update_with_one_wrong_key_to_remove_changes_nothing_and_lists_all_that_there_are,
    an_update_that_fails_at_its_last_value_changes_nothing,
    the_longest_value_is_stored_and_one_byte_more_is_not,
    unknown_secrets_and_keys_are_told_with_what_there_is_and_never_a_value,
}
