//! What one call of one provider may do on the network.

use crate::{
    audit::{Auditor, Caller, Unaudited},
    placeholder::Placeholder,
    redact::Forms,
    usage::Usage,
};
use forgeport_grants::{Authority, Limits, Origin, Placement};
use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// A credential's value. It is wiped when dropped, and nothing shows it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// A secret with the only place it is sent to.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The option that it was given as.
    pub setting: String,
    /// The only origin.
    pub origin: Origin,
    /// Where in the request, unless the request itself says so.
    pub placement: Placement,
    /// It holds for a secret that begins with each of these, and is not sent otherwise.
    pub beginnings: Vec<String>,
    /// What.
    pub secret: Secret,
}

/// What one call may do.
#[derive(Clone)]
pub struct Permit {
    /// Whose call it is.
    pub caller: Arc<Caller>,
    /// Where its requests may go.
    pub authority: Authority,
    /// What is sent along; the first whose origin matches counts.
    pub credentials: Vec<Credential>,
    /// What the provider has in the place of secrets.
    pub placeholders: Vec<Placeholder>,
    /// When everything ends, waiting included.
    pub deadline: Instant,
    /// What may still be used, and what has been.
    pub usage: Usage,
    /// Who is told of waits.
    pub notices: Arc<dyn Notices>,
    /// Who writes down every request.
    pub auditor: Arc<dyn Auditor>,
    /// The forms in which the credentials may come back, found when they are first needed.
    pub forms: KnownForms,
}

/// See [`Permit::forms`].
#[derive(Clone, Debug, Default)]
pub struct KnownForms(Arc<OnceLock<Arc<Forms>>>);

impl Permit {
    /// A permit without credentials, of which nobody is told and nothing is written down: whoever wants that adds it.
    pub fn new(authority: Authority, limits: Limits, deadline: Instant) -> Permit {
        Permit {
            caller: Arc::default(),
            authority,
            credentials: Vec::new(),
            placeholders: Vec::new(),
            deadline,
            usage: Usage::new(limits),
            notices: Arc::new(Quiet),
            auditor: Arc::new(Unaudited),
            forms: KnownForms::default(),
        }
    }

    /// What may be sent to an origin; the first counts, unless the request names another.
    pub(crate) fn credentials_for(&self, origin: &Origin) -> impl Iterator<Item = &Credential> {
        self.credentials.iter().filter(move |credential| credential.origin == *origin && credential.holds())
    }

    pub(crate) fn forms(&self) -> &Arc<Forms> {
        self.forms.0.get_or_init(|| Arc::new(Forms::of(self)))
    }
}

impl Credential {
    fn holds(&self) -> bool {
        self.beginnings.iter().all(|beginning| self.secret.expose().starts_with(beginning))
    }
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
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
