//! When a request is made again, and how long to wait before. Layer: above `wait`, which reads an answer, below the gate and downloads.
//!
//! | attempt | what follows |
//! | --- | --- |
//! | an answer, or a failure that another attempt would not mend | it is the result |
//! | no connection, a break, a status such as 503 | another attempt, five at most, each after twice the wait of the one before |
//! | a wish to wait, such as 429 | another attempt after that wait, if the call lasts that long; otherwise an error that says when |

use crate::{
    EgressError,
    call::Call,
    exits::{Answer, BEGINNING, Checked},
    wait::{RetryDecision, decide, text},
};
use forgeport_model::Origin;
use std::time::{Duration, Instant};

/// Attempts at one request that fails in passing.
const ATTEMPTS: u32 = 5;
/// Wait before the second attempt; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How an attempt ended that gave no result.
#[derive(Debug)]
pub enum Failed<E> {
    /// Another attempt may do.
    Transient(E),
    /// Another attempt may do after a wait, which the forge may have named.
    Wait {
        /// How long, where the forge says so.
        wait: Option<Duration>,
        /// The message while waiting.
        why: String,
        /// The error if there is no time to wait.
        error: E,
    },
    /// Another attempt would fare no better.
    Final(E),
}

impl<E> Failed<E> {
    /// With another error.
    pub fn map<F>(self, change: impl FnOnce(E) -> F) -> Failed<F> {
        match self {
            Failed::Transient(error) => Failed::Transient(change(error)),
            Failed::Wait { wait, why, error } => Failed::Wait { wait, why, error: change(error) },
            Failed::Final(error) => Failed::Final(change(error)),
        }
    }
}

/// Whether an answer is final, or another attempt may do. A wish to wait becomes the gate's error; all else is the provider's to explain.
pub(crate) fn classify(origin: &Origin, answer: Checked) -> Failed<Result<Checked, EgressError>> {
    match decide(answer.status(), answer.headers(), answer.body()) {
        RetryDecision::Answer => Failed::Final(Ok(answer)),
        RetryDecision::Transient => Failed::Transient(Ok(answer)),
        RetryDecision::Wait(wait) => {
            let why = asked_to_wait(origin, &answer);
            let error = EgressError::AskedToWait { what: why.clone(), retry_after: wait };
            Failed::Wait { wait, why, error: Err(error) }
        }
    }
}

/// What a forge's answer says that wants a wait, in its own words too.
fn asked_to_wait(origin: &Origin, answer: &Checked) -> String {
    let status = answer.status().as_u16();
    let why = match status {
        202 => "is still preparing the answer",
        403 | 429 => "limits the rate of requests",
        _ => "is out of order and asks to wait",
    };
    let kind = text(answer.headers(), "content-type");
    let page = forgeport_answer::page(kind, answer.body());
    let said = page.map_or_else(|| forgeport_answer::words(kind, answer.body()), |page| page.title);
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    format!("{origin} {why} ({status}{said})")
}

/// Makes attempts until one succeeds, fails for good, or there is no time left.
///
/// # Errors
/// The last attempt's.
pub async fn run<T, E, Attempt>(call: &Call, mut attempt: impl FnMut(u32) -> Attempt) -> Result<T, E>
where
    Attempt: Future<Output = Result<T, Failed<E>>>,
{
    let mut number = 0;
    loop {
        let (error, wait, why) = match attempt(number).await {
            Ok(value) => return Ok(value),
            Err(Failed::Final(error)) => return Err(error),
            Err(Failed::Transient(error)) if number + 1 == ATTEMPTS => return Err(error),
            Err(Failed::Transient(error)) => (error, backoff(number), "the forge does not answer properly".to_owned()),
            Err(Failed::Wait { wait, why, error }) => (error, wait.unwrap_or(backoff(number)).max(FIRST_WAIT), why),
        };
        if wait >= call.deadline.saturating_duration_since(Instant::now()) {
            return Err(error);
        }
        call.notices.waiting(&why, wait);
        tokio::time::sleep(wait).await;
        number += 1;
    }
}

/// Doubles, with up to half of it added at random so that many clients do not come back at once.
fn backoff(number: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(number.min(10)));
    wait.mul_f64(1.0 + fastrand::f64() / 2.0)
}

impl Answer {
    /// Whether an answer that is not what was asked for is final; of its body no more than the beginning is read.
    pub async fn classify(self) -> Failed<Result<Checked, EgressError>> {
        let origin = self.origin.clone();
        match self.beginning_for_provider(BEGINNING).await {
            Ok(checked) => classify(&origin, checked),
            Err(error) => Failed::Final(Err(error)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Quiet, Session};
    use forgeport_model::{Authority, Limits};
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Heard(Mutex<Vec<Duration>>);

    impl crate::Notices for Heard {
        fn waiting(&self, _why: &str, how_long: Duration) {
            self.0.lock().unwrap().push(how_long);
        }
    }

    fn call(time: Duration, notices: Arc<dyn crate::Notices>) -> Call {
        let session = Session::new(Authority::default());
        Call { notices, ..Call::new(session, Limits::default(), forgeport_model::deadline(time)) }
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_at_the_fifth_and_each_wait_is_longer_and_said() {
        let heard = Arc::new(Heard::default());
        let mut attempts = 0;
        let result: Result<(), &str> = run(&call(Duration::from_secs(60), heard.clone()), |_| {
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
            let minute = call(Duration::from_secs(60), Arc::new(Quiet));
            let failed = || Failed::Wait { wait: Some(wait), why: "limited".to_owned(), error: "limited" };
            let ended: Result<(), _> = run(&minute, |_| async { Err(failed()) }).await;
            assert_eq!(ended, Err("limited"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_told_wait_is_kept_and_one_beyond_the_deadline_ends_it_at_once() {
        let limited = |seconds| Failed::Wait {
            wait: Some(Duration::from_secs(seconds)),
            why: "limited".to_owned(),
            error: "limited",
        };
        let heard = Arc::new(Heard::default());
        let minute = call(Duration::from_secs(60), heard.clone());
        let kept = run(&minute, |attempt| async move { if attempt == 0 { Err(limited(12)) } else { Ok(attempt) } });
        assert_eq!(kept.await, Ok(1));
        assert_eq!(*heard.0.lock().unwrap(), [Duration::from_secs(12)]);
        let ended: Result<(), _> =
            run(&call(Duration::from_secs(60), Arc::new(Quiet)), |_| async { Err(limited(61)) }).await;
        assert_eq!(ended, Err("limited"));
    }
}
