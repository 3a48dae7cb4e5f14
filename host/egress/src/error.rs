//! Why a request got no answer.

use crate::guard::AddressRefused;
use forgeport_grants::{Denial, LimitReached, Origin};
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
    /// The body is in a form that cannot be searched for credentials.
    #[error(
        "{origin} answers in the content coding {coding:?}, which was not asked for, so that the answer cannot be checked"
    )]
    Coded {
        /// Who.
        origin: Origin,
        /// Which, if it is one that has a name.
        coding: &'static str,
    },
    /// The forge wants a longer wait than the call may last.
    #[error("{origin} limits the rate of requests{}; the call may not last that long, try again later", wait(*.retry_after))]
    RateLimited {
        /// Who.
        origin: Origin,
        /// How long, where it told.
        retry_after: Option<Duration>,
    },
    /// A bound of the call.
    #[error(transparent)]
    Limit(#[from] LimitReached),
    /// The name leads where nothing may be dialled.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The provider tried to get the place of a secret out of its hands.
    #[error("the gate refuses the request: what stands for --{setting} is in {place}, where no credential belongs")]
    Leak {
        /// The secret option.
        setting: String,
        /// Where it was.
        place: String,
    },
    /// Nothing leaves unseen.
    #[error("the request is not sent, as it cannot be written into the audit log: {0}")]
    Unrecorded(String),
    /// The operator's own certificates.
    #[error("the certificates in FORGEPORT_CA_FILE cannot be read: {0}; it is a file of certificates in PEM")]
    Certificates(String),
    /// The gate itself cannot be set up.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

fn wait(after: Option<Duration>) -> String {
    after.map(|after| format!(" for {} s", after.as_secs())).unwrap_or_default()
}

impl EgressError {
    /// Did the gate itself keep the request from leaving?
    pub(crate) fn is_refusal(&self) -> bool {
        use EgressError::{Address, Improper, Leak, Limit, Refused, Unrecorded};
        matches!(self, Refused(_) | Improper(_) | Leak { .. } | Address(_) | Limit(_) | Unrecorded(_))
    }

    /// May the same request fare better in a moment?
    pub fn is_transient(&self) -> bool {
        matches!(self, EgressError::Unreachable { .. } | EgressError::Broken { .. })
    }
}

/// The guard's own refusal, which comes wrapped in the client's errors.
pub(crate) fn refused_address(error: &reqwest::Error) -> Option<AddressRefused> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressRefused>() {
            return Some(refused.clone());
        }
        cause = error.source();
    }
    None
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
