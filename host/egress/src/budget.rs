//! The budget of one call: what all its requests use up together, counted against its limits before it is used.

use bytes::Bytes;
use forgeport_model::{Limit, LimitReached, Limits};
use http::HeaderMap;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// Counts what all requests of a call use together, against its limits.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    limits: Limits,
    requests: AtomicU64,
    out: AtomicU64,
    incoming: AtomicU64,
    bodies: AtomicU64,
    at_once: Arc<Semaphore>,
}

/// Bytes of a body that are in memory, counted in the call's budget; they are given back when this is dropped.
#[derive(Debug)]
pub struct BodyBudget {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of which none is used up.
    #[must_use]
    pub fn new(limits: Limits) -> Budget {
        let at_once = limits.size(Limit::ConcurrentRequests).clamp(1, Semaphore::MAX_PERMITS);
        Budget(Arc::new(Counters {
            limits,
            requests: AtomicU64::new(0),
            out: AtomicU64::new(0),
            incoming: AtomicU64::new(0),
            bodies: AtomicU64::new(0),
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

    /// Bytes that are about to be sent.
    pub(crate) fn send(&self, bytes: u64) -> Result<(), LimitReached> {
        self.count(&self.0.out, bytes, Limit::BytesOut)
    }

    pub(crate) fn receive(&self, bytes: u64) -> Result<(), LimitReached> {
        self.count(&self.0.incoming, bytes, Limit::BytesIn)
    }

    /// For one body, of which no byte is in memory yet. All bodies that a call has in memory count together: a guest may have many answers
    /// and read none.
    #[must_use]
    pub fn body(&self) -> BodyBudget {
        BodyBudget { budget: self.clone(), bytes: 0 }
    }

    /// Checks number and size of headers, and returns the size.
    pub(crate) fn headers(&self, headers: &HeaderMap) -> Result<u64, LimitReached> {
        let sizes = headers.iter().flat_map(|(name, value)| [name.as_str().len(), value.len(), 4]);
        let bytes = sizes.fold(0u64, |sum, size| sum.saturating_add(size as u64));
        self.within(headers.len() as u64, Limit::Headers)?;
        self.within(bytes, Limit::HeaderBytes)?;
        Ok(bytes)
    }

    /// Checks the length of a URL, which leaves as part of the headers.
    pub(crate) fn url(&self, url: &Url) -> Result<u64, LimitReached> {
        let bytes = url.as_str().len() as u64;
        self.within(bytes, Limit::HeaderBytes).map(|()| bytes)
    }

    /// Waits for a free request slot.
    pub(crate) async fn acquire_slot(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.0.at_once.clone().acquire_owned().await.ok()
    }

    fn count(&self, counter: &AtomicU64, by: u64, limit: Limit) -> Result<(), LimitReached> {
        // Adding would begin anew behind the largest number.
        let before = counter.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_add(by)));
        self.within(before.unwrap_or(u64::MAX).saturating_add(by), limit)
    }

    fn within(&self, value: u64, limit: Limit) -> Result<(), LimitReached> {
        if value > self.0.limits.get(limit) { Err(self.0.limits.reached(limit)) } else { Ok(()) }
    }
}

impl BodyBudget {
    /// Counts bytes that are about to be kept in memory.
    ///
    /// # Errors
    /// When all bodies together would be more than [`Limit::Body`].
    pub fn add(&mut self, bytes: usize) -> Result<(), LimitReached> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.budget.count(&self.budget.0.bodies, bytes as u64, Limit::Body)
    }

    /// The bytes that were counted; they count until the last reference to them is dropped.
    #[must_use]
    pub fn keep(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(CountedBody { bytes, _budget: self })
    }
}

impl Drop for BodyBudget {
    fn drop(&mut self) {
        let less = |held: u64| Some(held.saturating_sub(self.bytes));
        // It always updates.
        let _ = self.budget.0.bodies.fetch_update(Relaxed, Relaxed, less);
    }
}

struct CountedBody {
    bytes: Bytes,
    _budget: BodyBudget,
}

impl AsRef<[u8]> for CountedBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_size_makes_a_counter_begin_anew() {
        let budget = Budget::new(Limits::default());
        for _ in 0..3 {
            assert!(budget.send(u64::MAX).is_err() && budget.receive(u64::MAX - 1).is_err());
        }
        let mut held = budget.body();
        assert!(held.add(usize::MAX).is_err() && held.add(usize::MAX).is_err());
        drop(held);
        budget.body().add(1).unwrap();
    }
}
