//! The audit record of one request while it is under way. It is written when the guard is dropped, so that no return and no panic
//! loses it, and without any part of a credential: what a forge was sent may come back in an address that it leads to.

use crate::{
    EgressError,
    audit::{Auditor, Caller, Outcome, Record},
    redact::Forms,
    session::Session,
};
use forgeport_model::Origin;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use url::Url;

/// Longest path that is written down, in characters: of longer ones the beginning tells what was asked for.
const PATH: usize = 512;
/// Stands for what has a credential in it.
const HIDDEN: &str = "(hidden)";

/// A record that is written when it is dropped, whatever becomes of the request.
pub(crate) struct RecordGuard {
    auditor: Arc<dyn Auditor>,
    caller: Arc<Caller>,
    forms: Arc<Forms>,
    pub(crate) record: Record,
}

impl RecordGuard {
    pub(crate) fn new(session: &Session, method: &str, url: &Url) -> RecordGuard {
        let placed = session.placeholders.iter().any(|placeholder| placeholder.is_in(url.as_str().as_bytes()));
        let path = path_of(url);
        // Before it is cut: a part of a credential could be left.
        let hidden = placed || session.forms().are_in(&path);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let record = Record {
            at: i64::try_from(at).unwrap_or(i64::MAX),
            method: method.chars().take(16).collect(),
            origin: Origin::of(url).map_or_else(|_| without_user_info(url), |origin| origin.to_string()),
            path: if hidden { HIDDEN.to_owned() } else { shortened(path) },
            status: None,
            sent: 0,
            received: 0,
            secrets: Vec::new(),
            outcome: Outcome::Failed,
            rule: String::new(),
            number: None,
        };
        let (auditor, caller, forms) = (session.auditor.clone(), session.caller.clone(), session.forms().clone());
        RecordGuard { auditor, caller, forms, record }
    }

    /// Leaves out where it leads: of requests beyond their limit there may be any number, each to another place.
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

    /// The record without any part of a credential: a forge may have written what it was sent into an address that it leads to.
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

impl Drop for RecordGuard {
    fn drop(&mut self) {
        self.auditor.record(&self.caller, self.clean());
    }
}

fn without_user_info(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Values in a query may be short-lived tokens, as in GitHub's redirect to an archive.
fn path_of(url: &Url) -> String {
    let keys: Vec<String> = url.query_pairs().map(|(key, _)| format!("{key}=...")).collect();
    if keys.is_empty() { url.path().to_owned() } else { format!("{}?{}", url.path(), keys.join("&")) }
}

fn shortened(path: String) -> String {
    match path.char_indices().nth(PATH) {
        Some((end, _)) => format!("{}...", &path[..end]),
        None => path,
    }
}
