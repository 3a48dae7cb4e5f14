//! When a request is made again, and how long to wait before.

use crate::Permit;
use forgeport_grants::date_after;
use http::{HeaderMap, StatusCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Attempts at one request that fails in passing.
const ATTEMPTS: u32 = 5;
/// Wait before the second attempt; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// GitHub asks for a minute where its secondary limit names no time
/// (<https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>).
const SECONDARY_LIMIT: Duration = Duration::from_secs(60);
/// A number of seconds above this is a date: IETF drafts count from now, GitLab from 1970.
const EPOCH_NOT_DELTA: u64 = 10_000_000;
/// No forge means more than a day; what says so is taken at a day.
pub const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// What clocks of both sides may differ.
const CLOCKS: Duration = Duration::from_secs(1);

/// How an attempt ended that gave nothing.
#[derive(Debug)]
pub enum Failed<E> {
    /// Another attempt may do.
    Transient(E),
    /// Another attempt may do after a wait, which the forge may have told.
    RateLimited {
        /// How long, where it told.
        wait: Option<Duration>,
        /// What to say when there is no time to wait.
        error: E,
    },
    /// Another attempt would fare no better.
    Final(E),
}

/// What an answer means for the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the answer.
    Answer,
    /// The forge is out of order for a moment.
    Transient,
    /// The forge wants a wait.
    RateLimited(Option<Duration>),
}

/// Makes attempts until one succeeds, fails for good, or there is no time left.
///
/// # Errors
/// The last attempt's.
pub async fn run<T, E, Attempt>(permit: &Permit, mut attempt: impl FnMut(u32) -> Attempt) -> Result<T, E>
where
    Attempt: Future<Output = Result<T, Failed<E>>>,
{
    let mut number = 0;
    loop {
        let (error, wait, why) = match attempt(number).await {
            Ok(value) => return Ok(value),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::Transient(error)) if number + 1 == ATTEMPTS => return Err(error),
            Err(Failed::Transient(error)) => (error, backoff(number), "the forge does not answer properly"),
            Err(Failed::RateLimited { wait, error }) => {
                (error, wait.unwrap_or(backoff(number)).max(FIRST_WAIT), "the forge limits the rate of requests")
            }
        };
        if wait >= permit.deadline.saturating_duration_since(Instant::now()) {
            return Err(error);
        }
        permit.notices.waiting(why, wait);
        tokio::time::sleep(wait).await;
        number += 1;
    }
}

/// Doubles, with up to half of it added at random so that many clients do not come back at once.
fn backoff(number: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(number.min(10)));
    wait.mul_f64(1.0 + fastrand::f64() / 2.0)
}

/// Tells refusals that pass from answers.
pub fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Verdict {
    match status.as_u16() {
        500 | 502 | 503 | 504 => match told_wait(headers) {
            Some(wait) => Verdict::RateLimited(Some(wait)),
            None => Verdict::Transient,
        },
        429 => Verdict::RateLimited(told_wait(headers).or_else(|| reset(headers))),
        403 => limited_by_403(headers, body),
        _ => Verdict::Answer,
    }
}

/// A 403 has many meanings; it is a rate limit only where the answer says so.
fn limited_by_403(headers: &HeaderMap, body: &[u8]) -> Verdict {
    if let Some(wait) = told_wait(headers) {
        return Verdict::RateLimited(Some(wait));
    }
    if text(headers, "x-ratelimit-remaining") == Some("0") {
        return Verdict::RateLimited(reset(headers));
    }
    let is_secondary = body.windows(20).any(|part| part.eq_ignore_ascii_case(b"secondary rate limit"));
    if is_secondary { Verdict::RateLimited(Some(SECONDARY_LIMIT)) } else { Verdict::Answer }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
pub fn told_wait(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, "retry-after")?;
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return seconds(value).map(sensible);
    }
    httpdate::parse_http_date(value).ok().map(until)
}

/// The headers in which forges tell when their limit begins anew.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, "x-ratelimit-reset").or_else(|| text(headers, "ratelimit-reset"))?;
    let told = seconds(value)?;
    if told < Duration::from_secs(EPOCH_NOT_DELTA) {
        return Some(sensible(told));
    }
    Some(until(date_after(date_after(UNIX_EPOCH, told), CLOCKS)))
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

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Quiet;
    use forgeport_grants::{Authority, Limits};
    use std::sync::{Arc, Mutex};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn seconds(status: u16, pairs: &[(&'static str, &str)]) -> Option<u64> {
        match judge(StatusCode::from_u16(status).unwrap(), &headers(pairs), b"") {
            Verdict::RateLimited(wait) => wait.map(|wait| wait.as_secs()),
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
        let forbidden = |pairs, body: &[u8]| judge(StatusCode::FORBIDDEN, &headers(pairs), body);
        assert_eq!(forbidden(&[("x-ratelimit-remaining", "57")], b"Resource not accessible"), Verdict::Answer);
        let secondary = b"You have exceeded a secondary rate limit. Wait";
        assert_eq!(forbidden(&[], secondary), Verdict::RateLimited(Some(SECONDARY_LIMIT)));
    }

    #[test]
    fn only_statuses_that_pass_are_tried_again() {
        for (status, verdict) in [
            (500, Verdict::Transient),
            (502, Verdict::Transient),
            (504, Verdict::Transient),
            (501, Verdict::Answer),
            (404, Verdict::Answer),
            (401, Verdict::Answer),
            (200, Verdict::Answer),
        ] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), b""), verdict, "{status}");
        }
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<Duration>>);

    impl crate::Notices for Heard {
        fn waiting(&self, _why: &str, how_long: Duration) {
            self.0.lock().unwrap().push(how_long);
        }
    }

    fn permit(time: Duration, notices: Arc<dyn crate::Notices>) -> Permit {
        let permit = Permit::new(Authority::default(), Limits::default(), forgeport_grants::deadline(time));
        Permit { notices, ..permit }
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_at_the_fifth_and_each_wait_is_longer_and_said() {
        let heard = Arc::new(Heard::default());
        let mut attempts = 0;
        let result: Result<(), &str> = run(&permit(Duration::from_secs(60), heard.clone()), |_| {
            attempts += 1;
            async { Err(Failed::Transient("out of order")) }
        })
        .await;
        assert_eq!((result, attempts), (Err("out of order"), ATTEMPTS));
        let waits = heard.0.lock().unwrap();
        assert!(waits.len() == 4 && waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_overflows_the_clock() {
        for wait in [Duration::MAX, Duration::from_secs(u64::MAX)] {
            let minute = permit(Duration::from_secs(60), Arc::new(Quiet));
            let failed = || Failed::RateLimited { wait: Some(wait), error: "limited" };
            let ended: Result<(), _> = run(&minute, |_| async { Err(failed()) }).await;
            assert_eq!(ended, Err("limited"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_told_wait_is_kept_and_one_beyond_the_deadline_ends_it_at_once() {
        let limited = |seconds| Failed::RateLimited { wait: Some(Duration::from_secs(seconds)), error: "limited" };
        let heard = Arc::new(Heard::default());
        let minute = permit(Duration::from_secs(60), heard.clone());
        let kept = run(&minute, |attempt| async move { if attempt == 0 { Err(limited(12)) } else { Ok(attempt) } });
        assert_eq!(kept.await, Ok(1));
        assert_eq!(*heard.0.lock().unwrap(), [Duration::from_secs(12)]);
        let ended: Result<(), _> =
            run(&permit(Duration::from_secs(60), Arc::new(Quiet)), |_| async { Err(limited(61)) }).await;
        assert_eq!(ended, Err("limited"));
    }
}
