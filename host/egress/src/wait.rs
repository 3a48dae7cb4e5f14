//! Reads from an answer how long to wait: from its status, its headers and, for GitHub, its body. Layer: below the retries, which wait.
//!
//! | source | form | read as |
//! | --- | --- | --- |
//! | `retry-after` | seconds, or a date (RFC 9110) | that wait |
//! | `x-ratelimit-reset`, `ratelimit-reset` | seconds from now, or since 1970 | the wait until then, with a second for clocks that differ |
//! | `ratelimit` | `limit=100, remaining=0, reset=50`, or `t=50` (IETF drafts) | that wait |
//! | `ratelimit-resettime` | a date (GitLab) | the wait until then |
//! | a body with "secondary rate limit" | GitHub's words | a minute |

use forgeport_model::date_after;
use http::{HeaderMap, StatusCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// GitHub asks for a minute where its secondary limit names no time
/// (<https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>).
const SECONDARY_LIMIT: Duration = Duration::from_secs(60);
/// A number of seconds above this is a date: IETF drafts count from now, GitLab from 1970.
const EPOCH_NOT_DELTA: u64 = 10_000_000;
/// Headers that report how many requests are left.
const REMAINING: [&str; 2] = ["x-ratelimit-remaining", "ratelimit-remaining"];
/// Headers that report when there will be more.
const RESET: [&str; 2] = ["x-ratelimit-reset", "ratelimit-reset"];
/// No forge means more than a day; what says so is taken at a day.
pub const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// The step where nothing else is known to help.
pub(crate) const LATER: &str = "try again later";
/// The difference of both sides' clocks that is allowed for.
const CLOCKS: Duration = Duration::from_secs(1);

/// The meaning of an answer for the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// It is the answer.
    Answer,
    /// The forge is out of order for a moment.
    Transient,
    /// The forge wants a wait.
    Wait(Option<Duration>),
}

/// The advice when to try again.
pub fn try_again(after: Option<Duration>) -> String {
    match after.map(|after| after.as_secs()) {
        None => LATER.to_owned(),
        Some(seconds @ ..120) => format!("try again in {seconds} s"),
        Some(seconds) => format!("try again in {seconds} s ({} min)", seconds.div_ceil(60)),
    }
}

/// Whether a status, with its headers and for GitHub its body, is an answer or a refusal that passes.
pub(crate) fn decide(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> RetryDecision {
    match status.as_u16() {
        // Taken, and not done yet (RFC 9110, section 15.3.3).
        202 => RetryDecision::Wait(retry_after(headers)),
        // From 520 on they are Cloudflare's, of a forge that it does not reach.
        408 | 425 | 500 | 502..=504 | 520..=524 => match retry_after(headers) {
            Some(wait) => RetryDecision::Wait(Some(wait)),
            None => RetryDecision::Transient,
        },
        429 => RetryDecision::Wait(retry_after(headers).or_else(|| reset(headers))),
        403 => limited_by_403(headers, body),
        _ => RetryDecision::Answer,
    }
}

/// A 403 has many meanings; it is a rate limit only where the answer says so.
fn limited_by_403(headers: &HeaderMap, body: &[u8]) -> RetryDecision {
    if let Some(wait) = retry_after(headers) {
        return RetryDecision::Wait(Some(wait));
    }
    if REMAINING.iter().any(|name| text(headers, name) == Some("0")) {
        return RetryDecision::Wait(reset(headers));
    }
    let is_secondary = body.windows(20).any(|part| part.eq_ignore_ascii_case(b"secondary rate limit"));
    if is_secondary { RetryDecision::Wait(Some(SECONDARY_LIMIT)) } else { RetryDecision::Answer }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, "retry-after")?;
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return seconds(value).map(sensible);
    }
    httpdate::parse_http_date(value).ok().map(until)
}

/// The wait until a forge's limit begins anew, by the headers that report it.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let value = RESET.iter().find_map(|name| text(headers, name)).or_else(|| reset_in_parts(headers));
    let Some(told) = value.and_then(seconds) else {
        // GitLab reports it as a date too.
        let date = text(headers, "ratelimit-resettime")?;
        return httpdate::parse_http_date(date).ok().map(until);
    };
    if told < Duration::from_secs(EPOCH_NOT_DELTA) {
        return Some(sensible(told));
    }
    Some(until(date_after(date_after(UNIX_EPOCH, told), CLOCKS)))
}

/// `ratelimit: limit=100, remaining=0, reset=50`, or with `t=50` (drafts of the IETF: "RateLimit header fields for HTTP").
fn reset_in_parts(headers: &HeaderMap) -> Option<&str> {
    let parts = text(headers, "ratelimit")?.split([',', ';']).map(str::trim);
    parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| matches!(*name, "reset" | "t"))
        .map(|(_, value)| value)
}

/// A number of any length; one that is too long for a number is as much as there is.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

fn until(date: SystemTime) -> Duration {
    sensible(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn sensible(wait: Duration) -> Duration {
    wait.min(LONGEST_WAIT)
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn seconds(status: u16, pairs: &[(&'static str, &str)]) -> Option<u64> {
        match decide(StatusCode::from_u16(status).unwrap(), &headers(pairs), b"") {
            RetryDecision::Wait(wait) => wait.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wait_is_read_in_each_way_that_forges_tell_it() {
        let soon = date_after(SystemTime::now(), Duration::from_secs(100));
        let epoch = soon.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
        assert_eq!(seconds(429, &[("retry-after", "7")]), Some(7));
        assert_eq!(seconds(503, &[("retry-after", "7")]), Some(7));
        assert!((98..=100).contains(&seconds(429, &[("retry-after", &httpdate::fmt_http_date(soon))]).unwrap()));
        assert!((98..=101).contains(&seconds(429, &[("ratelimit-reset", &epoch)]).unwrap()));
        assert_eq!(seconds(429, &[("ratelimit-reset", "30")]), Some(30));
        assert_eq!(seconds(429, &[("ratelimit", "limit=100, remaining=0, reset=50")]), Some(50));
        assert_eq!(seconds(429, &[("ratelimit", "\"default\";r=0;t=50")]), Some(50));
        assert!(
            (98..=100).contains(&seconds(429, &[("ratelimit-resettime", &httpdate::fmt_http_date(soon))]).unwrap())
        );
        assert_eq!(seconds(403, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "9")]), Some(9));
        assert_eq!(seconds(202, &[("retry-after", "1")]), Some(1));
        let primary = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", epoch.as_str())];
        assert!((98..=101).contains(&seconds(403, &primary).unwrap()));
        assert_eq!(seconds(429, &[]), None);
        assert_eq!(seconds(429, &[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")]), Some(0));
    }

    #[test]
    fn a_wait_that_no_clock_holds_is_a_day() {
        let day = Some(LONGEST_WAIT.as_secs());
        for number in ["86401", "18446744073709551615", "18446744073709551616", &"9".repeat(500)] {
            assert_eq!(seconds(429, &[("retry-after", number)]), day, "{number}");
            assert_eq!(seconds(503, &[("retry-after", number)]), day, "{number}");
        }
        assert_eq!(seconds(429, &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]), day);
        for name in ["x-ratelimit-reset", "ratelimit-reset"] {
            assert_eq!(seconds(429, &[(name, "9999999")]), day);
            assert_eq!(seconds(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999999")]), day);
            // Beyond what a date holds, it is no date at all.
            assert!(seconds(429, &[(name, "18446744073709551615")]).unwrap() <= LONGEST_WAIT.as_secs());
        }
        for nonsense in ["", "-1", "1e9", "soon", "0x10", "+5"] {
            assert_eq!(seconds(429, &[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn a_403_is_an_answer_unless_it_speaks_of_a_rate() {
        let forbidden = |pairs, body: &[u8]| decide(StatusCode::FORBIDDEN, &headers(pairs), body);
        assert_eq!(forbidden(&[("x-ratelimit-remaining", "57")], b"Resource not accessible"), RetryDecision::Answer);
        let secondary = b"You have exceeded a secondary rate limit. Wait";
        assert_eq!(forbidden(&[], secondary), RetryDecision::Wait(Some(SECONDARY_LIMIT)));
    }

    #[test]
    fn only_statuses_that_pass_are_tried_again() {
        for (status, decision) in [
            (500, RetryDecision::Transient),
            (502, RetryDecision::Transient),
            (504, RetryDecision::Transient),
            (202, RetryDecision::Wait(None)),
            (408, RetryDecision::Transient),
            (522, RetryDecision::Transient),
            (501, RetryDecision::Answer),
            (511, RetryDecision::Answer),
            (203, RetryDecision::Answer),
            (404, RetryDecision::Answer),
            (401, RetryDecision::Answer),
            (200, RetryDecision::Answer),
        ] {
            assert_eq!(decide(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), b""), decision, "{status}");
        }
    }
}
