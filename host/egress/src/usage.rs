//! What a call has used up on the network.

use bytes::Bytes;
use forgeport_grants::{Limit, LimitReached, Limits};
use http::HeaderMap;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts what all requests of a call use together, against its limits.
#[derive(Clone, Debug)]
pub struct Usage(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    limits: Limits,
    requests: AtomicU64,
    out: AtomicU64,
    incoming: AtomicU64,
    held: AtomicU64,
    at_once: Arc<Semaphore>,
}

/// Bytes of a call's bodies that lie in memory; they are given back when this goes.
#[derive(Debug)]
pub struct Held {
    usage: Usage,
    bytes: u64,
}

impl Usage {
    /// Nothing used yet.
    #[must_use]
    pub fn new(limits: Limits) -> Usage {
        let at_once = limits.size(Limit::ConcurrentRequests).clamp(1, Semaphore::MAX_PERMITS);
        Usage(Arc::new(Counters {
            limits,
            requests: AtomicU64::new(0),
            out: AtomicU64::new(0),
            incoming: AtomicU64::new(0),
            held: AtomicU64::new(0),
            at_once: Arc::new(Semaphore::new(at_once)),
        }))
    }

    /// The bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// One more is asked for, whatever becomes of it.
    pub(crate) fn request(&self) -> Result<(), LimitReached> {
        self.count(&self.0.requests, 1, Limit::Requests)
    }

    pub(crate) fn send(&self, bytes: u64) -> Result<(), LimitReached> {
        self.count(&self.0.out, bytes, Limit::BytesOut)
    }

    pub(crate) fn receive(&self, bytes: u64) -> Result<(), LimitReached> {
        self.count(&self.0.incoming, bytes, Limit::BytesIn)
    }

    /// Nothing held yet. All that a call holds at the same time counts together: a guest may have many answers and read none.
    #[must_use]
    pub fn hold(&self) -> Held {
        Held { usage: self.clone(), bytes: 0 }
    }

    /// Checks number and size of headers, and returns the size.
    pub(crate) fn headers(&self, headers: &HeaderMap) -> Result<u64, LimitReached> {
        let bytes = headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64).sum();
        self.within(headers.len() as u64, Limit::Headers)?;
        self.within(bytes, Limit::HeaderBytes)?;
        Ok(bytes)
    }

    /// Waits until fewer requests are on their way than may be at the same time.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.0.at_once.clone().acquire_owned().await.ok()
    }

    fn count(&self, counter: &AtomicU64, by: u64, limit: Limit) -> Result<(), LimitReached> {
        self.within(counter.fetch_add(by, Relaxed).saturating_add(by), limit)
    }

    fn within(&self, value: u64, limit: Limit) -> Result<(), LimitReached> {
        match value > self.0.limits.get(limit) {
            true => Err(self.0.limits.reached(limit)),
            false => Ok(()),
        }
    }
}

impl Held {
    /// More bytes are about to be held.
    ///
    /// # Errors
    /// When all that is held would be more than [`Limit::Body`].
    pub fn add(&mut self, bytes: usize) -> Result<(), LimitReached> {
        self.bytes += bytes as u64;
        self.usage.count(&self.usage.0.held, bytes as u64, Limit::Body)
    }

    /// The bytes that were counted, held until the last of them goes.
    #[must_use]
    pub fn keep(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Kept { bytes, _held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.usage.0.held.fetch_sub(self.bytes, Relaxed);
    }
}

struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
