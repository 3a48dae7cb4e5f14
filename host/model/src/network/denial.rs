//! The denial of a request: the layer that refuses it, the reason, and what to do next.

use thiserror::Error;

use crate::{CallOf, Origin, OriginError};

/// One of the three layers that decide: a request has to pass all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The access that the provider's description requests.
    Requested,
    /// The access that a person granted.
    Granted,
    /// The access that the operator's policy allows at all.
    Policy,
}

impl Layer {
    /// Its name in one word, as the command line shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Granted => "granted",
            Self::Policy => "policy",
        }
    }
}

/// A refused request: which layer refuses it, and why. Its text ends with what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}: {}", self.remedy())]
pub struct Denial {
    /// The layer that refuses.
    pub layer: Layer,
    /// Why.
    pub reason: DenialReason,
    of: CallOf,
}

/// Why grants do not permit a request. No variant contains a path, a query or user information.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DenialReason {
    /// The URL's scheme is neither `http` nor `https`, or it has no host.
    #[error("request refused, its URL has no origin: {0}")]
    Url(OriginError),
    /// The URL carries a user name or a password.
    #[error(
        "request to {host} refused, its URL has a user name or a password in it, and only the host adds credentials"
    )]
    UserInfo {
        /// The host of the request.
        host: String,
    },
    /// No grant covers the origin.
    #[error("request to {requested} refused: {reachable} may be reached")]
    Origin {
        /// The origin of the request.
        requested: Origin,
        /// The origins that may be reached, in words.
        reachable: String,
    },
    /// The origin may be reached with other methods only.
    #[error("{method} on {origin} refused: only {granted} may be used there")]
    Method {
        /// The method of the request, quoted.
        method: String,
        /// The origin of the request.
        origin: Origin,
        /// The methods that may be used there.
        granted: String,
    },
    /// The origin may be reached below other paths only.
    #[error("the path of a request to {origin} refused: only paths below {granted} may be used there")]
    Path {
        /// The origin of the request.
        origin: Origin,
        /// The path prefixes.
        granted: String,
    },
}

impl Denial {
    pub(super) const fn new(layer: Layer, reason: DenialReason, of: CallOf) -> Self {
        Self { layer, reason, of }
    }

    /// The origin of the request, if its URL has one.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match &self.reason {
            DenialReason::Origin { requested: origin, .. }
            | DenialReason::Method { origin, .. }
            | DenialReason::Path { origin, .. } => Some(origin),
            DenialReason::Url(_) | DenialReason::UserInfo { .. } => None,
        }
    }

    fn remedy(&self) -> String {
        let granting = self.origin().and_then(|origin| self.of.with_option(&format!("--grant={origin}")));
        match (self.layer, granting) {
            (Layer::Requested, _) => {
                "the provider's description does not request it; its author has to add it to the needs".to_owned()
            }
            (Layer::Granted, Some(command)) => format!("{command} grants it"),
            (Layer::Granted, None) => "nobody granted it".to_owned(),
            (Layer::Policy, _) => "the policy of this host's operator does not allow it".to_owned(),
        }
    }
}
