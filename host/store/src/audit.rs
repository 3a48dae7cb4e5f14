//! What is remembered of every request that a provider made, or tried to make.
//!
//! A provider decides how much there is to remember: one that asked for what it may not, again and again, once pushed all that was known
//! of the others out of the log, in two calls. So equal refusals are one entry, and each registration has room of its own, for refusals
//! apart from what left: noise pushes out nothing but older noise.

use crate::{Result, Store, StoreError, intents};
use rusqlite::{Row, Statement, Transaction, named_params};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fs};

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
const INSERT: &str = "
    INSERT INTO audit (at, until, count, tenant, registration, repository, provider, digest, method, origin, path, status, sent,
        received, secrets, outcome, rule)
    VALUES (:at, :until, :count, :tenant, :registration, :repository, :provider, :digest, :method, :origin, :path, :status, :sent,
        :received, :secrets, :outcome, :rule)";
/// Adds to the newest refusal that is like this one, if there is one that is new enough.
const MERGE: &str = "
    UPDATE audit SET count = count + :count, until = max(until, :until)
    WHERE id = (
        SELECT max(id) FROM audit
        WHERE outcome = 'refused' AND tenant = :tenant AND registration = :registration AND origin = :origin AND path = :path
            AND repository = :repository AND provider = :provider AND digest = :digest AND method = :method AND rule = :rule
            AND at > :after
    )";

/// The same request, when it had ended. A process may be killed between the two places where an entry is written.
const IS_THERE: &str = "
    SELECT 1 FROM audit WHERE at = ?1 AND registration = ?2 AND method = ?3 AND origin = ?4 AND path = ?5 AND repository = ?6";

/// The outcome of a request that is on its way, or was when its process was killed.
pub const IN_FLIGHT: &str = "in-flight";

/// The outcome of an entry that stands for requests which could not be written down.
pub const UNRECORDED: &str = "unrecorded";

/// The audit log of a store.
pub struct Audit<'a>(pub(crate) &'a Store);

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

impl Audit<'_> {
    /// Adds entries, all or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn append(&self, entries: &[AuditEntry]) -> Result<()> {
        self.0.log.write(|tx| append(tx, entries))
    }

    /// Where requests are written down before they leave.
    pub fn intents(&self) -> intents::Intents {
        intents::Intents::new(&self.0.directory)
    }

    /// Adds what processes that have ended left behind; see intents.rs.
    ///
    /// # Errors
    /// When the database cannot be written. It is still there then.
    pub fn recover(&self) -> Result<()> {
        for (path, _locked) in intents::abandoned(&self.0.directory) {
            let left = intents::entries_of(&path)?;
            self.0.log.write(|tx| append(tx, &without_known(tx, left)?))?;
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    /// The entries that are wanted, the oldest first, with those of requests that are on their way.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        // First, as what has ended meanwhile is in the log by then.
        let mut on_their_way = intents::all(&self.0.directory)?;
        on_their_way.retain(|entry| filter.takes(entry));
        self.0.log.read(|tx| {
            let mut entries = listed(tx, filter)?;
            let more = without_known(tx, on_their_way)?;
            if !more.is_empty() {
                entries.extend(more);
                entries.sort_by_key(|entry| entry.at);
            }
            let most = filter.last.map_or(usize::MAX, |last| last as usize);
            Ok(entries.split_off(entries.len().saturating_sub(most)))
        })
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

fn append(tx: &Transaction<'_>, entries: &[AuditEntry]) -> Result<()> {
    let (mut inserting, mut merging) = (tx.prepare(INSERT)?, tx.prepare(MERGE)?);
    let mut last = None;
    for entry in entries {
        if entry.outcome != REFUSED || !is_merged(&mut merging, entry)? {
            insert(&mut inserting, entry)?;
            last = Some(tx.last_insert_rowid());
        }
    }
    if last.is_some_and(|last| last % SWEEP < entries.len() as i64) {
        sweep(tx, entries)?;
    }
    Ok(())
}

/// Takes out those of requests of which the log has the end.
fn without_known(tx: &Transaction<'_>, entries: Vec<AuditEntry>) -> Result<Vec<AuditEntry>> {
    let mut known = tx.prepare(IS_THERE)?;
    let mut unknown = Vec::new();
    for entry in entries {
        let AuditEntry { at, registration, method, origin, path, repository, .. } = &entry;
        if entry.outcome != IN_FLIGHT || !known.exists((at, registration, method, origin, path, repository))? {
            unknown.push(entry);
        }
    }
    Ok(unknown)
}

fn listed(tx: &Transaction<'_>, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
    let mut statement = tx.prepare(
        "SELECT * FROM (
             SELECT * FROM audit
             WHERE (:repository IS NULL OR repository = :repository) AND (:since IS NULL OR until >= :since)
                 AND (NOT :refused OR outcome IN ('refused', 'unrecorded'))
             ORDER BY id DESC LIMIT :last
         ) ORDER BY id",
    )?;
    let mut rows = statement.query(named_params! {
        ":repository": filter.repository,
        ":since": filter.since,
        ":refused": filter.refused,
        ":last": filter.last.map_or(-1, i64::from),
    })?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read(row)?);
    }
    Ok(entries)
}

fn insert(statement: &mut Statement<'_>, entry: &AuditEntry) -> Result<()> {
    statement.execute(named_params! {
        ":at": entry.at,
        ":until": entry.until,
        ":count": as_number(entry.count),
        ":tenant": entry.tenant,
        ":registration": entry.registration,
        ":repository": entry.repository,
        ":provider": entry.provider,
        ":digest": entry.digest,
        ":method": entry.method,
        ":origin": entry.origin,
        ":path": entry.path,
        ":status": entry.status,
        ":sent": as_number(entry.sent),
        ":received": as_number(entry.received),
        ":secrets": serde_json::to_string(&entry.secrets).unwrap_or_default(),
        ":outcome": entry.outcome,
        ":rule": entry.rule,
    })?;
    Ok(())
}

/// Whether a refusal was added to one like it.
fn is_merged(statement: &mut Statement<'_>, entry: &AuditEntry) -> Result<bool> {
    let changed = statement.execute(named_params! {
        ":count": as_number(entry.count),
        ":until": entry.until,
        ":tenant": entry.tenant,
        ":registration": entry.registration,
        ":origin": entry.origin,
        ":path": entry.path,
        ":repository": entry.repository,
        ":provider": entry.provider,
        ":digest": entry.digest,
        ":method": entry.method,
        ":rule": entry.rule,
        ":after": entry.at.saturating_sub(TOGETHER),
    })?;
    Ok(changed > 0)
}

/// Takes out what is too old, and of those whose entries came what is too much.
fn sweep(tx: &Transaction<'_>, entries: &[AuditEntry]) -> Result<()> {
    let newest = entries.iter().map(|entry| entry.at).max().unwrap_or_default();
    tx.execute("DELETE FROM audit WHERE at < ?1", [newest.saturating_sub(AGE)])?;
    let owners: BTreeSet<_> =
        entries.iter().map(|entry| (&entry.tenant, &entry.registration, &entry.repository)).collect();
    for (tenant, registration, repository) in owners {
        for (outcome, kept) in KEPT {
            tx.execute(
                "DELETE FROM audit WHERE id <= (
                     SELECT id FROM audit
                     WHERE tenant = ?1 AND registration = ?2 AND repository = ?3 AND outcome = ?4
                     ORDER BY id DESC LIMIT 1 OFFSET ?5
                 ) AND tenant = ?1 AND registration = ?2 AND repository = ?3 AND outcome = ?4",
                (tenant, registration, repository, outcome, kept),
            )?;
        }
    }
    Ok(())
}

/// SQLite knows no larger ones.
fn as_number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> Result<AuditEntry> {
    let number = |column| -> Result<u64> { Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default()) };
    let secrets: String = row.get("secrets")?;
    Ok(AuditEntry {
        at: row.get("at")?,
        until: row.get("until")?,
        count: number("count")?,
        tenant: row.get("tenant")?,
        registration: row.get("registration")?,
        repository: row.get("repository")?,
        provider: row.get("provider")?,
        digest: row.get("digest")?,
        method: row.get("method")?,
        origin: row.get("origin")?,
        path: row.get("path")?,
        status: row.get("status")?,
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

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).unwrap();
        (directory, store)
    }

    fn kept(store: &Store, repository: &str) -> Vec<AuditEntry> {
        let filter = AuditFilter { repository: Some(repository.into()), ..Default::default() };
        store.audit().list(&filter).unwrap()
    }

    #[test]
    fn entries_are_found_by_repository_time_and_outcome_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).unwrap();
        let all = [entry(1, "a", "answered"), entry(2, "b", "refused"), entry(3, "a", "refused")];
        store.audit().append(&all).unwrap();
        let found = |filter: AuditFilter| store.audit().list(&filter).unwrap().iter().map(|e| e.at).collect::<Vec<_>>();
        assert_eq!(store.audit().list(&AuditFilter::default()).unwrap(), all);
        assert_eq!(found(AuditFilter { repository: Some("a".into()), ..Default::default() }), [1, 3]);
        assert_eq!(found(AuditFilter { since: Some(2), ..Default::default() }), [2, 3]);
        assert_eq!(found(AuditFilter { refused: true, ..Default::default() }), [2, 3]);
        assert_eq!(found(AuditFilter { last: Some(1), ..Default::default() }), [3]);
    }

    #[test]
    fn equal_refusals_are_one_entry_with_their_number_and_their_last_time() {
        let (_directory, store) = store();
        let refused = |at| entry(at, "a", REFUSED);
        store.audit().append(&[refused(1), refused(2), AuditEntry { path: "/other".into(), ..refused(3) }]).unwrap();
        store.audit().append(&[AuditEntry { count: 5, until: 9, ..refused(4) }, entry(5, "b", REFUSED)]).unwrap();
        let told: Vec<_> = kept(&store, "a").iter().map(|e| (e.path.clone(), e.at, e.until, e.count)).collect();
        assert_eq!(told, [("/".into(), 1, 9, 7), ("/other".into(), 3, 3, 1)]);
        assert_eq!(kept(&store, "b").len(), 1);
        let since = AuditFilter { since: Some(8), ..Default::default() };
        assert_eq!(store.audit().list(&since).unwrap().len(), 1, "the last one counts");
        store.audit().append(&[refused(TOGETHER + 1)]).unwrap();
        assert_eq!(kept(&store, "a").len(), 3, "after a while it is another one");
    }

    #[test]
    fn what_left_is_never_one_entry() {
        let (_directory, store) = store();
        for outcome in [ANSWERED, "failed"] {
            store.audit().append(&[entry(1, outcome, outcome), entry(1, outcome, outcome)]).unwrap();
            assert_eq!(kept(&store, outcome).len(), 2);
        }
    }

    #[test]
    fn noise_of_one_registration_pushes_out_nothing_but_its_own_older_noise() {
        let (_directory, store) = store();
        let again = AuditEntry { registration: "another id".into(), ..entry(1, "a", REFUSED) };
        let first = [entry(1, "a", ANSWERED), entry(1, "b", REFUSED), entry(1, "b", ANSWERED), again.clone()];
        store.audit().append(&first).unwrap();
        let noise = |number: i64| AuditEntry { path: format!("/{number}"), ..entry(2, "a", REFUSED) };
        let most = KEPT.iter().find(|(outcome, _)| *outcome == REFUSED).unwrap().1;
        for begin in (0..most * 2).step_by(1000) {
            store.audit().append(&(begin..begin + 1000).map(noise).collect::<Vec<_>>()).unwrap();
        }
        let (loud, quiet) = (kept(&store, "a"), kept(&store, "b"));
        assert!(loud.contains(&first[0]) && loud.contains(&again) && quiet == first[1..3]);
        let refused: Vec<_> =
            loud.iter().filter(|e| e.outcome == REFUSED && e.registration != again.registration).collect();
        assert_eq!(refused.len() as i64, most);
        assert_eq!(*refused[refused.len() - 1], noise(most * 2 - 1));
    }

    #[test]
    fn what_is_older_than_all_that_is_kept_goes() {
        let (_directory, store) = store();
        store.audit().append(&[entry(1, "a", ANSWERED), entry(2 + AGE, "b", ANSWERED)]).unwrap();
        assert_eq!(kept(&store, "a").len(), 1);
        store.audit().append(&vec![entry(2 + AGE, "b", ANSWERED); SWEEP as usize]).unwrap();
        assert_eq!(kept(&store, "a").len(), 0);
    }
}
