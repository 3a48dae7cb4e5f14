//! The audit log as rows of the database.

use super::filter::AuditFilter;
use crate::{
    db::{Row, Tx, Value, values},
    error::{Result, StoreError},
};
use forgeport_model::{
    AuditAction, AuditContext, AuditEvent, AuditRecord, AuditedChange, AuditedRequest, Digest, Outcome, UnknownName,
};
use std::collections::{BTreeSet, HashMap};

/// Records of each registration under each of its names; the oldest are removed first. A record has about 250 bytes: 15 MB in all.
pub(super) const KEPT: &[(Outcome, i64)] = &[
    (Outcome::Answered, 50_000),
    (Outcome::Failed, 5_000),
    (Outcome::InFlight, 5_000),
    (Outcome::Refused, 5_000),
    (Outcome::Unrecorded, 100),
];
/// The outcome of a change, of which none is removed before its time.
const NO_OUTCOME: &str = "";
/// How long anything is kept, in milliseconds: 400 days, so that the same month of the year before can be looked at.
const AGE: i64 = 400 * 24 * 60 * 60 * 1000;
/// Equal refusals so close to each other are one record, in milliseconds.
const TOGETHER: i64 = 10 * 60 * 1000;
/// The rooms are looked through once in so many records: where they are full, that takes some milliseconds.
const SWEEP: i64 = 256;

const INSERT: &str = "
    INSERT INTO audit (workspace, sequence, id, at, until, count, actor, request, run, registration, repository, provider, digest,
        action, subject, detail, method, origin, path, status, sent, received, secrets, outcome, rule)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";
/// Adds to the newest refusal that is like this one, if there is one that is new enough.
const MERGE: &str = "
    UPDATE audit SET count = count + $2, until = CASE WHEN until < $3 THEN $3 ELSE until END
    WHERE workspace = $1 AND sequence = (
        SELECT max(sequence) FROM audit
        WHERE outcome = 'refused' AND workspace = $1 AND registration = $4 AND origin = $5 AND path = $6
            AND repository = $7 AND provider = $8 AND digest = $9 AND method = $10 AND rule = $11
            AND actor = $12 AND coalesce(run, '') = $13 AND at > $14
    )";

/// A process may be killed between the two places where a record is written.
const IS_THERE: &str = "SELECT 1 AS found FROM audit WHERE workspace = $1 AND id = $2";

/// The number of the last record that a workspace was given.
const LAST: &str = "SELECT last FROM audit_sequence WHERE workspace = $1";
const SET_LAST: &str = "
    INSERT INTO audit_sequence (workspace, last) VALUES ($1, $2)
    ON CONFLICT (workspace) DO UPDATE SET last = excluded.last";

/// Adds records, numbered in their order. Refusals that are like another are added to that one.
pub(super) async fn append(tx: &Tx<'_>, workspace: &str, records: &[&AuditRecord]) -> Result<()> {
    let new = not_merged(tx, workspace, together(records)).await?;
    if new.is_empty() {
        return Ok(());
    }
    let before = tx.first(LAST, values![workspace]).await?.map_or(Ok(0), |row| row.get::<i64>("last"))?;
    let numbered = (before + 1..).zip(&new);
    let rows = numbered.map(|(sequence, record)| inserted(workspace, sequence, record)).collect();
    tx.execute_each(INSERT, rows).await?;
    let last = before.saturating_add(i64::try_from(new.len()).unwrap_or(i64::MAX));
    tx.execute(SET_LAST, values![workspace, last]).await?;
    if last % SWEEP < records.len() as i64 {
        sweep(tx, workspace, records).await?;
    }
    Ok(())
}

fn is_refused(record: &AuditRecord) -> bool {
    record.outcome() == Some(Outcome::Refused)
}

/// The records, of which refusals alike that are close to each other are one.
fn together(records: &[&AuditRecord]) -> Vec<AuditRecord> {
    let mut all: Vec<AuditRecord> = Vec::new();
    let mut places: HashMap<Digest, usize> = HashMap::new();
    for record in records {
        if !is_refused(record) {
            all.push((*record).clone());
            continue;
        }
        let likeness = record.likeness();
        let earlier = places.get(&likeness).and_then(|place| all.get_mut(*place));
        match earlier {
            Some(earlier) if earlier.at > record.at.saturating_sub(TOGETHER) => earlier.merge(record),
            _ => {
                places.insert(likeness, all.len());
                all.push((*record).clone());
            }
        }
    }
    all
}

/// Adds refusals to records like them; returns the others, in their order.
async fn not_merged(tx: &Tx<'_>, workspace: &str, records: Vec<AuditRecord>) -> Result<Vec<AuditRecord>> {
    let refused = records.iter().filter(|record| is_refused(record));
    let like = refused.filter_map(|record| Some(merged(workspace, record, record.request()?))).collect();
    let mut changed = tx.execute_each(MERGE, like).await?.into_iter();
    let is_new = |record: &AuditRecord| !is_refused(record) || changed.next() == Some(0);
    Ok(records.into_iter().filter(is_new).collect())
}

/// Takes out those that the log has, by their ids.
pub(super) async fn without_known<'e>(
    tx: &Tx<'_>,
    workspace: &str,
    records: Vec<&'e AuditRecord>,
) -> Result<Vec<&'e AuditRecord>> {
    let mut unknown = Vec::new();
    for record in records {
        if tx.first(IS_THERE, values![workspace, &record.id]).await?.is_none() {
            unknown.push(record);
        }
    }
    Ok(unknown)
}

pub(super) async fn listed(tx: &Tx<'_>, workspace: &str, filter: &AuditFilter) -> Result<Vec<AuditRecord>> {
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

fn inserted(workspace: &str, sequence: i64, record: &AuditRecord) -> Vec<Value> {
    let AuditContext { workspace: _, actor, request_id, run_id, registration, repository, provider, digest } =
        &record.context;
    let mut row = values![
        workspace,
        sequence,
        &record.id,
        record.at,
        record.until,
        as_number(record.count),
        actor,
        request_id,
        run_id.as_deref(),
        registration,
        repository,
        provider,
        digest_text(digest.as_ref()),
    ];
    row.extend(match &record.event {
        AuditEvent::Request(request) => request_columns(request),
        AuditEvent::Change(change) => change_columns(change),
    });
    row
}

/// From `action` on.
fn request_columns(request: &AuditedRequest) -> Vec<Value> {
    let AuditedRequest { method, origin, path, status, sent, received, secrets, outcome, rule } = request;
    let secrets = serde_json::to_string(secrets).unwrap_or_default();
    let (sent, received) = (as_number(*sent), as_number(*received));
    let action = None::<&str>;
    values![
        action,
        "",
        "",
        method,
        origin,
        path,
        status.map(i64::from),
        sent,
        received,
        secrets,
        outcome.as_str(),
        rule
    ]
}

/// From `action` on.
fn change_columns(change: &AuditedChange) -> Vec<Value> {
    let AuditedChange { action, subject, detail } = change;
    let status = None::<i64>;
    values![action.as_str(), subject, detail, "", "", "", status, 0_i64, 0_i64, "[]", NO_OUTCOME, ""]
}

fn merged(workspace: &str, record: &AuditRecord, request: &AuditedRequest) -> Vec<Value> {
    let context = &record.context;
    values![
        workspace,
        as_number(record.count),
        record.until,
        &context.registration,
        &request.origin,
        &request.path,
        &context.repository,
        &context.provider,
        digest_text(context.digest.as_ref()),
        &request.method,
        &request.rule,
        &context.actor,
        context.run_id.as_deref().unwrap_or_default(),
        record.at.saturating_sub(TOGETHER),
    ]
}

fn digest_text(digest: Option<&Digest>) -> String {
    digest.map(Digest::to_string).unwrap_or_default()
}

/// Takes out what is too old, and of those whose records came what is too much.
async fn sweep(tx: &Tx<'_>, workspace: &str, records: &[&AuditRecord]) -> Result<()> {
    let newest = records.iter().map(|record| record.at).max().unwrap_or_default();
    let oldest = newest.saturating_sub(AGE);
    tx.execute("DELETE FROM audit WHERE workspace = $1 AND at < $2", values![workspace, oldest]).await?;
    let owners = records.iter().map(|record| (&record.context.registration, &record.context.repository));
    for (registration, repository) in owners.collect::<BTreeSet<_>>() {
        for (outcome, kept) in KEPT {
            tx.execute(
                "DELETE FROM audit WHERE sequence <= (
                     SELECT sequence FROM audit
                     WHERE workspace = $1 AND registration = $2 AND repository = $3 AND outcome = $4
                     ORDER BY sequence DESC LIMIT 1 OFFSET $5
                 ) AND workspace = $1 AND registration = $2 AND repository = $3 AND outcome = $4",
                values![workspace, registration, repository, outcome.as_str(), *kept],
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

fn read(row: &Row) -> Result<AuditRecord> {
    let digest: String = row.get("digest")?;
    let context = AuditContext {
        workspace: row.get("workspace")?,
        actor: row.get("actor")?,
        request_id: row.get("request")?,
        run_id: row.get("run")?,
        registration: row.get("registration")?,
        repository: row.get("repository")?,
        provider: row.get("provider")?,
        // Some records are of no component; the rest of one is worth reading whatever is there.
        digest: digest.parse().ok(),
    };
    let event = match row.get::<Option<String>>("action")? {
        None => AuditEvent::Request(read_request(row)?),
        Some(action) => AuditEvent::Change(AuditedChange {
            action: action.parse::<AuditAction>().map_err(corrupt)?,
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        }),
    };
    Ok(AuditRecord {
        id: row.get("id")?,
        sequence: Some(number(row, "sequence")?),
        at: row.get("at")?,
        until: row.get("until")?,
        count: number(row, "count")?,
        context,
        event,
    })
}

fn read_request(row: &Row) -> Result<AuditedRequest> {
    let (secrets, outcome): (String, String) = (row.get("secrets")?, row.get("outcome")?);
    Ok(AuditedRequest {
        method: row.get("method")?,
        origin: row.get("origin")?,
        path: row.get("path")?,
        status: row.get::<Option<i64>>("status")?.and_then(|status| u16::try_from(status).ok()),
        sent: number(row, "sent")?,
        received: number(row, "received")?,
        secrets: serde_json::from_str(&secrets).map_err(|_| StoreError::Corrupt("a record of the audit log".into()))?,
        outcome: outcome.parse::<Outcome>().map_err(corrupt)?,
        rule: row.get("rule")?,
    })
}

fn number(row: &Row, column: &str) -> Result<u64> {
    Ok(u64::try_from(row.get::<i64>(column)?).unwrap_or_default())
}

fn corrupt(unknown: UnknownName) -> StoreError {
    StoreError::Corrupt(unknown.to_string())
}
