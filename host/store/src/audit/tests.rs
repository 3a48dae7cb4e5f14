//! What shows only inside: the room of a registration where it is filled, and the numbers of records.

use super::{
    entry::{ANSWERED, REFUSED},
    records::KEPT,
    *,
};
use crate::db::values;
use crate::{KeySource, Store};

pub(crate) fn entry(at: i64, repository: &str, outcome: &str) -> AuditEntry {
    AuditEntry {
        at,
        until: at,
        count: 1,
        tenant: "local".into(),
        registration: format!("id of {repository}"),
        repository: repository.into(),
        provider: "github 1".into(),
        digest: "d".into(),
        method: "GET".into(),
        origin: "https://h".into(),
        path: "/".into(),
        status: Some(200),
        sent: 1,
        received: 2,
        secrets: vec!["token".into()],
        outcome: outcome.into(),
        rule: "r".into(),
    }
}

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), KeySource::File).await.unwrap();
    (directory, store)
}

async fn kept(store: &Store, repository: &str) -> Vec<AuditEntry> {
    let filter = AuditFilter { repository: Some(repository.into()), ..Default::default() };
    store.in_workspace(LOCAL).audit().list(&filter).await.unwrap()
}

#[tokio::test]
async fn noise_of_one_registration_pushes_out_nothing_but_its_own_older_noise() {
    let (_directory, store) = store().await;
    let again = AuditEntry { registration: "another id".into(), ..entry(1, "a", REFUSED) };
    let first = [entry(1, "a", ANSWERED), entry(1, "b", REFUSED), entry(1, "b", ANSWERED), again.clone()];
    store.audit().append(&first).await.unwrap();
    let noise = |number: i64| AuditEntry { path: format!("/{number}"), ..entry(2, "a", REFUSED) };
    let most = KEPT.iter().find(|(outcome, _)| *outcome == REFUSED).unwrap().1;
    for begin in (0..most * 2).step_by(1000) {
        store.audit().append(&(begin..begin + 1000).map(noise).collect::<Vec<_>>()).await.unwrap();
    }
    let (loud, quiet) = (kept(&store, "a").await, kept(&store, "b").await);
    assert!(loud.contains(&first[0]) && loud.contains(&again) && quiet == first[1..3]);
    let refused: Vec<_> =
        loud.iter().filter(|e| e.outcome == REFUSED && e.registration != again.registration).collect();
    assert_eq!(refused.len() as i64, most);
    assert_eq!(*refused[refused.len() - 1], noise(most * 2 - 1));
}

#[tokio::test]
async fn each_record_has_a_number_in_its_workspace_that_no_other_gets() {
    let (_directory, store) = store().await;
    let of = |workspace: &str, at| AuditEntry { tenant: workspace.into(), ..entry(at, "a", ANSWERED) };
    let numbers = async |workspace: &str| -> Vec<i64> {
        let tx = store.parts.log().read(Scope::Workspace(workspace)).await.unwrap();
        let query = "SELECT sequence FROM audit WHERE workspace = $1 ORDER BY at";
        let rows = tx.query(query, values![workspace]).await.unwrap();
        rows.iter().map(|row| row.get("sequence").unwrap()).collect()
    };
    store.audit().append(&[of("one", 1), of("other", 2), of("one", 3)]).await.unwrap();
    assert_eq!((numbers("one").await, numbers("other").await), (vec![1, 2], vec![1]));
    let tx = store.parts.log().write(Scope::Workspace("one")).await.unwrap();
    tx.execute("DELETE FROM audit WHERE workspace = $1", values!["one"]).await.unwrap();
    tx.commit().await.unwrap();
    store.audit().append(&[of("one", 4)]).await.unwrap();
    assert_eq!(numbers("one").await, [3]);
}
