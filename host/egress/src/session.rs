//! The session of a registration: its authority and its credentials. A session serves any number of calls; the budget and the deadline of
//! one call are in its [`Call`](crate::Call).

use crate::{
    audit::{Auditor, Unaudited},
    placeholder::Placeholder,
    redact::Forms,
    secret::Credential,
};
use forgeport_model::{AuditContext, Authority, Origin};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The session of a provider, the same in each of its calls.
#[derive(Clone)]
pub struct Session {
    /// Whose calls they are, as it is recorded.
    pub context: Arc<AuditContext>,
    /// The authority: where requests may be sent.
    pub authority: Authority,
    /// The credentials; the first whose origin matches is used.
    pub credentials: Vec<Credential>,
    /// The placeholders that the provider gets for secrets.
    pub placeholders: Vec<Placeholder>,
    /// Writes down every request.
    pub auditor: Arc<dyn Auditor>,
    /// The credentials that were not taken.
    pub unauthorized: Unauthorized,
    /// The forms in which the credentials may come back, found when they are first needed.
    pub forms: KnownForms,
}

/// The secret options whose credentials an origin answered with 401, "Unauthorized". Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Unauthorized(Arc<Mutex<BTreeSet<String>>>);

impl Unauthorized {
    pub(crate) fn add(&self, settings: &[String]) {
        self.settings().extend(settings.iter().cloned());
    }

    /// Returns them, once.
    #[must_use]
    pub fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.settings())
    }

    fn settings(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Session::forms`]; those of all credentials, and those of the ones that an origin is sent.
#[derive(Debug, Default)]
pub struct KnownForms(Mutex<Vec<Known>>);

type Known = (Option<Origin>, Arc<Forms>);

impl Session {
    /// A session without credentials, of which no request is written down: set `credentials` and `auditor` for that.
    #[must_use]
    pub fn new(authority: Authority) -> Session {
        Session {
            context: Arc::default(),
            authority,
            credentials: Vec::new(),
            placeholders: Vec::new(),
            auditor: Arc::new(Unaudited),
            unauthorized: Unauthorized::default(),
            forms: KnownForms::default(),
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
    /// server which of its guesses is masked, and with it a password that it was never sent.
    pub(crate) fn forms_from(&self, origin: &Origin) -> Arc<Forms> {
        // Most origins are sent none, and with a wildcard there may be any number of them.
        match self.credentials_for(origin).next() {
            Some(_) => self.forms.get_or_find(Some(origin), || Forms::of(self.credentials_for(origin))),
            None => Arc::default(),
        }
    }
}

/// A clone of a session may get other credentials, so it finds their forms anew.
impl Clone for KnownForms {
    fn clone(&self) -> KnownForms {
        KnownForms::default()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Secret;
    use forgeport_model::Placement;

    #[test]
    fn a_clone_with_another_credential_looks_for_that_one() {
        let credential = |secret: &str| Credential {
            setting: "token".into(),
            origin: Origin::parse("https://forge.example").unwrap(),
            placement: Placement::Bearer,
            beginnings: Vec::new(),
            secret: Secret::new(secret.to_owned().into()),
        };
        let one = Session { credentials: vec![credential("first-secret")], ..Session::new(Authority::default()) };
        assert_eq!(one.redact("first-secret, other-secret"), "********, other-secret");
        let other = Session { credentials: vec![credential("other-secret")], ..one.clone() };
        assert_eq!(other.redact("first-secret, other-secret"), "first-secret, ********");
    }
}
