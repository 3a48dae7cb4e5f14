//! What one call of one provider may do on the network.

use forgeport_grants::{Grants, Origin, Placement};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// A credential's value. It is wiped when dropped, and nothing shows it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// A secret with the only place it is sent to.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The only origin.
    pub origin: Origin,
    /// Where in the request.
    pub placement: Placement,
    /// What.
    pub secret: Secret,
}

/// What one call may do.
#[derive(Clone)]
pub struct Permit {
    /// Where its requests may go.
    pub grants: Grants,
    /// What is sent along; the first whose origin matches counts.
    pub credentials: Vec<Credential>,
    /// When everything ends, waiting included.
    pub deadline: Instant,
    /// Longest body, in bytes, of an answer that is kept in memory.
    pub body: usize,
    /// Who is told of waits.
    pub notices: Arc<dyn Notices>,
}

/// Is told what a person would want to know while nothing seems to happen.
pub trait Notices: Send + Sync {
    /// Nothing will happen for this long.
    fn waiting(&self, why: &str, how_long: Duration);
}

/// Tells nobody.
pub struct Quiet;

impl Notices for Quiet {
    fn waiting(&self, _why: &str, _how_long: Duration) {}
}

impl Secret {
    /// Takes a credential's value.
    pub fn new(value: Zeroizing<String>) -> Secret {
        Secret(value)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
