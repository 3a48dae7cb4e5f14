//! Stands in for the host in native tests. What is prepared belongs to the test's own thread, so tests may run side by side.

use std::cell::RefCell;

use crate::bindings::forgeport::code_repository::http::{Failure, Header};
use crate::{Commit, Error, Provider, Request, Response};

thread_local! {
    static ANSWERS: RefCell<Vec<(String, Response)>> = const { RefCell::new(Vec::new()) };
    static ASKED: RefCell<Vec<Request>> = const { RefCell::new(Vec::new()) };
}

/// From now on, a request for this URL gets this answer.
pub fn answer(url: &str, status: u16, body: &str) {
    answer_with(url, response(status, &[], body));
}

/// From now on, a request for this URL gets this answer.
pub fn answer_with(url: &str, response: Response) {
    ANSWERS.with_borrow_mut(|answers| answers.insert(0, (url.into(), response)));
}

/// An answer to prepare, or to ask the meaning of.
#[must_use]
pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let header = |(name, value): &(&str, &str)| Header { name: (*name).into(), value: (*value).into() };
    Response { status, headers: headers.iter().map(header).collect(), body: body.into() }
}

/// The URLs that were asked for so far, in order.
#[must_use]
pub fn asked() -> Vec<String> {
    ASKED.with_borrow(|asked| asked.iter().map(|request| request.url.clone()).collect())
}

/// [`Provider::resolve`] with the SDK's checks around it, as the host calls it.
///
/// # Errors
/// As the provider, and what the checks find.
pub fn resolve<P: Provider>(provider: &P, revision: &str) -> Result<Commit, Error> {
    crate::component::resolve(provider, revision)
}

pub(crate) fn send(request: &Request) -> Result<Response, Failure> {
    ASKED.with_borrow_mut(|asked| asked.push(request.clone()));
    ANSWERS.with_borrow(|answers| {
        let prepared = answers.iter().find(|(url, _)| *url == request.url);
        let missing = || Failure::Refused(format!("no answer is prepared for {}", request.url));
        prepared.map(|(_, answer)| answer.clone()).ok_or_else(missing)
    })
}

/// An error as a person reads it, after its kind: a table of answers and of what they mean holds these lines.
#[must_use]
pub fn line(error: &Error) -> String {
    let (kind, text) = match error {
        Error::Unauthorized(text) => ("unauthorized", text),
        Error::Forbidden(text) => ("forbidden", text),
        Error::NotFound(text) => ("not found", text),
        Error::RateLimited((text, _)) => ("rate limited", text),
        Error::InvalidOption((name, text)) => return format!("invalid --{name}: {text}"),
        Error::Unsupported(text) => ("unsupported", text),
        Error::Unavailable(text) => ("unavailable", text),
        Error::Host(text) => ("host", text),
        Error::Other(text) => ("other", text),
    };
    format!("{kind}: {text}")
}
