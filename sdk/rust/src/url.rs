//! URLs: a base that a person gave, and what is built under it.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986, section 2.3, calls unreserved stays as it is; everything else is encoded, a slash too.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL that others are built under: an origin, and maybe a path that all of them start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `https` or `http`.
    pub scheme: String,
    /// Lower case; an IPv6 address in brackets.
    pub host: String,
    /// Nothing where it is the scheme's own.
    pub port: Option<u16>,
    /// Without slashes around it; empty for none.
    pub prefix: String,
}

impl Base {
    /// Reads `https://host[:port][/prefix]`.
    ///
    /// # Errors
    /// What is wrong with it, and what it should look like.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "it is a URL such as https://forge.example or https://forge.example/prefix";
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "https" | "http") {
            return Err(FORM);
        }
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err("it has a user name or password in it; give a token as an option instead");
        }
        if prefix.contains(|c: char| c.is_control() || c.is_whitespace() || "?#\\".contains(c)) {
            return Err("it has a query, a fragment or a space in it; leave these out");
        }
        let (host, port) = split_port(authority).ok_or(FORM)?;
        let own = if scheme == "https" { 443 } else { 80 };
        Ok(Self { host, port: port.filter(|port| *port != own), prefix: prefix.trim_matches('/').into(), scheme })
    }

    /// The same scheme with another `host[:port]`, and no prefix.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn with_host(&self, authority: &str) -> Result<Self, &'static str> {
        let form = "it is a host such as forge.example, with :port where it has an unusual one";
        if authority.contains('/') {
            return Err(form);
        }
        Self::parse(&format!("{}://{authority}", self.scheme)).map_err(|_| form)
    }

    /// A URL below this one. Every segment is encoded, so that a slash within one does not part it.
    pub fn join<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Url {
        Url(self.to_string()).join(segments)
    }
}

impl fmt::Display for Base {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(out, ":{port}")?;
        }
        if !self.prefix.is_empty() {
            write!(out, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

/// A URL that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// A URL below this one, which has no query. Every segment is encoded, so that a slash within one does not part it.
    #[must_use]
    pub fn join<S: AsRef<str>>(mut self, segments: impl IntoIterator<Item = S>) -> Self {
        for segment in segments {
            self.0.push('/');
            self.0.push_str(&encode(segment.as_ref()));
        }
        self
    }

    /// With one more `name=value`.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(&encode(name));
        self.0.push('=');
        self.0.push_str(&encode(value));
        self
    }

    /// With a query that is encoded already, in place of any other.
    #[must_use]
    pub fn raw_query(self, query: &str) -> Self {
        let path = self.0.split('?').next().unwrap_or_default();
        Self(format!("{path}?{query}"))
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.0
    }
}

fn encode(segment: &str) -> String {
    // A URL parser takes these for steps, encoded or not. Nothing has such a name, so the forge is asked for another that nothing has.
    if matches!(segment, "." | "..") {
        return segment.replace('.', "%252E");
    }
    utf8_percent_encode(segment, RESERVED).to_string()
}

fn split_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (bracketed && "[:]".contains(c));
    let good = !host.is_empty() && host.chars().all(plain);
    good.then(|| (host.to_ascii_lowercase(), port))
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
