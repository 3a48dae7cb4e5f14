//! What a person agreed to is kept, and what a component says of itself is believed once.

use crate::support::{Place, custom, on_both, plain, reference, registration, told, values, with};
use forgeport_model::{Access, CredentialPlan, Grant, OptionDefinition, Origin, Placement};
use forgeport_store::{CodeRepository, Consent, StoreError, StoredOption};

fn setting(name: &str, secret: bool) -> OptionDefinition {
    OptionDefinition { name: name.to_owned(), help: "An option.".to_owned(), required: false, secret, default: None }
}

fn consent(secret: bool) -> Consent {
    let origin = Origin::parse("https://forge.example").unwrap();
    let credential = CredentialPlan {
        option: "token".to_owned(),
        origin: origin.clone(),
        placement: Placement::Basic("me".to_owned()),
        beginnings: vec!["job-".to_owned()],
    };
    Consent {
        settings: vec![setting("token", secret), setting("owner", false)],
        access: Access {
            origins: [Grant::reading(origin)].into_iter().collect(),
            credentials: vec![credential],
            remote_hosts: vec!["forge.example".to_owned()],
        },
    }
}

fn consented(repository: CodeRepository, consent: Consent) -> CodeRepository {
    CodeRepository { consent: Some(consent), ..repository }
}

fn what_was_consented_to_is_read_back_as_it_was(place: &Place) {
    let repository = consented(custom("r", b"component"), consent(true));
    place.open().code_repositories().insert(&repository, Some(b"component")).unwrap();
    let store = place.open();
    assert_eq!(store.code_repositories().get("r").unwrap().consent, Some(consent(true)));
    let settings = store.component_settings(repository.provider.digest).unwrap();
    assert_eq!(settings, Some(consent(true).settings));
    store.code_repositories().delete("r").unwrap();
    assert_eq!(store.component_settings(repository.provider.digest).unwrap(), None);
}

fn a_component_that_says_something_else_of_its_options_is_refused_and_nothing_is_stored(place: &Place) {
    let store = place.open();
    store
        .code_repositories()
        .insert(&consented(custom("first", b"component"), consent(true)), Some(b"component"))
        .unwrap();
    let second = consented(custom("second", b"component"), consent(false));
    let outcome = store.code_repositories().insert(&second, Some(b"component"));
    let error = told(outcome, &["something else of its options", "cannot be trusted"]);
    assert!(matches!(error, StoreError::ComponentContradicts(_)));
    let first = store.code_repositories().get("first").unwrap();
    let changed = consented(first.clone(), consent(false));
    told(store.code_repositories().update(&changed, None), &["cannot be trusted"]);
    assert_eq!(store.code_repositories().list().unwrap(), [first]);
}

#[test]
fn a_registration_from_before_is_there_and_says_that_nothing_was_kept() {
    let place = Place::new();
    std::fs::create_dir(place.directory()).unwrap();
    let connection = rusqlite::Connection::open(place.file("forgeport.db")).unwrap();
    for step in [include_str!("../../src/schema/sqlite/1.sql"), include_str!("../../src/schema/sqlite/2.sql")] {
        connection.execute_batch(step).unwrap();
    }
    connection
        .execute_batch(&format!(
            "INSERT INTO code_repository VALUES ('an-id', 'old', 'github', NULL, 'github', '0.1.0', '{}', NULL,
                 '[{{\"origin\":\"https://api.github.com\"}}]', '[\"github.com\"]', 1, 1, '{{}}');
             INSERT INTO code_repository_option VALUES ('an-id', 'owner', 'acme', NULL, NULL, NULL);
             PRAGMA user_version = 2",
            forgeport_model::Digest::of(b"github")
        ))
        .unwrap();
    drop(connection);
    crate::support::chmod(&place.directory(), 0o700);
    crate::support::chmod(&place.file("forgeport.db"), 0o600);
    let store = place.open();
    let old = store.code_repositories().get("old").unwrap();
    assert_eq!((old.consent.as_ref(), &old.options["owner"]), (None, &plain("acme")));
    let stored = store.code_repositories().update(&consented(old, consent(true)), None).unwrap();
    assert_eq!(stored.consent, Some(consent(true)));
}

fn a_credentials_version_changes_whenever_it_is_given_anew_and_only_then(place: &Place) {
    let store = place.open();
    store.secrets().create("s", &values(&[("token", "one"), ("other", "x")])).unwrap();
    let version = || store.secrets().version("s", "token").unwrap();
    let first = version();
    store.secrets().update("s", &values(&[("other", "y")]), &[]).unwrap();
    store.secrets().rename("s", "t").unwrap();
    store.secrets().rename("t", "s").unwrap();
    assert_eq!(version(), first);
    // The same value given again is another one: nobody can tell by the version what it is.
    store.secrets().update("s", &values(&[("token", "one")]), &[]).unwrap();
    assert_ne!(version(), first);
    assert!(!version().contains("one"));
    store.secrets().delete("s").unwrap();
    told(store.secrets().version("s", "token"), &["\"s\""]);

    let repository = with(registration("r"), "reference", reference("{{s.token}}"));
    let sealed = |value| match store.code_repositories().seal(&repository, "token", value).unwrap() {
        StoredOption::Sealed(sealed) => sealed.version(),
        other => panic!("{other:?}"),
    };
    assert_ne!(sealed("one"), sealed("one"));
}

on_both! {
    what_was_consented_to_is_read_back_as_it_was,
    a_component_that_says_something_else_of_its_options_is_refused_and_nothing_is_stored,
    a_credentials_version_changes_whenever_it_is_given_anew_and_only_then,
}
