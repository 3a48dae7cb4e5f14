//! What is remembered of every request that a provider made, or tried to make.

use crate::{Result, Store, StoreError};
use rusqlite::{Row, named_params};
use serde::Serialize;

/// Entries that are kept; the oldest go first. At about 250 bytes each that is 50 MB.
const KEPT: i64 = 200_000;

/// The audit log of a store.
pub struct Audit<'a>(pub(crate) &'a Store);

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When it was made, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// The workspace.
    pub tenant: String,
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
    /// `answered`, `failed` or `refused`.
    pub outcome: String,
    /// The rule that let it out, or why it did not leave.
    pub rule: String,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this code repository only.
    pub repository: Option<String>,
    /// From this time on, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Those that were refused only.
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
        self.0.write(|tx| {
            let mut statement = tx.prepare(
                "INSERT INTO audit (at, tenant, repository, provider, digest, method, origin, path, status, sent,
                     received, secrets, outcome, rule)
                 VALUES (:at, :tenant, :repository, :provider, :digest, :method, :origin, :path, :status, :sent,
                     :received, :secrets, :outcome, :rule)",
            )?;
            for entry in entries {
                statement.execute(named_params! {
                    ":at": entry.at,
                    ":tenant": entry.tenant,
                    ":repository": entry.repository,
                    ":provider": entry.provider,
                    ":digest": entry.digest,
                    ":method": entry.method,
                    ":origin": entry.origin,
                    ":path": entry.path,
                    ":status": entry.status,
                    ":sent": i64::try_from(entry.sent).unwrap_or(i64::MAX),
                    ":received": i64::try_from(entry.received).unwrap_or(i64::MAX),
                    ":secrets": serde_json::to_string(&entry.secrets).unwrap_or_default(),
                    ":outcome": entry.outcome,
                    ":rule": entry.rule,
                })?;
            }
            tx.execute("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1", [KEPT])?;
            Ok(())
        })
    }

    /// The entries that are wanted, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        self.0.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT * FROM (
                     SELECT * FROM audit
                     WHERE (:repository IS NULL OR repository = :repository) AND (:since IS NULL OR at >= :since)
                         AND (NOT :refused OR outcome = 'refused')
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
        })
    }
}

fn read(row: &Row<'_>) -> Result<AuditEntry> {
    let bytes = |column| -> Result<u64> { Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default()) };
    let secrets: String = row.get("secrets")?;
    Ok(AuditEntry {
        at: row.get("at")?,
        tenant: row.get("tenant")?,
        repository: row.get("repository")?,
        provider: row.get("provider")?,
        digest: row.get("digest")?,
        method: row.get("method")?,
        origin: row.get("origin")?,
        path: row.get("path")?,
        status: row.get("status")?,
        sent: bytes("sent")?,
        received: bytes("received")?,
        secrets: serde_json::from_str(&secrets).map_err(|_| StoreError::Corrupt("an entry of the audit log".into()))?,
        outcome: row.get("outcome")?,
        rule: row.get("rule")?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::KeySource;

    fn entry(at: i64, repository: &str, outcome: &str) -> AuditEntry {
        AuditEntry {
            at,
            tenant: "local".into(),
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
    fn the_oldest_entries_go_when_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).unwrap();
        store.audit().append(&[entry(1, "a", "answered")]).unwrap();
        let last = KEPT + 1;
        store.write(|tx| Ok(tx.execute("UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'audit'", [last])?)).unwrap();
        store.audit().append(&[entry(2, "a", "answered")]).unwrap();
        let left: Vec<i64> = store.audit().list(&AuditFilter::default()).unwrap().iter().map(|e| e.at).collect();
        assert_eq!(left, [2]);
    }
}
