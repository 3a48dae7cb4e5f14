//! Tests that need the inside: the bound of a registration when it is reached, and the sequence numbers of deleted records.

use super::{records::KEPT, *};
use crate::{KeySource, Store};
use forgeport_model::{
    AuditContext, AuditEvent, AuditedRequest, Digest,
    Outcome::{self, Answered, Refused},
};

pub(crate) fn record(at: i64, repository: &str, outcome: Outcome) -> AuditRecord {
    let context = AuditContext {
        workspace: "local".into(),
        registration: format!("id of {repository}"),
        repository: repository.into(),
        provider: "github 1".into(),
        digest: Some(Digest::of(b"component")),
        ..AuditContext::default()
    };
    let request = AuditedRequest {
        method: "GET".into(),
        origin: "https://h".into(),
        path: "/".into(),
        status: Some(200),
        sent: 1,
        received: 2,
        secrets: vec!["token".into()],
        outcome,
        rule: "r".into(),
    };
    AuditRecord { at, until: at, ..AuditRecord::now(context, AuditEvent::Request(request)) }
}

/// The same request, when it had ended.
pub(crate) fn ended(record: &AuditRecord, outcome: Outcome) -> AuditRecord {
    let request = AuditedRequest { outcome, ..record.request().unwrap().clone() };
    AuditRecord { event: AuditEvent::Request(request), ..record.clone() }
}

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), KeySource::File).await.unwrap();
    (directory, store)
}

async fn kept(store: &Store, repository: &str) -> Vec<AuditRecord> {
    let filter = AuditFilter { repository: Some(repository.into()), ..Default::default() };
    store.in_workspace(LOCAL).audit().list(&filter).await.unwrap()
}

fn ids<'a>(records: impl IntoIterator<Item = &'a AuditRecord>) -> Vec<&'a str> {
    records.into_iter().map(|record| record.id.as_str()).collect()
}

#[tokio::test]
async fn noise_of_one_registration_pushes_out_nothing_but_its_own_older_noise() {
    let (_directory, store) = store().await;
    let mut again = record(1, "a", Refused);
    again.context.registration = "another id".into();
    let first = [record(1, "a", Answered), record(1, "b", Refused), record(1, "b", Answered), again];
    store.audit().append(&first).await.unwrap();
    let noise = |number: i64| {
        let mut record = record(2, "a", Refused);
        record.context.actor = number.to_string();
        record
    };
    let most = KEPT.iter().find(|(outcome, _)| *outcome == Refused).unwrap().1;
    for begin in (0..most * 2).step_by(1000) {
        store.audit().append(&(begin..begin + 1000).map(noise).collect::<Vec<_>>()).await.unwrap();
    }
    let (loud, quiet) = (kept(&store, "a").await, kept(&store, "b").await);
    assert!(ids(&loud).contains(&first[0].id.as_str()) && ids(&loud).contains(&first[3].id.as_str()));
    assert_eq!(ids(&quiet), ids(&first[1..3]));
    let refused: Vec<_> = loud.iter().filter(|r| r.outcome() == Some(Refused) && r.id != first[3].id).collect();
    assert_eq!(refused.len() as i64, most);
    assert_eq!(refused[refused.len() - 1].context.actor, (most * 2 - 1).to_string());
}

#[tokio::test]
async fn a_sequence_is_not_given_twice_although_its_record_was_deleted() {
    let (_directory, store) = store().await;
    store.audit().append(&[1, 2].map(|at| record(at, "a", Answered))).await.unwrap();
    let tx = store.parts.log().write(Scope::Workspace(LOCAL)).await.unwrap();
    tx.execute("DELETE FROM audit WHERE workspace = $1", crate::db::values![LOCAL]).await.unwrap();
    tx.commit().await.unwrap();
    store.audit().append(&[record(3, "a", Answered)]).await.unwrap();
    assert_eq!(kept(&store, "a").await[0].sequence, Some(3));
}
