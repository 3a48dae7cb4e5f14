//! Faults on demand: what to do wrong, with which requests, and how often.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;

use crate::gate::Gate;
use crate::message::{Answer, Body, Chunks, Request};
use crate::server::Server;

/// What goes wrong.
#[derive(Clone)]
pub enum Fault {
    /// This is answered instead of the truth.
    Answer {
        /// The status code.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
        /// Whether it is sent in chunks, without a length.
        chunked: bool,
    },
    /// A credential that is good counts as bad: the forge's own 401.
    Unauthorized,
    /// What this makes of the request is answered instead of the truth.
    Instead(Arc<dyn Fn(&Request) -> Answer + Send + Sync>),
    /// The request's head comes back in the body, and its credentials in the header `x-echo`.
    Echo,
    /// The connection is closed without an answer.
    Close,
    /// The connection is closed after so many bytes of the true body.
    DropAfter(u64),
    /// The byte at this position of the true body is inverted.
    Corrupt(u64),
    /// Only so many bytes of the true body are sent, and announced as if they were all.
    Truncate(u64),
    /// The true body is announced with a length that is off by so many bytes: with too much announced, the connection ends early.
    LengthOff(i64),
    /// Nothing is answered until the gate is released.
    Stall(Gate),
    /// So many bytes of the true body are sent, the rest when the gate is released.
    StallAfter(u64, Gate),
}

impl Fault {
    /// A status code with a page for people, as proxies send.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::answer(Answer::html(status, "<h1>Something went wrong</h1>"))
    }

    /// 429 with `Retry-After` (seconds or an HTTP date).
    #[must_use]
    pub fn too_many_requests(retry_after: &str) -> Self {
        Self::answer(Answer::text(429, "Retry later\n").header("retry-after", retry_after))
    }

    /// GitHub's 403 for a used-up hour, which ends at `reset` (seconds since the epoch).
    #[must_use]
    pub fn rate_limit(reset: u64) -> Self {
        let body = serde_json::json!({
            "message": "API rate limit exceeded for user ID 1.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
        });
        Self::answer(
            Answer::json(403, &body)
                .header("x-ratelimit-limit", "5000")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", reset.to_string()),
        )
    }

    /// GitHub's 403 for too many requests at once; the header is not always there.
    #[must_use]
    pub fn secondary_rate_limit(retry_after: Option<u64>) -> Self {
        let body = serde_json::json!({
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
        });
        let answer = Answer::json(403, &body).header("x-ratelimit-remaining", "4999");
        Self::answer(match retry_after {
            Some(seconds) => answer.header("retry-after", seconds.to_string()),
            None => answer,
        })
    }

    /// An answer that depends on the request, such as one that tells the credential back.
    #[must_use]
    pub fn instead(make: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::Instead(Arc::new(make))
    }

    /// 200 with a login page.
    #[must_use]
    pub fn login_page() -> Self {
        Self::answer(Answer::html(200, "<form>Log in</form>"))
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::answer(Answer::redirect(status, location))
    }

    /// 200 with these bytes as the archive.
    #[must_use]
    pub fn archive(bytes: impl Into<Bytes>) -> Self {
        Self::answer(Answer::new(200, "application/x-gzip", bytes).chunked())
    }

    /// Any answer made of bytes. A body that is a file or a stream counts as empty.
    #[must_use]
    pub fn answer(answer: Answer) -> Self {
        let (body, chunked) = match answer.body {
            Body::Whole(bytes) => (bytes, false),
            Body::Chunked(bytes) => (bytes, true),
            _ => (Bytes::new(), true),
        };
        Self::Answer { status: answer.status, headers: answer.headers, body, chunked }
    }

    /// The true answer's body and announced length as the fault leaves them.
    pub(crate) async fn spoil(self, body: Body) -> io::Result<(Option<u64>, Chunks)> {
        let announced = body.announced();
        let chunks = body.chunks().await?;
        Ok(match self {
            Self::DropAfter(limit) => {
                let end = stream::once(async {
                    // hyper writes out what it has when it must wait for more, but not when it meets an error.
                    tokio::task::yield_now().await;
                    Err(io::Error::other("dropped on demand"))
                });
                (announced, first(chunks, limit).chain(end).boxed())
            }
            Self::Corrupt(position) => (announced, corrupt(chunks, position)),
            Self::Truncate(limit) => {
                let whole = collect(chunks).await?;
                let limit = whole.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
                let part = whole.slice(..limit);
                let len = part.len() as u64;
                (Some(len), stream::once(async { Ok(part) }).boxed())
            }
            Self::LengthOff(by) => {
                let whole = collect(chunks).await?;
                let len = (whole.len() as u64).saturating_add_signed(by);
                (Some(len), stream::once(async { Ok(whole) }).boxed())
            }
            Self::StallAfter(limit, gate) => (announced, stall(chunks, limit, gate)),
            _ => (announced, chunks),
        })
    }
}

async fn collect(mut chunks: Chunks) -> io::Result<Bytes> {
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok(whole.into())
}

fn first(chunks: Chunks, limit: u64) -> Chunks {
    chunks
        .scan(limit, |left, chunk| {
            let step = (*left > 0).then(|| {
                chunk.map(|bytes| {
                    let take = (*left).min(bytes.len() as u64);
                    *left -= take;
                    bytes.slice(..usize::try_from(take).unwrap_or(bytes.len()))
                })
            });
            async { step }
        })
        .boxed()
}

fn corrupt(chunks: Chunks, position: u64) -> Chunks {
    chunks
        .scan(0, move |start, chunk| {
            let step = chunk.map(|bytes| {
                let end = *start + bytes.len() as u64;
                let inside = (*start..end).contains(&position);
                let at = usize::try_from(position.wrapping_sub(*start)).unwrap_or_default();
                *start = end;
                if !inside {
                    return bytes;
                }
                let mut bytes = bytes.to_vec();
                bytes[at] = !bytes[at];
                bytes.into()
            });
            async { Some(step) }
        })
        .boxed()
}

/// Splits the chunk in which the limit lies, and waits between its halves.
fn stall(chunks: Chunks, limit: u64, gate: Gate) -> Chunks {
    let state = (chunks, limit, Some(gate), None::<Bytes>);
    stream::unfold(state, |(mut chunks, left, mut gate, mut rest)| async move {
        if left == 0
            && let Some(gate) = gate.take()
        {
            gate.pass().await;
        }
        let bytes = match rest.take() {
            Some(bytes) => bytes,
            None => match chunks.next().await? {
                Ok(bytes) => bytes,
                Err(error) => return Some((Err(error), (chunks, left, gate, None))),
            },
        };
        if gate.is_none() || left >= bytes.len() as u64 {
            let left = left.saturating_sub(bytes.len() as u64);
            return Some((Ok(bytes), (chunks, left, gate, None)));
        }
        let at = usize::try_from(left).unwrap_or(bytes.len());
        let now = bytes.slice(..at);
        Some((Ok(now), (chunks, 0, gate, Some(bytes.slice(at..)))))
    })
    .boxed()
}

type Test = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// Which requests a fault concerns: all of them, once, unless narrowed or repeated.
#[derive(Clone)]
pub struct On {
    server: Option<Server>,
    part: Option<String>,
    test: Option<Test>,
    skip: u32,
    times: u32,
}

impl On {
    /// Requests to any server.
    #[must_use]
    pub fn any() -> Self {
        Self { server: None, part: None, test: None, skip: 0, times: 1 }
    }

    /// Requests to one server.
    #[must_use]
    pub fn server(server: Server) -> Self {
        Self { server: Some(server), ..Self::any() }
    }

    /// Only those whose path and query, as sent, contain `part`.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        Self { part: Some(part.to_owned()), ..self }
    }

    /// Only those that pass `test`.
    #[must_use]
    pub fn when(self, test: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self { test: Some(Arc::new(test)), ..self }
    }

    /// Lets the first `count` pass unharmed.
    #[must_use]
    pub fn after(self, count: u32) -> Self {
        Self { skip: count, ..self }
    }

    /// Concerns `count` requests, then no more.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { times: count, ..self }
    }

    /// Concerns every request from now on.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    fn concerns(&self, request: &Request) -> bool {
        let target = format!("{}?{}", request.path, request.query);
        self.server.is_none_or(|server| server == request.server)
            && self.part.as_ref().is_none_or(|part| target.contains(part))
            && self.test.as_ref().is_none_or(|test| test(request))
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    planned: Mutex<Vec<(On, Fault)>>,
}

impl Faults {
    pub fn plan(&self, on: On, fault: Fault) {
        self.lock().push((on, fault));
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The first planned fault that concerns the request, counted down.
    pub fn take(&self, request: &Request) -> Option<Fault> {
        for (on, fault) in self.lock().iter_mut() {
            if on.times == 0 || !on.concerns(request) {
                continue;
            }
            if on.skip > 0 {
                on.skip -= 1;
                continue;
            }
            if on.times < u32::MAX {
                on.times -= 1;
            }
            return Some(fault.clone());
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(On, Fault)>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
