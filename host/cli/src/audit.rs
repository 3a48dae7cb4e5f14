//! `forgeport audit`.

use crate::{
    args::AuditArgs,
    output::{Output, Usage, escape_untrusted, table},
};
use anyhow::Result;
use forgeport_service::{AuditEntry, AuditFilter, Service};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub async fn run(service: &Service, output: Output, args: AuditArgs) -> Result<()> {
    let AuditArgs { repository, since, refused, last } = args;
    let since = since.map(|text| read_since(&text, SystemTime::now())).transpose()?;
    let entries = service.audit(&AuditFilter { repository, since, refused, last: Some(last) }).await?;
    output.data(&entries, || text(&entries))
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

fn text(entries: &[AuditEntry]) -> String {
    if entries.is_empty() {
        return "No requests yet.\n".to_owned();
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
        "VERDICT",
        "TIMES",
        "RULE",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(row));
    table(&rows)
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let since = Duration::from_millis(u64::try_from(entry.at).unwrap_or_default());
    let at = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    let digest: String = entry.digest.chars().take(12).collect();
    let status = entry.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    // Of requests beyond their limit, and of those that could not be recorded, only the number is known.
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let secrets = if entry.secrets.is_empty() { "-".to_owned() } else { entry.secrets.join(",") };
    [
        humantime::format_rfc3339_millis(at).to_string(),
        entry.repository.clone(),
        format!("{} ({digest})", entry.provider),
        or_none(entry.method.clone()),
        or_none(format!("{}{}", entry.origin, entry.path)),
        status,
        entry.sent.to_string(),
        entry.received.to_string(),
        secrets,
        entry.outcome.clone(),
        entry.count.to_string(),
        entry.rule.clone(),
    ]
    .map(|cell| escape_untrusted(&cell))
    .to_vec()
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
