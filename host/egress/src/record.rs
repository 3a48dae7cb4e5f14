//! The audit record of one request while it is under way. It is written when the guard is dropped, so that no return and no panic
//! loses it, and without any part of a credential: what a forge was sent may come back in an address that it leads to.

use crate::{EgressError, audit::Auditor, redact::Forms, session::Session};
use forgeport_model::{AuditContext, AuditEvent, AuditRecord, AuditedRequest, Origin, Outcome};
use std::sync::Arc;
use url::Url;

/// Longest path that is written down, in characters: of longer ones the beginning tells what was asked for.
const PATH: usize = 512;
/// Stands for what has a credential in it.
const HIDDEN: &str = "(hidden)";

/// A record that is written when it is dropped, whatever becomes of the request.
pub(crate) struct RecordGuard {
    auditor: Arc<dyn Auditor>,
    forms: Arc<Forms>,
    /// Its id, time and context.
    record: AuditRecord,
    pub(crate) request: AuditedRequest,
}

impl RecordGuard {
    pub(crate) fn new(session: &Session, method: &str, url: &Url) -> RecordGuard {
        let placed = session.placeholders.iter().any(|placeholder| placeholder.is_in(url.as_str().as_bytes()));
        let path = path_of(url);
        // Before it is cut: a part of a credential could be left.
        let hidden = placed || session.forms().are_in(&path);
        let request = AuditedRequest {
            method: method.chars().take(16).collect(),
            origin: Origin::of(url).map_or_else(|_| without_user_info(url), |origin| origin.to_string()),
            path: if hidden { HIDDEN.to_owned() } else { shortened(path) },
            status: None,
            sent: 0,
            received: 0,
            secrets: Vec::new(),
            outcome: Outcome::Failed,
            rule: String::new(),
        };
        let record = AuditRecord::now(AuditContext::clone(&session.context), AuditEvent::Request(request.clone()));
        RecordGuard { auditor: session.auditor.clone(), forms: session.forms(), record, request }
    }

    /// Leaves out where it leads: of requests beyond their limit there may be any number, each to another place.
    pub(crate) fn beyond_the_limit(&mut self) {
        let AuditedRequest { method, origin, path, .. } = &mut self.request;
        for text in [method, origin, path] {
            text.clear();
        }
    }

    /// Records that the request leaves. After this call some of it may have left.
    pub(crate) fn leaving(&mut self) -> Result<(), EgressError> {
        let request = AuditedRequest { outcome: Outcome::InFlight, ..self.clean() };
        self.auditor.leaving(&self.record_of(request)).map_err(EgressError::Unrecorded)
    }

    pub(crate) fn received(&mut self, bytes: u64) {
        self.request.received += bytes;
    }

    pub(crate) fn refused(&mut self, why: &impl ToString) {
        self.request.outcome = Outcome::Refused;
        self.request.rule = why.to_string();
    }

    fn record_of(&self, request: AuditedRequest) -> AuditRecord {
        AuditRecord { event: AuditEvent::Request(request), ..self.record.clone() }
    }

    /// The request without any part of a credential: a forge may have written what it was sent into an address that it leads to.
    fn clean(&self) -> AuditedRequest {
        let mut request = self.request.clone();
        for text in [&mut request.method, &mut request.origin, &mut request.path, &mut request.rule] {
            if self.forms.are_in(text) {
                HIDDEN.clone_into(text);
            }
        }
        request
    }
}

impl Drop for RecordGuard {
    fn drop(&mut self) {
        self.auditor.record(self.record_of(self.clean()));
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
