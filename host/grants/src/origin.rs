//! Where a request goes: scheme, host and port (RFC 6454).

use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};
use thiserror::Error;
use url::{Host, Url};

/// The schemes that a provider may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain, for loopback only.
    Http,
    /// With TLS.
    Https,
}

/// A scheme, a host in lower case and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// Not a URL at all.
    #[error(
        "{0:?} is no origin; write it like https://forge.example or https://forge.example:8443"
    )]
    NoUrl(String),
    /// Another scheme than http and https.
    #[error("the scheme {0:?} cannot be granted; an origin begins with https://")]
    Scheme(String),
    /// A user name or password, which must not be repeated.
    #[error("an origin has no user name or password; leave out what stands before the @")]
    UserInfo,
    /// More than scheme, host and port.
    #[error("an origin ends after host and port; leave out {0:?}")]
    More(String),
}

impl Origin {
    /// Reads `scheme://host[:port]`.
    ///
    /// # Errors
    /// When it is something else, or has more than that.
    pub fn parse(text: &str) -> Result<Origin, OriginError> {
        let unparsable = || {
            OriginError::NoUrl(if text.contains('@') {
                "…".into()
            } else {
                text.into()
            })
        };
        let url = Url::parse(text).map_err(|_| unparsable())?;
        let origin = Origin::of(&url)?;
        let rest = &url[url::Position::BeforePath..];
        if rest != "/" || text.contains('\\') {
            return Err(OriginError::More(rest.to_owned()));
        }
        if text.contains('*') {
            return Err(unparsable());
        }
        Ok(origin)
    }

    /// The origin of a URL, whatever its path and query.
    ///
    /// # Errors
    /// When the URL is of another scheme or carries a user name or password.
    pub fn of(url: &Url) -> Result<Origin, OriginError> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(OriginError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(OriginError::NoUrl(url.scheme().to_owned()));
        };
        Ok(Origin {
            scheme,
            host: host.to_owned(),
            port,
        })
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host; an IPv6 address stands in brackets.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The port, also where it is the scheme's own.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Is it this machine, by name or address?
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
            Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Origin::parse(text)
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        Origin::parse(&text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> String {
        origin.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_the_schemes_own_port_is_not_shown() {
        for (given, shown) in [
            ("https://Forge.Example", "https://forge.example"),
            ("https://forge.example:443/", "https://forge.example"),
            ("https://forge.example:8443", "https://forge.example:8443"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Origin::parse(given).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for wrong in [
            "forge.example",
            "https://",
            "ftp://forge.example",
            "https://forge.example/api",
            "https://forge.example?x",
            "https://forge.example#x",
            "https://*.example",
            "https://forge.example\\@evil.example",
            "https:forge.example\\",
            "",
        ] {
            assert!(Origin::parse(wrong).is_err(), "{wrong} passed");
        }
    }

    #[test]
    fn a_password_in_an_origin_is_refused_and_not_repeated() {
        for wrong in ["https://me:hunter2@forge.example", "https://me:hunter2@"] {
            assert!(
                !Origin::parse(wrong)
                    .unwrap_err()
                    .to_string()
                    .contains("hunter2")
            );
        }
    }

    #[test]
    fn only_loopback_is_loopback() {
        for (text, loopback) in [
            ("http://127.1.2.3", true),
            ("http://[::1]", true),
            ("http://localhost:1", true),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(
                Origin::parse(text).unwrap().is_loopback(),
                loopback,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_takes_it_takes_again(text in "\\PC{0,40}|https?://[a-z.:@/\\\\\\[\\]0-9]{0,30}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert_eq!(Origin::parse(&origin.to_string()).unwrap(), origin);
            }
        }
    }
}
