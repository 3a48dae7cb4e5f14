//! Requests, and what answers mean on most forges.

use serde::de::DeserializeOwned;

use crate::bindings::forgeport::code_repository::http::{Failure, Header};
use crate::{Error, Placement, Request, Response, SecretUse};

/// How much of the forge's own words goes into an error, in characters.
const MESSAGE_LIMIT: usize = 200;

impl Request {
    /// A request that reads.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), headers: Vec::new(), body: None, secret: None }
    }

    /// A request that sends a body; the provider has to ask for the method, see [`Need`](crate::Need).
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: "POST".into(), body: Some(body.into()), ..Self::get(url) }
    }

    /// With this secret option in this place, where the description's own rule does not fit. It has to be one that the description
    /// sends to this origin.
    #[must_use]
    pub fn secret(self, setting: &str, placement: Placement) -> Self {
        Self { secret: Some(SecretUse { setting: setting.into(), placement }), ..self }
    }

    /// With one more header. The host adds credentials, and refuses headers that would carry one.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }
}

/// Sends a request and takes whatever status comes.
///
/// # Errors
/// No answer came, see [`Error::from`].
pub fn send(request: &Request) -> Result<Response, Error> {
    #[cfg(target_arch = "wasm32")]
    let answer = crate::bindings::forgeport::code_repository::http::send(request);
    #[cfg(not(target_arch = "wasm32"))]
    let answer = crate::testing::send(request);
    answer.map_err(Error::from)
}

/// Asks for JSON. `what` was asked for, in words for a person, such as `the repository ada/demo`.
///
/// # Errors
/// No answer came, or one with another status than 200 (see [`Response::error`]) or that cannot be read.
pub fn json<T: DeserializeOwned>(request: &Request, what: &str) -> Result<T, Error> {
    send(request)?.json(what)
}

impl Response {
    /// A header's first value, its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |header: &&Header| header.name.eq_ignore_ascii_case(name);
        let found = self.headers.iter().find(named);
        found.map(|header| header.value.as_str())
    }

    /// Reads the body of an answer with status 200.
    ///
    /// # Errors
    /// Another status (see [`Response::error`]); [`Error::Unavailable`] for what is no such JSON.
    pub fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T, Error> {
        if self.status != 200 {
            return Err(self.error(what));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = self.header("content-type").unwrap_or("no content type");
            Error::Unavailable(format!(
                "{what}: the forge's answer ({kind}) cannot be read: {error}; check the URL options, or try again later"
            ))
        })
    }

    /// What the status means on most forges. A provider whose forge means something else looks at the status first.
    #[must_use]
    pub fn error(&self, what: &str) -> Error {
        let words = self.words();
        match self.status {
            200 => {
                let kind = self.header("content-type").unwrap_or("no content type");
                Error::Unavailable(format!(
                    "{what}: the forge answered with something else ({kind}); check the URL options, or try again later"
                ))
            }
            401 => Error::Unauthorized(format!(
                "{what}: the forge wants a credential or refuses the one it got ({words}); check the token"
            )),
            429 => self.rate_limited(what, &words),
            403 if self.is_rate_limit() => self.rate_limited(what, &words),
            403 => {
                Error::Forbidden(format!("{what}: the credential is not enough ({words}); check what the token may do"))
            }
            404 | 410 => Error::NotFound(format!("{what} does not exist, or the credential may not see it ({words})")),
            500.. => Error::Unavailable(format!("{what}: the forge has a problem ({words}); try again later")),
            _ => Error::Other(format!("{what}: the forge answered {words}")),
        }
    }

    /// Where the next page is, for a list that has one (RFC 8288).
    #[must_use]
    pub fn next_page(&self) -> Option<&str> {
        self.header("link")?.split(',').find_map(|link| {
            let (target, parameters) = link.split_once('>')?;
            let next = |part: &str| matches!(part.trim(), "rel=\"next\"" | "rel=next");
            let target = target.trim_start().strip_prefix('<')?;
            parameters.split(';').any(next).then_some(target)
        })
    }

    fn is_rate_limit(&self) -> bool {
        self.header("retry-after").is_some() || self.header("x-ratelimit-remaining") == Some("0")
    }

    fn rate_limited(&self, what: &str, words: &str) -> Error {
        let seconds = self.header("retry-after").and_then(|s| s.parse().ok());
        let text = format!("{what}: the forge asks to wait ({words})");
        Error::RateLimited((text, seconds))
    }

    /// The status, and the forge's own words where it has some.
    #[must_use]
    pub fn words(&self) -> String {
        let Some(message) = message(&self.body) else {
            return self.status.to_string();
        };
        let plain = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = plain.chars().take(MESSAGE_LIMIT).collect();
        format!("{}: {short}", self.status)
    }
}

/// The members that GitHub, GitLab, Gitea, Bitbucket and OAuth put their words in.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let known = [&body["message"], &body["error"]["message"], &body["error_description"], &body["error"]];
    let found = known.into_iter().find_map(|value| value.as_str());
    found.map(String::from)
}

impl From<Failure> for Error {
    /// The host's own words are passed on.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(text) | Failure::Limit(text) => Self::Host(text),
            Failure::Unreachable(text) => Self::Unavailable(text),
            Failure::RateLimited(wait) => Self::RateLimited(wait),
        }
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
