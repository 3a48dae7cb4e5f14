//! One call of a provider: the session that it acts with, and what it may use up until when. Both budget and deadline end with the call.

use crate::{budget::Budget, session::Session};
use forgeport_model::Limits;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// One call; all its requests count together.
#[derive(Clone)]
pub struct Call {
    /// The session: authority and credentials.
    pub session: Arc<Session>,
    /// When everything ends, waiting included.
    pub deadline: Instant,
    /// The budget of the call.
    pub budget: Budget,
    /// Waits are reported to it.
    pub notices: Arc<dyn Notices>,
}

impl Call {
    /// A call that has used up none of its budget, and whose waits are not reported: set `notices` for that.
    pub fn new(session: impl Into<Arc<Session>>, limits: Limits, deadline: Instant) -> Call {
        Call { session: session.into(), deadline, budget: Budget::new(limits), notices: Arc::new(Quiet) }
    }
}

/// What a person would want to know while a call waits is reported to it.
pub trait Notices: Send + Sync {
    /// The call waits for this long.
    fn waiting(&self, why: &str, how_long: Duration);
}

/// Reports no waits.
pub struct Quiet;

impl Notices for Quiet {
    fn waiting(&self, _why: &str, _how_long: Duration) {}
}
