//! Stores written before: each opens, with all that it had, and is left as it was where it cannot be brought up to date.

use crate::support::{Place, Store, chmod, files_below, register_with_token, token_of, told, values};
use forgeport_store::{AuditFilter, KeySource, StoreError, StoredOption, VaultError};
use std::{collections::BTreeMap, fs, path::PathBuf};

const SCHEMAS: [usize; 5] = [1, 2, 3, 4, 5];

/// A copy of the store of this schema, see fixtures/README.md.
fn written_before(schema: usize) -> Place {
    let place = Place::new();
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{schema}"));
    for file in files_below(&fixture) {
        let copy = place.directory().join(file.strip_prefix(&fixture).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&file, &copy).unwrap();
        chmod(&copy, 0o600);
    }
    chmod(&place.directory(), 0o700);
    place
}

fn assert_whole(store: &Store, schema: usize) {
    assert_eq!(store.secrets().get("forge", "token").unwrap().as_str(), "token of the secret");
    assert_eq!(store.secrets().get("forge", "user").unwrap().as_str(), "user of the secret");
    assert_eq!(token_of(store, "sealed").unwrap(), "token of the registration");
    assert_eq!(token_of(store, "referring").unwrap(), "token of the secret");
    assert_eq!(token_of(store, "custom").unwrap(), "token of the custom one");
    let custom = store.code_repositories().get("custom").unwrap();
    assert_eq!(custom.consent.is_some(), schema >= 3);
    let component = store.component(custom.provider.digest).unwrap();
    assert_eq!(String::from_utf8(component).unwrap().trim(), format!("a component of schema {schema}"));
    let outcomes: Vec<String> = store
        .audit()
        .list(&AuditFilter::default())
        .unwrap()
        .into_iter()
        .filter_map(|record| record.outcome().map(|outcome| outcome.to_string()))
        .collect();
    let expected: &[&str] = if schema >= 2 { &["answered", "refused"] } else { &[] };
    assert_eq!(outcomes, expected);
}

/// The first byte of each sealed value: its format.
fn formats(place: &Place) -> Vec<u8> {
    let connection = place.sql();
    let query = "SELECT sealed FROM secret_value
         UNION ALL SELECT sealed FROM code_repository_option WHERE sealed IS NOT NULL";
    let mut statement = connection.prepare(query).unwrap();
    let sealed = statement.query_map((), |row| row.get::<_, Vec<u8>>(0)).unwrap();
    sealed.map(|sealed| sealed.unwrap()[0]).collect()
}

fn contents(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(&place.directory());
    files.into_iter().map(|file| (file.clone(), fs::read(&file).unwrap())).collect()
}

#[test]
fn a_store_of_each_schema_opens_with_all_that_it_had_and_is_sealed_anew() {
    for schema in SCHEMAS {
        let place = written_before(schema);
        assert_whole(&place.open(), schema);
        assert_eq!(formats(&place), [2; 4], "schema {schema}");
        let version: i64 = place.sql().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 6);
        // It is a store like any other from then on.
        let store = place.open();
        register_with_token(&store, "new", "new token");
        store.rotate_key(None, None).unwrap();
        let again = place.open();
        assert_whole(&again, schema);
        assert_eq!(token_of(&again, "new").unwrap(), "new token");
    }
}

#[test]
fn what_a_store_had_is_the_local_workspaces_and_no_others() {
    for schema in SCHEMAS {
        let place = written_before(schema);
        let other = place.open().in_workspace("other");
        assert_eq!(other.code_repositories().list().unwrap(), []);
        assert_eq!(other.secrets().list().unwrap(), []);
        assert_eq!(other.audit().list(&AuditFilter::default()).unwrap(), []);
        for table in ["code_repository", "code_repository_option", "secret", "secret_value", "workspace_key"] {
            let query = format!("SELECT count(*), sum(workspace = 'local') FROM {table}");
            let (all, local): (i64, i64) =
                place.sql().query_row(&query, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert!(all > 0 && all == local, "{table}");
        }
    }
}

#[test]
fn without_its_key_an_older_store_is_refused_and_left_as_it_was() {
    for schema in SCHEMAS {
        let place = written_before(schema);
        let before = contents(&place);
        let wrong = place.open_from(KeySource::Environment("0f".repeat(32).into())).map(drop);
        assert!(matches!(told(wrong, &["FORGEPORT_KEY"]), StoreError::Vault(VaultError::WrongKey(_))));
        assert!(contents(&place) == before, "schema {schema}");
        let kept = place.file("kept");
        fs::rename(place.file("key"), &kept).unwrap();
        let missing = place.open_from(KeySource::File).map(drop);
        assert!(matches!(told(missing, &["store/key", "missing"]), StoreError::Vault(VaultError::KeyMissing(_))));
        fs::rename(&kept, place.file("key")).unwrap();
        assert_whole(&place.open(), schema);
    }
}

#[test]
fn a_value_that_was_damaged_before_is_told_when_it_is_asked_for_and_keeps_no_other_from_being_sealed_anew() {
    let place = written_before(5);
    let connection = place.sql();
    connection.execute_batch("UPDATE secret_value SET sealed = zeroblob(50) WHERE key = 'user'").unwrap();
    connection
        .execute_batch(
            "UPDATE code_repository_option SET sealed = (SELECT sealed FROM secret_value WHERE key = 'token') \
         WHERE code_repository_id = (SELECT id FROM code_repository WHERE name = 'custom') AND sealed IS NOT NULL",
        )
        .unwrap();
    drop(connection);
    fs::remove_file(place.file("forgeport.sum")).unwrap();
    let store = place.open();
    for damaged in [store.secrets().get("forge", "user").map(drop), token_of(&store, "custom").map(drop)] {
        assert!(matches!(told(damaged, &["set it anew"]), StoreError::Vault(VaultError::Tampered(_))));
    }
    assert_eq!(store.secrets().get("forge", "token").unwrap().as_str(), "token of the secret");
    assert_eq!(token_of(&store, "sealed").unwrap(), "token of the registration");
    store.secrets().update("forge", &values(&[("user", "new")]), &[]).unwrap();
    assert_eq!(place.open().secrets().get("forge", "user").unwrap().as_str(), "new");
}

#[test]
fn many_that_open_an_older_store_at_once_bring_it_up_to_date_once() {
    for schema in SCHEMAS {
        let place = written_before(schema);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_whole(&place.open(), schema));
            }
        });
        let keys: i64 = place.sql().query_row("SELECT count(*) FROM workspace_key", (), |row| row.get(0)).unwrap();
        assert_eq!(keys, 1);
    }
}

#[test]
fn a_sealed_value_is_never_one_of_another_row_after_it_was_sealed_anew() {
    let place = written_before(5);
    let store = place.open();
    let sealed = |name: &str| match &store.code_repositories().get(name).unwrap().options["token"] {
        StoredOption::Sealed(sealed) => sealed.clone(),
        other => panic!("{other:?}"),
    };
    assert_ne!(sealed("sealed"), sealed("custom"));
    let mut moved = store.code_repositories().get("custom").unwrap();
    moved.options.insert("token".to_owned(), StoredOption::Sealed(sealed("sealed")));
    assert!(store.code_repositories().value(&moved, "token").is_err());
}
