//! What one workspace has is none of another's business: it is not seen, changed or deleted there, and nothing leads into it.

use crate::audit::{context, numbered, record};
use crate::support::{
    Place, custom, on_both, reference, register_with_token, registration, token_of, told, values, with,
};
use forgeport_model::{AuditRecord, Digest, Outcome};
use forgeport_store::{AuditFilter, StoreError};

fn another_workspaces_registrations_are_not_seen_changed_or_deleted(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    let registered = register_with_token(&theirs, "models", "theirs");
    assert_eq!(ours.code_repositories().list().unwrap(), []);
    for text in ["models", &registered.id] {
        told(ours.code_repositories().find(text), &["no code repository"]);
    }
    told(ours.code_repositories().get("models"), &["no code repository"]);
    told(ours.code_repositories().delete("models"), &["no code repository"]);
    told(ours.code_repositories().rename("models", "mine"), &["no code repository"]);
    assert!(matches!(ours.code_repositories().update(&registered, None), Err(StoreError::Changed(_))));
    assert_eq!(theirs.code_repositories().list().unwrap(), [registered]);
    assert_eq!(token_of(&theirs, "models").unwrap(), "theirs");
}

fn two_workspaces_may_use_the_same_names_and_ids(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    let repository = registration("models");
    for store in [&ours, &theirs] {
        store.code_repositories().insert(&repository, None).unwrap();
        store.secrets().create("github", &values(&[("token", &store.workspace)])).unwrap();
    }
    assert_eq!(ours.secrets().get("github", "token").unwrap().as_str(), "local");
    assert_eq!(theirs.secrets().get("github", "token").unwrap().as_str(), "other");
    ours.code_repositories().delete("models").unwrap();
    assert_eq!(theirs.code_repositories().get("models").unwrap(), repository);
}

fn another_workspaces_secrets_are_not_seen_changed_or_deleted_and_no_reference_leads_to_them(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    theirs.secrets().create("github", &values(&[("token", "theirs")])).unwrap();
    assert_eq!(ours.secrets().list().unwrap(), []);
    told(ours.secrets().get("github", "token"), &["no secret"]);
    told(ours.secrets().keys("github"), &["no secret"]);
    told(ours.secrets().version("github", "token"), &["no secret"]);
    told(ours.secrets().update("github", &values(&[("token", "ours")]), &[]), &["no secret"]);
    told(ours.secrets().rename("github", "mine"), &["no secret"]);
    told(ours.secrets().delete("github"), &["no secret"]);
    told(ours.secrets().delete_unused("github"), &["no secret"]);
    let refers = with(registration("models"), "token", reference("{{github.token}}"));
    ours.code_repositories().insert(&refers, None).unwrap();
    told(token_of(&ours, "models"), &["no secret \"github\""]);
    assert_eq!(theirs.secrets().referrers("github").unwrap(), []);
    theirs.secrets().delete_unused("github").unwrap();
}

fn a_value_sealed_in_another_workspace_is_not_stored_and_does_not_open(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    let registered = register_with_token(&theirs, "models", "theirs");
    let error = told(ours.code_repositories().insert(&registered, None), &["--token"]);
    assert!(matches!(error, StoreError::Vault(_)));
    assert!(ours.code_repositories().value(&registered, "token").is_err());
}

fn another_workspaces_components_are_neither_read_nor_removed(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    let component = b"\0asm theirs";
    theirs.code_repositories().insert(&custom("c", component), Some(component)).unwrap();
    told(ours.component(Digest::of(component)), &["not in the store"]);
    told(ours.code_repositories().insert(&custom("c", component), None), &["not in the store"]);
    assert_eq!(ours.component_settings(Digest::of(component)).unwrap(), None);
    ours.code_repositories().insert(&custom("c", component), Some(component)).unwrap();
    ours.code_repositories().delete("c").unwrap();
    assert_eq!(theirs.component(Digest::of(component)).unwrap(), component);
}

fn another_workspaces_audit_records_are_not_seen_nor_added_to(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    let refused = |workspace: &str, at| record(at, context(workspace, "models"), Outcome::Refused);
    let all = [refused("local", 1), refused("other", 2), refused("other", 3)];
    ours.audit().append(&all).unwrap();
    let listed = |store: &crate::support::Store| store.audit().list(&AuditFilter::default()).unwrap();
    assert_eq!(listed(&ours), numbered(&all[..1]));
    let both = AuditRecord { count: 2, until: 3, ..all[1].clone() };
    assert_eq!(listed(&theirs), numbered(&[both]), "equal refusals are one record");
    assert_eq!(listed(&place.open().in_workspace("third")), []);
}

fn a_change_of_the_master_key_wraps_the_keys_of_all_workspaces(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    for store in [&ours, &theirs] {
        register_with_token(store, "models", &store.workspace);
    }
    assert_eq!(ours.rotate_key(None, None).unwrap().workspaces, 2);
    for workspace in ["local", "other"] {
        let store = place.open().in_workspace(workspace);
        assert_eq!(token_of(&store, "models").unwrap(), workspace);
        store.secrets().create("s", &values(&[("k", "v")])).unwrap();
    }
    assert_eq!(token_of(&theirs, "models").unwrap(), "other");
}

on_both! {
    another_workspaces_registrations_are_not_seen_changed_or_deleted,
    two_workspaces_may_use_the_same_names_and_ids,
    another_workspaces_secrets_are_not_seen_changed_or_deleted_and_no_reference_leads_to_them,
    a_value_sealed_in_another_workspace_is_not_stored_and_does_not_open,
    another_workspaces_components_are_neither_read_nor_removed,
    another_workspaces_audit_records_are_not_seen_nor_added_to,
    a_change_of_the_master_key_wraps_the_keys_of_all_workspaces,
}
