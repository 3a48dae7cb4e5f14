//! Code repositories as people name them.

use crate::support::{Place, registration, told};
use forgeport_store::{CodeRepository, Store, StoreError};

fn store_with(place: &Place, entries: &[(&str, &str)]) -> Store {
    let store = place.open();
    for (name, id) in entries {
        let repository = CodeRepository { id: (*id).to_owned(), ..registration(name) };
        store.code_repositories().insert(&repository, None).unwrap();
    }
    store
}

const FIRST: &str = "a1111111-0000-4000-8000-000000000001";
const SECOND: &str = "b2222222-0000-4000-8000-000000000002";
const THIRD: &str = "b2333333-0000-4000-8000-000000000003";

fn found(store: &Store, text: &str) -> String {
    store.code_repositories().find(text).unwrap().name
}

#[test]
fn a_code_repository_is_found_by_name_id_and_the_beginning_of_either() {
    let place = Place::new();
    let store = store_with(&place, &[("models", FIRST), ("pipelines", SECOND), ("tools", THIRD)]);
    for text in ["models", "mod", "m", FIRST, "a1", "a"] {
        assert_eq!(found(&store, text), "models", "{text}");
    }
    assert_eq!(found(&store, "b22"), "pipelines");
    assert_eq!(store.code_repositories().find("models").unwrap(), store.code_repositories().get("models").unwrap());
}

#[test]
fn a_whole_name_counts_before_an_id_and_before_names_that_only_begin_so() {
    let place = Place::new();
    let store = store_with(&place, &[("models", FIRST), ("models-v2", SECOND), ("a1", THIRD)]);
    assert_eq!(found(&store, "models"), "models");
    assert_eq!(found(&store, "a1"), "a1");
    assert_eq!(found(&store, "a11"), "models");
}

#[test]
fn what_several_begin_with_is_ambiguous_and_the_error_lists_them_with_their_ids() {
    let place = Place::new();
    let store = store_with(&place, &[("models", FIRST), ("modules", SECOND), ("b2 tools", THIRD)]);
    let error = told(store.code_repositories().find("mod"), &["\"models\"", "\"modules\"", FIRST, SECOND]);
    assert!(matches!(error, StoreError::Ambiguous { .. }));
    assert!(!error.to_string().contains("tools"), "{error}");
    // By the id of one and the name of another.
    told(store.code_repositories().find("b2"), &["\"modules\"", "\"b2 tools\""]);
}

#[test]
fn an_unknown_name_suggests_the_nearest_and_nothing_where_none_is_near() {
    let place = Place::new();
    let store = store_with(&place, &[("models", FIRST), ("pipelines", SECOND)]);
    told(store.code_repositories().find("modles"), &["\"modles\"", "did you mean \"models\"?", "list"]);
    told(store.code_repositories().get("pipline"), &["did you mean \"pipelines\"?"]);
    for text in ["zzz", "", "%", "_odels", "MODELS\n"] {
        let error = told(store.code_repositories().find(text), &["no code repository"]);
        assert!(matches!(error, StoreError::UnknownCodeRepository { .. }), "{text:?}");
    }
    let error = store.code_repositories().find("zzz").unwrap_err().to_string();
    assert!(!error.contains("did you mean"), "{error}");
}

#[test]
fn get_takes_no_beginnings_and_no_ids() {
    let place = Place::new();
    let store = store_with(&place, &[("models", FIRST)]);
    told(store.code_repositories().get("model"), &["no code repository"]);
    told(store.code_repositories().get(FIRST), &["no code repository"]);
}

#[test]
fn of_very_many_that_could_be_meant_ten_are_named() {
    let place = Place::new();
    let store = place.open();
    for number in 0..30 {
        store.code_repositories().insert(&registration(&format!("demo-{number}")), None).unwrap();
    }
    let error = told(store.code_repositories().find("demo"), &["could be any of", ", and 20 more; write more"]);
    assert_eq!(error.to_string().matches("demo-").count(), 10);
}
