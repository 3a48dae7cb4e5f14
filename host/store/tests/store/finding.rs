//! Code repositories as people name them.

use crate::support::{Place, Store, custom, on_both, plain, registration, told, with};
use forgeport_model::{Access, RemoteUrl};
use forgeport_store::{CodeRepository, Consent, StoreError};

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

fn a_code_repository_is_found_by_name_id_and_the_beginning_of_either(place: &Place) {
    let store = store_with(place, &[("models", FIRST), ("pipelines", SECOND), ("tools", THIRD)]);
    for text in ["models", "mod", "m", FIRST, "a1", "a"] {
        assert_eq!(found(&store, text), "models", "{text}");
    }
    assert_eq!(found(&store, "b22"), "pipelines");
    assert_eq!(store.code_repositories().find("models").unwrap(), store.code_repositories().get("models").unwrap());
}

fn a_whole_name_counts_before_an_id_and_before_names_that_only_begin_so(place: &Place) {
    let store = store_with(place, &[("models", FIRST), ("models-v2", SECOND), ("a1", THIRD)]);
    assert_eq!(found(&store, "models"), "models");
    assert_eq!(found(&store, "a1"), "a1");
    assert_eq!(found(&store, "a11"), "models");
}

fn what_several_begin_with_is_ambiguous_and_the_error_lists_them_with_their_ids(place: &Place) {
    let store = store_with(place, &[("models", FIRST), ("modules", SECOND), ("b2 tools", THIRD)]);
    let error = told(store.code_repositories().find("mod"), &["\"models\"", "\"modules\"", FIRST, SECOND]);
    assert!(matches!(error, StoreError::Ambiguous { .. }));
    assert!(!error.to_string().contains("tools"), "{error}");
    // By the id of one and the name of another.
    told(store.code_repositories().find("b2"), &["\"modules\"", "\"b2 tools\""]);
}

fn an_unknown_name_suggests_the_nearest_and_nothing_where_none_is_near(place: &Place) {
    let store = store_with(place, &[("models", FIRST), ("pipelines", SECOND)]);
    told(store.code_repositories().find("modles"), &["\"modles\"", "did you mean \"models\"?", "list"]);
    told(store.code_repositories().get("pipline"), &["did you mean \"pipelines\"?"]);
    for text in ["zzz", "", "%", "_odels", "MODELS\n"] {
        let error = told(store.code_repositories().find(text), &["no code repository"]);
        assert!(matches!(error, StoreError::UnknownCodeRepository { .. }), "{text:?}");
    }
    let error = store.code_repositories().find("zzz").unwrap_err().to_string();
    assert!(!error.contains("did you mean"), "{error}");
}

fn get_takes_no_beginnings_and_no_ids(place: &Place) {
    let store = store_with(place, &[("models", FIRST)]);
    told(store.code_repositories().get("model"), &["no code repository"]);
    told(store.code_repositories().get(FIRST), &["no code repository"]);
}

fn of_very_many_that_could_be_meant_ten_are_named(place: &Place) {
    let store = place.open();
    for number in 0..30 {
        store.code_repositories().insert(&registration(&format!("demo-{number}")), None).unwrap();
    }
    let error = told(store.code_repositories().find("demo"), &["could be any of", ", and 20 more; write more"]);
    assert_eq!(error.to_string().matches("demo-").count(), 10);
}

fn consented(repository: CodeRepository, hosts: &[&str]) -> CodeRepository {
    let remote_hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let access = Access { remote_hosts, ..Access::default() };
    CodeRepository { consent: Some(Consent { settings: Vec::new(), access }), ..repository }
}

#[test]
fn by_a_remote_those_are_found_that_may_be_it() {
    let place = Place::new();
    let store = place.open();
    let built_in = |name: &str, repository: &str| {
        let options = [("owner", "acme"), ("repository", repository), ("api_url", "https://forge.example/demo")];
        let registration = consented(registration(name), &["forge.example"]);
        options.iter().fold(registration, |all, (option, value)| with(all, option, plain(value)))
    };
    let registrations = [
        built_in("a", "Demo"),
        built_in("b", "other"),
        built_in("c", "group/demo"),
        consented(custom("d", b"mine"), &["other.example", "forge.example"]),
        consented(custom("e", b"mine"), &["other.example"]),
        registration("f"),
    ];
    for registration in &registrations {
        let component = (!registration.provider.source.is_built_in()).then_some(&b"mine"[..]);
        store.code_repositories().insert(registration, component).unwrap();
    }
    let found = |urls: &[&str]| -> String {
        let urls: Vec<RemoteUrl> = urls.iter().map(|url| RemoteUrl::parse(url).unwrap()).collect();
        store.code_repositories().that_may_own(&urls).unwrap().into_iter().map(|found| found.name).collect()
    };
    assert_eq!(found(&[]), "f");
    assert_eq!(found(&["https://forge.example/acme/demo.git"]), "acdf");
    assert_eq!(found(&["git@other.example:acme/DEMO"]), "acdef");
    assert_eq!(found(&["https://elsewhere.example/acme/nothing"]), "f");
    assert_eq!(found(&["https://elsewhere.example/a/other", "https://other.example/a/b"]), "bdef");
    // What is changed is found by what it is then.
    let read = store.code_repositories().get("b").unwrap();
    store.code_repositories().update(&with(read, "repository", plain("new")), None).unwrap();
    assert_eq!(found(&["https://elsewhere.example/a/other"]), "f");
    assert_eq!(found(&["https://elsewhere.example/a/new"]), "bf");
    store.code_repositories().delete("b").unwrap();
    assert_eq!(found(&["https://elsewhere.example/a/new"]), "f");
}

on_both! {
    a_code_repository_is_found_by_name_id_and_the_beginning_of_either,
    a_whole_name_counts_before_an_id_and_before_names_that_only_begin_so,
    what_several_begin_with_is_ambiguous_and_the_error_lists_them_with_their_ids,
    an_unknown_name_suggests_the_nearest_and_nothing_where_none_is_near,
    get_takes_no_beginnings_and_no_ids,
    of_very_many_that_could_be_meant_ten_are_named,
}
