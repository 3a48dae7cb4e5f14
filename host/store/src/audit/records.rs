//! The audit log as rows of the database.

use super::entry::{ANSWERED, AuditEntry, AuditFilter, IN_FLIGHT, REFUSED, UNRECORDED};
use crate::{
    db::{Row, Tx, Value, values},
    error::{Result, StoreError},
};
use std::collections::{BTreeSet, HashMap};

/// What is kept for each registration under each of its names; the oldest go first. An entry has about 250 bytes: 15 MB in all.
pub(super) const KEPT: &[(&str, i64)] =
    &[(ANSWERED, 50_000), ("failed", 5_000), (IN_FLIGHT, 5_000), (REFUSED, 5_000), (UNRECORDED, 100)];
/// How long anything is kept, in milliseconds: 400 days, so that the same month of the year before can be looked at.
const AGE: i64 = 400 * 24 * 60 * 60 * 1000;
/// Equal refusals so close to each other are one entry, in milliseconds.
const TOGETHER: i64 = 10 * 60 * 1000;
/// The rooms are looked through once in so many entries: where they are full, that takes some milliseconds.
const SWEEP: i64 = 256;

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

pub(super) async fn append(tx: &Tx<'_>, workspace: &str, entries: &[&AuditEntry]) -> Result<()> {
    let new = not_merged(tx, workspace, together(entries)).await?;
    if new.is_empty() {
        return Ok(());
    }
    let before = tx.first(LAST, values![workspace]).await?.map_or(Ok(0), |row| row.get::<i64>("last"))?;
    let numbered = (before + 1..).zip(&new);
    let rows = numbered.map(|(sequence, entry)| inserted(workspace, sequence, entry)).collect();
    tx.execute_each(INSERT, rows).await?;
    let last = before.saturating_add(i64::try_from(new.len()).unwrap_or(i64::MAX));
    tx.execute(SET_LAST, values![workspace, last]).await?;
    if last % SWEEP < entries.len() as i64 {
        sweep(tx, workspace, entries).await?;
    }
    Ok(())
}

/// The entries, of which equal refusals that are close to each other are one.
fn together(entries: &[&AuditEntry]) -> Vec<AuditEntry> {
    let mut all: Vec<AuditEntry> = Vec::new();
    let mut places: HashMap<[&String; 8], usize> = HashMap::new();
    for entry in entries {
        let AuditEntry { registration, origin, path, repository, provider, digest, method, rule, .. } = *entry;
        if entry.outcome != REFUSED {
            all.push((*entry).clone());
            continue;
        }
        let alike = [registration, origin, path, repository, provider, digest, method, rule];
        let earlier = places.get(&alike).and_then(|place| all.get_mut(*place));
        match earlier {
            Some(earlier) if earlier.at > entry.at.saturating_sub(TOGETHER) => {
                earlier.count = earlier.count.saturating_add(entry.count);
                earlier.until = earlier.until.max(entry.until);
            }
            _ => {
                places.insert(alike, all.len());
                all.push((*entry).clone());
            }
        }
    }
    all
}

/// Adds refusals to records like them; returns the others, in their order.
async fn not_merged(tx: &Tx<'_>, workspace: &str, entries: Vec<AuditEntry>) -> Result<Vec<AuditEntry>> {
    let refused: Vec<_> = entries.iter().filter(|entry| entry.outcome == REFUSED).collect();
    let like = refused.iter().map(|entry| merged(workspace, entry)).collect();
    let mut changed = tx.execute_each(MERGE, like).await?.into_iter();
    let is_new = |entry: &AuditEntry| entry.outcome != REFUSED || changed.next() == Some(0);
    Ok(entries.into_iter().filter(is_new).collect())
}

/// Takes out those of requests of which the log has the end.
pub(super) async fn without_known<'e>(
    tx: &Tx<'_>,
    workspace: &str,
    entries: Vec<&'e AuditEntry>,
) -> Result<Vec<&'e AuditEntry>> {
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

pub(super) async fn listed(tx: &Tx<'_>, workspace: &str, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
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

fn merged(workspace: &str, entry: &AuditEntry) -> Vec<Value> {
    values![
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
    ]
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
