//! Requests, and reading their answers.

use forgeport_answer::{page, short};
use serde::de::DeserializeOwned;

use crate::bindings::forgeport::code_repository::http::{Failure, Header};
use crate::{Asked, Error, Placement, Request, Response, SecretUse};

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

/// Asks for JSON.
///
/// # Errors
/// No answer came, or one with another status than 200 (see [`Response::error`]) or that cannot be read.
pub fn json<T: DeserializeOwned>(request: &Request, asked: &Asked) -> Result<T, Error> {
    send(request).map_err(|error| asked.limited(error))?.json(asked)
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
    /// Another status, or a page for people (see [`Response::error`]); [`Error::Unavailable`] for what is no such JSON.
    pub fn json<T: DeserializeOwned>(&self, asked: &Asked) -> Result<T, Error> {
        let kind = self.header("content-type");
        if self.status != 200 || page(kind, &self.body).is_some() {
            return Err(self.error(asked));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let (what, kind) = (asked.what(), short(kind.unwrap_or("no content type")));
            Error::Unavailable(format!(
                "{what}: the forge's answer ({kind}) cannot be read: {error}; check the URL options, or try again later"
            ))
        })
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
