//! What is written down of every request, those that were refused too.

use crate::{EgressError, Permit, redact::Forms};
use forgeport_model::Origin;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use url::Url;

/// Longest path that is written down, in bytes.
const PATH: usize = 512;
/// Stands for what has a credential in it.
const HIDDEN: &str = "(hidden)";

/// Whose request it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The workspace; one for each user of a command line.
    pub tenant: String,
    /// The code repository's id.
    pub registration: String,
    /// The code repository's name.
    pub repository: String,
    /// The provider's name and version.
    pub provider: String,
    /// The SHA-256 of its component in hex.
    pub digest: String,
}

/// How a request ended, if it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is about to leave.
    InFlight,
    /// It left, and was answered.
    Answered,
    /// It left, or tried to, and there was no answer.
    Failed,
    /// The gate did not let it out.
    Refused,
}

/// One request: each redirect and each repetition is one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Milliseconds since 1970 (UTC).
    pub at: i64,
    /// The method, as far as it can be shown. It, the origin and the path are empty for a request beyond the limit of requests.
    pub method: String,
    /// Where to; a refused request may have had none.
    pub origin: String,
    /// The path, and of the query the keys only.
    pub path: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// Bytes of the request.
    pub sent: u64,
    /// Bytes of the answer that were read.
    pub received: u64,
    /// The names of the secret options that were sent.
    pub secrets: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which rule let it out, or why it did not leave.
    pub rule: String,
    /// The number that [`Auditor::leaving`] gave it.
    pub number: Option<u64>,
}

/// Keeps records.
pub trait Auditor: Send + Sync {
    /// Is told of a request before it leaves, so that it is known even if this process dies on the way. Must not wait.
    ///
    /// # Errors
    /// Why it cannot be written down: it does not leave then.
    fn leaving(&self, _caller: &Caller, _record: Record) -> Result<Option<u64>, String> {
        Ok(None)
    }

    /// Must not wait: it is called in the middle of requests.
    fn record(&self, caller: &Caller, record: Record);
}

/// Keeps nothing.
pub struct Unaudited;

impl Auditor for Unaudited {
    fn record(&self, _caller: &Caller, _record: Record) {}
}

impl Outcome {
    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::InFlight => "in-flight",
            Outcome::Answered => "answered",
            Outcome::Failed => "failed",
            Outcome::Refused => "refused",
        }
    }
}

/// A record that is written when it goes, whatever becomes of the request.
pub(crate) struct Entry {
    auditor: Arc<dyn Auditor>,
    caller: Arc<Caller>,
    forms: Arc<Forms>,
    pub(crate) record: Record,
}

impl Entry {
    pub(crate) fn new(permit: &Permit, method: &str, url: &Url) -> Entry {
        let placed = permit.placeholders.iter().any(|placeholder| placeholder.is_in(url.as_str().as_bytes()));
        let path = path_of(url);
        // Before it is cut: a part of a credential could be left.
        let hidden = placed || permit.forms().are_in(&path);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let record = Record {
            at: i64::try_from(at).unwrap_or(i64::MAX),
            method: method.chars().take(16).collect(),
            origin: Origin::of(url).map_or_else(|_| without_user(url), |origin| origin.to_string()),
            path: if hidden { HIDDEN.to_owned() } else { cut(path) },
            status: None,
            sent: 0,
            received: 0,
            secrets: Vec::new(),
            outcome: Outcome::Failed,
            rule: String::new(),
            number: None,
        };
        let (auditor, caller, forms) = (permit.auditor.clone(), permit.caller.clone(), permit.forms().clone());
        Entry { auditor, caller, forms, record }
    }

    /// Where to is not told: of requests beyond their limit there may be any number, each to another place.
    pub(crate) fn beyond_the_limit(&mut self) {
        let Record { method, origin, path, .. } = &mut self.record;
        for text in [method, origin, path] {
            text.clear();
        }
    }

    /// From here on something may have left.
    pub(crate) fn leaving(&mut self) -> Result<(), EgressError> {
        let record = Record { outcome: Outcome::InFlight, ..self.clean() };
        self.record.number = self.auditor.leaving(&self.caller, record).map_err(EgressError::Unrecorded)?;
        Ok(())
    }

    pub(crate) fn received(&mut self, bytes: u64) {
        self.record.received += bytes;
    }

    pub(crate) fn refused(&mut self, why: &impl ToString) {
        self.record.outcome = Outcome::Refused;
        self.record.rule = why.to_string();
    }

    /// A forge may have written what it was told into an address that it leads to.
    fn clean(&self) -> Record {
        let mut record = self.record.clone();
        for text in [&mut record.method, &mut record.origin, &mut record.path, &mut record.rule] {
            if self.forms.are_in(text) {
                HIDDEN.clone_into(text);
            }
        }
        record
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.auditor.record(&self.caller, self.clean());
    }
}

fn without_user(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Values in a query may be short-lived tokens, as in GitHub's redirect to an archive.
fn path_of(url: &Url) -> String {
    let keys: Vec<String> = url.query_pairs().map(|(key, _)| format!("{key}=...")).collect();
    match keys.is_empty() {
        true => url.path().to_owned(),
        false => format!("{}?{}", url.path(), keys.join("&")),
    }
}

fn cut(path: String) -> String {
    match path.char_indices().nth(PATH) {
        Some((end, _)) => format!("{}...", &path[..end]),
        None => path,
    }
}
