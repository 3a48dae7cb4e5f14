//! `forgeport audit`.

use crate::{
    args::AuditArgs,
    output::{Output, Usage, escape_untrusted, table},
};
use anyhow::Result;
use forgeport_service::{AuditEvent, AuditFilter, AuditRecord, AuditedChange, AuditedRequest, Service};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub async fn run(service: &Service, output: Output, args: AuditArgs) -> Result<()> {
    let AuditArgs { repository, since, refused, last } = args;
    let since = since.map(|text| read_since(&text, SystemTime::now())).transpose()?;
    let records = service.audit(AuditFilter { repository, since, refused, last: Some(last) }).await?;
    output.data(&records, || text(&records))
}

/// A span back from now (`90m`, `7d`), or a date and time (RFC 3339, also without the time or the zone, which is UTC then).
fn read_since(text: &str, now: SystemTime) -> Result<i64> {
    let dated =
        || humantime::parse_rfc3339_weak(text).or_else(|_| humantime::parse_rfc3339_weak(&format!("{text}T00:00:00")));
    let at = match humantime::parse_duration(text) {
        Ok(span) => now.checked_sub(span).unwrap_or(UNIX_EPOCH),
        Err(_) => dated()
            .map_err(|_| Usage(format!("--since={text}: write a span like 90m or 7d, or a date like 2026-01-31")))?,
    };
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn text(records: &[AuditRecord]) -> String {
    if records.is_empty() {
        return "No requests or changes yet.\n".to_owned();
    }
    let titles = [
        "TIME",
        "REPOSITORY",
        "PROVIDER",
        "METHOD",
        "URL",
        "STATUS",
        "SENT",
        "RECEIVED",
        "SECRETS",
        "OUTCOME",
        "TIMES",
        "RULE",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(records.iter().map(row));
    table(&rows)
}

fn row(record: &AuditRecord) -> Vec<String> {
    let since = Duration::from_millis(u64::try_from(record.at).unwrap_or_default());
    let at = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    let time = humantime::format_rfc3339_millis(at).to_string();
    let context = &record.context;
    let digest = context.digest.map(|digest| format!(" ({:.12})", digest.to_string())).unwrap_or_default();
    let whose = [time, or_none(&context.repository), or_none(&format!("{}{digest}", context.provider))];
    let [method, url, status, sent, received, secrets, outcome, rule] = match &record.event {
        AuditEvent::Request(request) => request_cells(request),
        AuditEvent::Change(change) => change_cells(change),
    };
    let what = [method, url, status, sent, received, secrets, outcome, record.count.to_string(), rule];
    whose.into_iter().chain(what).map(|cell| escape_untrusted(&cell)).collect()
}

fn request_cells(request: &AuditedRequest) -> [String; 8] {
    let AuditedRequest { method, origin, path, status, sent, received, secrets, outcome, rule } = request;
    let status = status.map(|status| status.to_string()).unwrap_or_default();
    [
        or_none(method),
        or_none(&format!("{origin}{path}")),
        or_none(&status),
        sent.to_string(),
        received.to_string(),
        or_none(&secrets.join(",")),
        outcome.to_string(),
        rule.clone(),
    ]
}

/// A change has its action where a request has its outcome, its subject in the place of the URL, and its detail in that of the rule.
fn change_cells(change: &AuditedChange) -> [String; 8] {
    let AuditedChange { action, subject, detail } = change;
    let none = || or_none("");
    [none(), or_none(subject), none(), none(), none(), none(), action.to_string(), or_none(detail)]
}

/// Of requests beyond their limit, and of those that could not be recorded, only the number is known.
fn or_none(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_span_or_a_date() {
        let now = UNIX_EPOCH.checked_add(Duration::from_secs(1_000_000)).unwrap();
        let since = |text| read_since(text, now).map(|at| at / 1000).ok();
        assert_eq!(since("1h"), Some(996_400));
        assert_eq!(since("7d"), Some(395_200));
        assert_eq!(since("1970-01-02"), Some(86_400));
        assert_eq!(since("1970-01-02T00:00:05Z"), Some(86_405));
        assert_eq!(since("1970-01-02 00:00:05"), Some(86_405));
        assert_eq!(since("1000y"), Some(0));
        for bad in ["", "yesterday", "5", "2026-13-01"] {
            assert_eq!(since(bad), None, "{bad}");
        }
    }
}
