//! Origins: scheme, host and port, to which a request is sent (RFC 6454).

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

/// The schemes of requests that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In clear; granted on this machine only.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// The scheme as a URL has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where a URL names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A scheme, a host and a port. Grants and credentials are for origins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Why a text or a URL names no origin. No variant contains what may be a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// No `http://` or `https://` in front.
    #[error("an origin begins with `https://` (or `http://` on loopback): write one like `https://api.github.com`")]
    Scheme,
    /// User name or password.
    #[error(
        "an origin has no user name or password in it: leave out everything up to the `@`, and give the credential as an option"
    )]
    UserInfo,
    /// A path, a query or a fragment.
    #[error("an origin has no {what} after the host: write `{right}`")]
    Extra {
        /// `path`, `query` or `fragment`.
        what: &'static str,
        /// The text without it.
        right: String,
    },
    /// A `*`.
    #[error(
        "an origin has no wildcard, except `*.` as the first label of a pattern: name the host, like `https://api.github.com`"
    )]
    Wildcard,
    /// A `*.` before a name whose subdomains belong to strangers.
    #[error(
        "`*.` cannot be written before {0}, whose subdomains belong to many owners; write a pattern like `https://*.example.com`"
    )]
    PublicSuffix(String),
    /// White space, control characters, backslashes or percent signs.
    #[error("an origin has no {0} in it: write one like `https://api.github.com`")]
    Character(String),
    /// The host or the port cannot be read.
    #[error("the host or the port of the origin cannot be read ({0}): write one like `https://git.example.com:8443`")]
    Authority(String),
}

impl Origin {
    /// Parses `scheme://host[:port]`; a `/` at the end is accepted.
    ///
    /// # Errors
    /// The error of the text, and the right form of an origin.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(OriginError::Scheme);
        }
        if rest.contains('@') {
            return Err(OriginError::UserInfo);
        }
        refuse_characters(rest)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, extra) = rest.split_at(end);
        if let Some(what) = name_of_extra(extra) {
            return Err(OriginError::Extra { what, right: format!("{scheme}://{authority}") });
        }
        if authority.contains('*') {
            return Err(OriginError::Wildcard);
        }
        if authority.is_empty() || authority.ends_with(':') {
            return Err(OriginError::Authority("it is empty".into()));
        }
        let url = Url::parse(text).map_err(|error| OriginError::Authority(error.to_string()))?;
        Self::of(&url)
    }

    /// The origin that a request with this URL is sent to; path, query and fragment do not matter.
    ///
    /// # Errors
    /// When the URL has user information, no host, or a scheme that is neither `http` nor `https`.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(OriginError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        let host = url.host_str().ok_or_else(|| OriginError::Authority("there is no host".into()))?;
        let port = url.port().unwrap_or(scheme.default_port());
        if port == 0 {
            return Err(OriginError::Authority("port 0 cannot be reached".into()));
        }
        Ok(Self { scheme, host: host.to_owned(), port })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case; an IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where it is the scheme's default.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host as an address; none where it is a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match Host::parse(&self.host) {
            Ok(Host::Ipv4(address)) => Some(address.into()),
            Ok(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        }
    }

    /// True if the host is this machine: 127.0.0.0/8, `::1` or the name `localhost` (RFC 6761, section 6.3).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }
}

// The `url` crate repairs these silently (it drops tabs, turns `\` into `/`, decodes `%`), so that two readers could see two hosts.
fn refuse_characters(rest: &str) -> Result<(), OriginError> {
    let refused = |c: char| c.is_whitespace() || crate::names::text::deceives(c) || matches!(c, '\\' | '%');
    match rest.chars().find(|c| refused(*c)) {
        Some(character) => Err(OriginError::Character(crate::names::text::quote_untrusted(&character.to_string()))),
        None => Ok(()),
    }
}

fn name_of_extra(extra: &str) -> Option<&'static str> {
    match extra.as_bytes() {
        [] | [b'/'] => None,
        [b'?', ..] => Some("query"),
        [b'#', ..] => Some("fragment"),
        _ => Some("path"),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, shown) in [
            ("https://api.github.com", "https://api.github.com"),
            ("HTTPS://API.GitHub.com/", "https://api.github.com"),
            ("https://api.github.com:443", "https://api.github.com"),
            ("https://git.example.com:8443", "https://git.example.com:8443"),
            ("http://localhost:80", "http://localhost"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("http://0x7f.1", "http://127.0.0.1"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(text).to_string(), shown);
        }
    }

    #[test]
    fn whatever_is_more_than_an_origin_is_refused_with_a_right_one() {
        for (text, part) in [
            ("https://h/api/v3", "no path after the host: write `https://h`"),
            ("https://h:8443//", "no path after the host: write `https://h:8443`"),
            ("https://h?q", "no query after the host: write `https://h`"),
            ("https://h#f", "no fragment"),
            ("https://*.github.com", "no wildcard"),
            ("https://me:pw@h", "no user name or password"),
            ("https://h/@x", "no user name or password"),
            ("ftp://h", "begins with `https://`"),
            ("github.com", "begins with `https://`"),
            ("https:github.com", "begins with `https://`"),
            (" https://h", "begins with `https://`"),
            ("https://h\t.evil", "no `\\t` in it"),
            ("https://h\\evil", "no `\\` in it"),
            ("https://h%2eevil", "no `%` in it"),
            ("https://", "it is empty"),
            ("https:///h", "no path"),
            ("https://h:", "it is empty"),
            ("https://h:0", "port 0"),
            ("https://h:65536", "invalid port number"),
            ("https://[::1", "invalid IPv6 address"),
        ] {
            let error = Origin::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?} gives: {error}");
            assert!(!error.contains('\n') && !error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_url_gives_its_origin_without_path_and_query() {
        let of = |url: &str| Origin::of(&Url::parse(url).unwrap());
        assert_eq!(of("https://h:8443/a/b?c=d#e").unwrap().to_string(), "https://h:8443");
        assert_eq!(of("https://user@h/"), Err(OriginError::UserInfo));
        assert_eq!(of("https://:pw@h/"), Err(OriginError::UserInfo));
        assert_eq!(of("file:///etc/passwd"), Err(OriginError::Scheme));
        assert_eq!(of("data:,x"), Err(OriginError::Scheme));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for here in ["http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]", "http://LOCALHOST:8080"] {
            assert!(parse(here).is_loopback(), "{here}");
        }
        for away in [
            "http://128.0.0.1",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://[::2]",
            "http://0.0.0.0",
            "http://notlocalhost",
        ] {
            assert!(!parse(away).is_loopback(), "{away}");
        }
    }

    #[test]
    fn an_origin_is_stored_as_its_text() {
        let origin = parse("https://h:8443");
        let json = serde_json::to_string(&origin).unwrap();
        assert_eq!(json, "\"https://h:8443\"");
        assert_eq!(serde_json::from_str::<Origin>(&json).unwrap(), origin);
        assert!(serde_json::from_str::<Origin>("\"https://h/path\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_an_origin_or_an_error_and_an_origin_reads_back(text in "(https?://)?[a-zA-Z0-9.:/@\\[\\]%*?# \\\\ü。-]{0,24}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert_eq!(Origin::parse(&origin.to_string()), Ok(origin));
            }
        }

        #[test]
        fn no_text_whatsoever_makes_it_panic(text in any::<String>()) {
            let _ = Origin::parse(&text);
            let _ = Origin::parse(&format!("https://{text}"));
        }

        #[test]
        fn text_before_an_at_sign_is_never_repeated(secret in "S3cr[a-z]{8}", tail in "[a-z./:]{0,8}") {
            let error = Origin::parse(&format!("https://me:{secret}@{tail}")).unwrap_err();
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&secret));
        }
    }
}
