//! Why a request got no answer.

use forgeport_grants::{Denial, Origin};
use std::time::Duration;
use thiserror::Error;

/// Why a request got no answer. No text holds a path, a query or a credential.
#[derive(Debug, Error)]
pub enum EgressError {
    /// Nobody granted it.
    #[error(transparent)]
    Refused(#[from] Denial),
    /// A request or a redirect that the gate lets nobody make.
    #[error("the gate refuses the request: {0}")]
    Improper(String),
    /// No connection, or no answer on it.
    #[error("{origin} cannot be reached: {why}; check the address, the network and the proxy settings")]
    Unreachable {
        /// Where to.
        origin: Origin,
        /// The network's words.
        why: String,
    },
    /// The connection ended within the body.
    #[error("the connection to {origin} broke while data was coming: {why}")]
    Broken {
        /// Where to.
        origin: Origin,
        /// The network's words.
        why: String,
    },
    /// The forge wants a longer wait than the call may last.
    #[error("{origin} limits the rate of requests{}; the call may not last that long, try again later", wait(*.retry_after))]
    RateLimited {
        /// Who.
        origin: Origin,
        /// How long, where it told.
        retry_after: Option<Duration>,
    },
    /// A bound of the permit.
    #[error("the answer is longer than the limit for {name}: {value} bytes")]
    Limit {
        /// Which bound.
        name: &'static str,
        /// In bytes.
        value: usize,
    },
    /// The gate itself cannot be set up.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

fn wait(after: Option<Duration>) -> String {
    after.map(|after| format!(" for {} s", after.as_secs())).unwrap_or_default()
}

impl EgressError {
    /// May the same request fare better in a moment?
    pub fn is_transient(&self) -> bool {
        matches!(self, EgressError::Unreachable { .. } | EgressError::Broken { .. })
    }
}

/// All causes of a network error in one line, without the URL that the client puts into its first.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.replace('\n', " ")
}
