//! The errors of a request.

use crate::{connect::find, guard::AddressRefused, wait::try_again};
use forgeport_model::{Denial, LimitReached, Origin};
use std::time::Duration;
use thiserror::Error;

/// Why a request got no answer. No text contains a path, a query or a credential.
#[derive(Debug, Error)]
pub enum EgressError {
    /// Nobody granted it.
    #[error(transparent)]
    Refused(#[from] Denial),
    /// Nobody granted where a redirect leads.
    #[error(
        "{from} redirects elsewhere, which may be a sign-in: then a token helps, or a sign-in to this network; {denial}"
    )]
    Elsewhere {
        /// The origin that redirects.
        from: Origin,
        /// Why it is not followed.
        denial: Box<Denial>,
    },
    /// A request or a redirect that no grant can allow.
    #[error("the gate refuses the request: {0}")]
    Improper(String),
    /// No connection, or no answer on it.
    #[error("{origin} cannot be reached: {why}; {step}")]
    Unreachable {
        /// The destination.
        origin: Origin,
        /// In words for a person.
        why: String,
        /// The remedy.
        step: &'static str,
    },
    /// The connection ended within the body.
    #[error("the connection to {origin} broke while data was coming: {why}")]
    Broken {
        /// The destination.
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
    #[error("{what}; {}", try_again(*.retry_after))]
    AskedToWait {
        /// Who wants it, and why, in the forge's own words too.
        what: String,
        /// How long, where the forge says so.
        retry_after: Option<Duration>,
    },
    /// A bound of the call.
    #[error(transparent)]
    Limit(#[from] LimitReached),
    /// The name leads to an address that may not be dialled.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The provider tried to get the place of a secret out of its hands.
    #[error(
        "the gate refuses the request: the placeholder for --{setting} is in {place}; it can only be sent as the credential of a request"
    )]
    Leak {
        /// The secret option.
        setting: String,
        /// The place of the placeholder.
        place: String,
    },
    /// Nothing leaves unseen.
    #[error("the request is not sent, as it cannot be written into the audit log: {0}")]
    Unrecorded(String),
    /// The operator's own certificates.
    #[error(
        "the file that FORGEPORT_CA_FILE names cannot be used: {0}; it has to be a file of certificates in PEM or DER"
    )]
    Certificates(String),
    /// Nobody could be trusted.
    #[error(
        "no certificate of an authority is on this machine: install them (the package ca-certificates), or name a file of them with FORGEPORT_CA_FILE"
    )]
    NoAuthorities,
    /// The gate itself cannot be set up.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

impl EgressError {
    /// The gate itself kept the request from leaving.
    pub(crate) fn is_refusal(&self) -> bool {
        use EgressError::{Address, Elsewhere, Improper, Leak, Limit, Refused, Unrecorded};
        matches!(
            self,
            Refused(_) | Elsewhere { .. } | Improper(_) | Leak { .. } | Address(_) | Limit(_) | Unrecorded(_)
        )
    }

    /// The same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        matches!(self, EgressError::Unreachable { .. } | EgressError::Broken { .. })
    }
}

/// The guard's own refusal, which comes wrapped in the client's errors.
pub(crate) fn refused_address(error: &reqwest::Error) -> Option<AddressRefused> {
    find::<AddressRefused>(error).cloned()
}
