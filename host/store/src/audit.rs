//! What is remembered of every request that a provider made, or tried to make.
//!
//! A provider decides how much there is to remember: one that asked for what it may not, again and again, once pushed all that was known
//! of the others out of the log, in two calls. So equal refusals are one entry, and each registration has room of its own, for refusals
//! apart from what left: noise pushes out nothing but older noise.

use crate::{
    Result, Store, StoreError, WorkspaceStore,
    data_keys::off_thread,
    db::{Row, Scope, Tx, Value, values},
    intents,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// What is kept for each registration under each of its names; the oldest go first. An entry has about 250 bytes: 15 MB in all.
const KEPT: &[(&str, i64)] =
    &[(ANSWERED, 50_000), ("failed", 5_000), (IN_FLIGHT, 5_000), (REFUSED, 5_000), (UNRECORDED, 100)];
/// How long anything is kept, in milliseconds: 400 days, so that the same month of the year before can be looked at.
const AGE: i64 = 400 * 24 * 60 * 60 * 1000;
/// Equal refusals so close to each other are one entry, in milliseconds.
const TOGETHER: i64 = 10 * 60 * 1000;
/// The rooms are looked through once in so many entries: where they are full, that takes some milliseconds.
const SWEEP: i64 = 256;

const ANSWERED: &str = "answered";
const REFUSED: &str = "refused";
/// Of whom nothing is known but that it was the only user, and of no run.
const INSERT: &str = "
    INSERT INTO audit (workspace, sequence, id, at, until, count, actor, request, run, registration, repository, provider, digest,
        method, origin, path, status, sent, received, secrets, outcome, rule)
    VALUES ($1, $2, $3, $4, $5, $6, '', '', NULL, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
/// Adds to the newest refusal that is like this one, if there is one that is new enough.
const MERGE: &str = "
    UPDATE audit SET count = count + $2, until = CASE WHEN until < $3 THEN $3 ELSE until END
    WHERE workspace = $1 AND sequence = (
        SELECT max(sequence) FROM audit
        WHERE outcome = 'refused' AND workspace = $1 AND registration = $4 AND origin = $5 AND path = $6
            AND repository = $7 AND provider = $8 AND digest = $9 AND method = $10 AND rule = $11
            AND at > $12
    )";

/// The same request, when it had ended. A process may be killed between the two places where an entry is written.
const IS_THERE: &str = "
    SELECT 1 AS found FROM audit
    WHERE workspace = $1 AND at = $2 AND registration = $3 AND method = $4 AND origin = $5 AND path = $6 AND repository = $7 LIMIT 1";

/// The number of the last record that a workspace was given.
const LAST: &str = "SELECT last FROM audit_sequence WHERE workspace = $1";
const SET_LAST: &str = "
    INSERT INTO audit_sequence (workspace, last) VALUES ($1, $2)
    ON CONFLICT (workspace) DO UPDATE SET last = excluded.last";

/// The outcome of a request that is on its way, or was when its process was killed.
pub const IN_FLIGHT: &str = "in-flight";

/// The outcome of an entry that stands for requests which could not be written down.
pub const UNRECORDED: &str = "unrecorded";

/// Where it is written down what providers do, for whichever workspace.
pub struct AuditLog<'a>(pub(crate) &'a Store);

/// What the audit log has of one workspace.
pub struct Audit<'a>(pub(crate) WorkspaceStore<'a>);

/// One request, or several that were refused alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was made, in milliseconds since 1970 (UTC); of several, the first one.
    pub at: i64,
    /// When the last one was made.
    pub until: i64,
    /// How many there were.
    pub count: u64,
    /// The workspace.
    pub tenant: String,
    /// The code repository's id, which no other has. Empty in entries from before Forgeport wrote it down.
    pub registration: String,
    /// The code repository's name at that time.
    pub repository: String,
    /// The provider's name and version.
    pub provider: String,
    /// The SHA-256 of its component.
    pub digest: String,
    /// The method.
    pub method: String,
    /// Where to.
    pub origin: String,
    /// The path; of a query the keys only.
    pub path: String,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// Bytes.
    pub sent: u64,
    /// Bytes.
    pub received: u64,
    /// The names of the secret options that went along.
    pub secrets: Vec<String>,
    /// `answered`, `failed`, `refused`, `in-flight` or `unrecorded`.
    pub outcome: String,
    /// The rule that let it out, or why it did not leave.
    pub rule: String,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this code repository only.
    pub repository: Option<String>,
    /// What there was from this time on, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Those that were refused only, and those of which nothing else is known.
    pub refused: bool,
    /// The newest so many.
    pub last: Option<u32>,
}

impl AuditLog<'_> {
    /// Adds entries, each to its workspace: all of a workspace's or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn append(&self, entries: &[AuditEntry]) -> Result<()> {
        self.add(entries, false).await
    }

    /// Where requests are written down before they leave.
    pub fn intents(&self) -> intents::Intents {
        intents::Intents::new(&self.0.directory)
    }

    /// Adds what processes that have ended left behind; see intents.rs.
    ///
    /// # Errors
    /// When the database cannot be written. It is still there then.
    pub async fn recover(&self) -> Result<()> {
        let directory = self.0.directory.clone();
        for (path, locked) in off_thread(move || Ok(intents::abandoned(&directory))).await? {
            let of = path.clone();
            let left = off_thread(move || intents::entries_of(&of)).await?;
            self.add(&left, true).await?;
            off_thread(move || fs::remove_file(&path).map_err(StoreError::io("remove", &path))).await?;
            drop(locked);
        }
        Ok(())
    }

    /// Adds entries; of those that may be `known` already, the others.
    async fn add(&self, entries: &[AuditEntry], known: bool) -> Result<()> {
        let mut by_workspace: BTreeMap<&str, Vec<&AuditEntry>> = BTreeMap::new();
        for entry in entries {
            by_workspace.entry(&entry.tenant).or_default().push(entry);
        }
        if entries.is_empty() {
            // Whoever adds none finds out whether any could be added.
            self.0.log().write(Scope::Workspace(crate::LOCAL)).await?.commit().await?;
        }
        for (workspace, mut entries) in by_workspace {
            let tx = self.0.log().write(Scope::Workspace(workspace)).await?;
            if known {
                entries = without_known(&tx, workspace, entries).await?;
            }
            append(&tx, workspace, &entries).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

impl Audit<'_> {
    /// The entries that are wanted, the oldest first, with those of requests that are on their way.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let workspace = self.0.workspace;
        let directory = self.0.store.directory.clone();
        // First, as what has ended meanwhile is in the log by then.
        let mut on_their_way = off_thread(move || intents::all(&directory)).await?;
        on_their_way.retain(|entry| entry.tenant == workspace && filter.takes(entry));
        let tx = self.0.store.log().read(Scope::Workspace(workspace)).await?;
        let mut entries = listed(&tx, workspace, filter).await?;
        let more = without_known(&tx, workspace, on_their_way.iter().collect()).await?;
        if !more.is_empty() {
            entries.extend(more.into_iter().cloned());
            entries.sort_by_key(|entry| entry.at);
        }
        let most = filter.last.map_or(usize::MAX, |last| last as usize);
        Ok(entries.split_off(entries.len().saturating_sub(most)))
    }
}

impl AuditFilter {
    /// As the database selects.
    fn takes(&self, entry: &AuditEntry) -> bool {
        self.repository.as_ref().is_none_or(|name| *name == entry.repository)
            && self.since.is_none_or(|since| entry.until >= since)
            && (!self.refused || [REFUSED, UNRECORDED].contains(&entry.outcome.as_str()))
    }
}

async fn append(tx: &Tx<'_>, workspace: &str, entries: &[&AuditEntry]) -> Result<()> {
    let before = tx.first(LAST, values![workspace]).await?.map_or(Ok(0), |row| row.get::<i64>("last"))?;
    let mut last = before;
    for entry in entries {
        if entry.outcome != REFUSED || !is_merged(tx, workspace, entry).await? {
            last += 1;
            tx.execute(INSERT, inserted(workspace, last, entry)).await?;
        }
    }
    if last == before {
        return Ok(());
    }
    tx.execute(SET_LAST, values![workspace, last]).await?;
    if last % SWEEP < entries.len() as i64 {
        sweep(tx, workspace, entries).await?;
    }
    Ok(())
}

/// Takes out those of requests of which the log has the end.
async fn without_known<'e>(tx: &Tx<'_>, workspace: &str, entries: Vec<&'e AuditEntry>) -> Result<Vec<&'e AuditEntry>> {
    let mut unknown = Vec::new();
    for entry in entries {
        let AuditEntry { at, registration, method, origin, path, repository, .. } = entry;
        let is_known = entry.outcome == IN_FLIGHT && {
            let same = values![workspace, *at, registration, method, origin, path, repository];
            tx.first(IS_THERE, same).await?.is_some()
        };
        if !is_known {
            unknown.push(entry);
        }
    }
    Ok(unknown)
}

async fn listed(tx: &Tx<'_>, workspace: &str, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
    let rows = tx
        .query(
            "SELECT * FROM (
                 SELECT * FROM audit
                 WHERE workspace = $1 AND (CAST($2 AS TEXT) IS NULL OR repository = $2)
                     AND (CAST($3 AS BIGINT) IS NULL OR until >= $3)
                     AND ($4 = 0 OR outcome IN ('refused', 'unrecorded'))
                 ORDER BY sequence DESC LIMIT $5
             ) AS newest ORDER BY sequence",
            values![
                workspace,
                filter.repository.as_deref(),
                filter.since,
                i64::from(filter.refused),
                filter.last.map_or(i64::MAX, i64::from),
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn inserted(workspace: &str, sequence: i64, entry: &AuditEntry) -> Vec<Value> {
    values![
        workspace,
        sequence,
        uuid::Uuid::new_v4().to_string(),
        entry.at,
        entry.until,
        as_number(entry.count),
        &entry.registration,
        &entry.repository,
        &entry.provider,
        &entry.digest,
        &entry.method,
        &entry.origin,
        &entry.path,
        entry.status.map(i64::from),
        as_number(entry.sent),
        as_number(entry.received),
        serde_json::to_string(&entry.secrets).unwrap_or_default(),
        &entry.outcome,
        &entry.rule,
    ]
}

/// Whether a refusal was added to one like it.
async fn is_merged(tx: &Tx<'_>, workspace: &str, entry: &AuditEntry) -> Result<bool> {
    let like = values![
        workspace,
        as_number(entry.count),
        entry.until,
        &entry.registration,
        &entry.origin,
        &entry.path,
        &entry.repository,
        &entry.provider,
        &entry.digest,
        &entry.method,
        &entry.rule,
        entry.at.saturating_sub(TOGETHER),
    ];
    Ok(tx.execute(MERGE, like).await? > 0)
}

/// Takes out what is too old, and of those whose entries came what is too much.
async fn sweep(tx: &Tx<'_>, workspace: &str, entries: &[&AuditEntry]) -> Result<()> {
    let newest = entries.iter().map(|entry| entry.at).max().unwrap_or_default();
    let oldest = newest.saturating_sub(AGE);
    tx.execute("DELETE FROM audit WHERE workspace = $1 AND at < $2", values![workspace, oldest]).await?;
    let owners: BTreeSet<_> = entries.iter().map(|entry| (&entry.registration, &entry.repository)).collect();
    for (registration, repository) in owners {
        for (outcome, kept) in KEPT {
            tx.execute(
                "DELETE FROM audit WHERE sequence <= (
                     SELECT sequence FROM audit
                     WHERE workspace = $1 AND registration = $2 AND repository = $3 AND outcome = $4
                     ORDER BY sequence DESC LIMIT 1 OFFSET $5
                 ) AND workspace = $1 AND registration = $2 AND repository = $3 AND outcome = $4",
                values![workspace, registration, repository, *outcome, *kept],
            )
            .await?;
        }
    }
    Ok(())
}

/// The databases know no larger ones.
fn as_number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn read(row: &Row) -> Result<AuditEntry> {
    let number = |column| -> Result<u64> { Ok(u64::try_from(row.get::<i64>(column)?).unwrap_or_default()) };
    let secrets: String = row.get("secrets")?;
    Ok(AuditEntry {
        at: row.get("at")?,
        until: row.get("until")?,
        count: number("count")?,
        tenant: row.get("workspace")?,
        registration: row.get("registration")?,
        repository: row.get("repository")?,
        provider: row.get("provider")?,
        digest: row.get("digest")?,
        method: row.get("method")?,
        origin: row.get("origin")?,
        path: row.get("path")?,
        status: row.get::<Option<i64>>("status")?.and_then(|status| u16::try_from(status).ok()),
        sent: number("sent")?,
        received: number("received")?,
        secrets: serde_json::from_str(&secrets).map_err(|_| StoreError::Corrupt("an entry of the audit log".into()))?,
        outcome: row.get("outcome")?,
        rule: row.get("rule")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::KeySource;

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
        store.in_workspace(crate::LOCAL).audit().list(&filter).await.unwrap()
    }

    #[tokio::test]
    async fn entries_are_found_by_repository_time_and_outcome_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        let all = [entry(1, "a", "answered"), entry(2, "b", "refused"), entry(3, "a", "refused")];
        store.audit().append(&all).await.unwrap();
        let listed = async |filter: AuditFilter| store.in_workspace(crate::LOCAL).audit().list(&filter).await.unwrap();
        let found = async |filter| listed(filter).await.iter().map(|e| e.at).collect::<Vec<_>>();
        assert_eq!(listed(AuditFilter::default()).await, all);
        assert_eq!(found(AuditFilter { repository: Some("a".into()), ..Default::default() }).await, [1, 3]);
        assert_eq!(found(AuditFilter { since: Some(2), ..Default::default() }).await, [2, 3]);
        assert_eq!(found(AuditFilter { refused: true, ..Default::default() }).await, [2, 3]);
        assert_eq!(found(AuditFilter { last: Some(1), ..Default::default() }).await, [3]);
    }

    #[tokio::test]
    async fn equal_refusals_are_one_entry_with_their_number_and_their_last_time() {
        let (_directory, store) = store().await;
        let refused = |at| entry(at, "a", REFUSED);
        store
            .audit()
            .append(&[refused(1), refused(2), AuditEntry { path: "/other".into(), ..refused(3) }])
            .await
            .unwrap();
        store.audit().append(&[AuditEntry { count: 5, until: 9, ..refused(4) }, entry(5, "b", REFUSED)]).await.unwrap();
        let told: Vec<_> = kept(&store, "a").await.iter().map(|e| (e.path.clone(), e.at, e.until, e.count)).collect();
        assert_eq!(told, [("/".into(), 1, 9, 7), ("/other".into(), 3, 3, 1)]);
        assert_eq!(kept(&store, "b").await.len(), 1);
        let since = AuditFilter { since: Some(8), ..Default::default() };
        assert_eq!(
            store.in_workspace(crate::LOCAL).audit().list(&since).await.unwrap().len(),
            1,
            "the last one counts"
        );
        store.audit().append(&[refused(TOGETHER + 1)]).await.unwrap();
        assert_eq!(kept(&store, "a").await.len(), 3, "after a while it is another one");
    }

    #[tokio::test]
    async fn what_left_is_never_one_entry() {
        let (_directory, store) = store().await;
        for outcome in [ANSWERED, "failed"] {
            store.audit().append(&[entry(1, outcome, outcome), entry(1, outcome, outcome)]).await.unwrap();
            assert_eq!(kept(&store, outcome).await.len(), 2);
        }
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
    async fn what_is_older_than_all_that_is_kept_goes() {
        let (_directory, store) = store().await;
        store.audit().append(&[entry(1, "a", ANSWERED), entry(2 + AGE, "b", ANSWERED)]).await.unwrap();
        assert_eq!(kept(&store, "a").await.len(), 1);
        store.audit().append(&vec![entry(2 + AGE, "b", ANSWERED); SWEEP as usize]).await.unwrap();
        assert_eq!(kept(&store, "a").await.len(), 0);
    }
}
