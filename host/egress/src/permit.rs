//! What one call of one provider may do on the network.

use crate::{
    audit::{Auditor, Caller, Unaudited},
    placeholder::Placeholder,
    redact::Forms,
    secret::Credential,
    usage::Usage,
};
use forgeport_model::{Authority, Limits, Origin};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

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
    /// The credentials that were not taken.
    pub unauthorized: Unauthorized,
}

/// The secret options whose credentials an origin answered with 401, "Unauthorized". Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Unauthorized(Arc<Mutex<BTreeSet<String>>>);

impl Unauthorized {
    pub(crate) fn add(&self, settings: &[String]) {
        self.settings().extend(settings.iter().cloned());
    }

    /// Tells them once.
    #[must_use]
    pub fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.settings())
    }

    fn settings(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Permit::forms`]; those of all credentials, and those of the ones that an origin is sent.
#[derive(Clone, Debug, Default)]
pub struct KnownForms(Arc<Mutex<Vec<Known>>>);

type Known = (Option<Origin>, Arc<Forms>);

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
            unauthorized: Unauthorized::default(),
        }
    }

    /// What an origin may be sent; the first counts, unless the request names another. Nothing else can come back from there.
    pub(crate) fn credentials_for(&self, origin: &Origin) -> impl Iterator<Item = &Credential> {
        self.credentials.iter().filter(move |credential| credential.origin == *origin && credential.holds())
    }

    /// A text for a person, without any part of any credential that is long enough to be recognised: excerpts cut them in two.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.forms().mask_pieces(text)
    }

    /// The forms of all credentials: what a person reads has none of them.
    pub(crate) fn forms(&self) -> Arc<Forms> {
        self.forms.get_or_find(None, || Forms::of(self.credentials.iter()))
    }

    /// The forms of those that an origin is sent: what a provider can read back is searched for no others. It would learn from its own
    /// server which of its guesses is masked, and with it a password that it was never told.
    pub(crate) fn forms_from(&self, origin: &Origin) -> Arc<Forms> {
        // Most origins are sent none, and with a wildcard there may be any number of them.
        match self.credentials_for(origin).next() {
            Some(_) => self.forms.get_or_find(Some(origin), || Forms::of(self.credentials_for(origin))),
            None => Arc::default(),
        }
    }
}

impl KnownForms {
    fn get_or_find(&self, origin: Option<&Origin>, find: impl FnOnce() -> Forms) -> Arc<Forms> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, forms)) = known.iter().find(|(of, _)| of.as_ref() == origin) {
            return forms.clone();
        }
        let forms = Arc::new(find());
        known.push((origin.cloned(), forms.clone()));
        forms
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
