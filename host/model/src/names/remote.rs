//! The URL of a checkout's remote, parsed by git's rules (`git help clone`, "GIT URLS"; RFC 3986).

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use super::host::{self, HostError};

/// The protocol by which git reaches a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteScheme {
    /// With TLS.
    Https,
    /// In clear.
    Http,
    /// `ssh://`, `git+ssh://`, `ssh+git://` and `host:path`.
    Ssh,
    /// Git's own protocol, in clear.
    Git,
}

impl RemoteScheme {
    /// The name by which providers know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Git => "git",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
            Self::Git => 9418,
        }
    }
}

/// The URL of a remote that a forge could serve. User information is not kept: it may be a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    scheme: RemoteScheme,
    host: String,
    port: Option<u16>,
    path: String,
}

/// Why a text names no remote on a forge. No variant contains any of the text, which may have a password in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// A path on this machine or a `file://` URL.
    #[error(
        "the remote is a local path: no forge serves it; a remote of a forge looks like `https://host/owner/repository`"
    )]
    Local,
    /// `ftp://`, a remote helper (`ext::...`) or an unknown scheme.
    #[error("the remote's scheme is not one of https, http, ssh, git, git+ssh and ssh+git: use one of them")]
    Scheme,
    /// Backslashes or control characters, at which programs disagree about the host.
    #[error("the remote's URL has a backslash or a control character in it: write it without")]
    Character,
    /// More than one `@`, or one where only a path can be.
    #[error(
        "the remote's URL has an `@` where it can be read in two ways: write `https://host/path`, or encode it as `%40`"
    )]
    UserInfo,
    /// The host cannot be read.
    #[error("the remote's host cannot be read: {0}")]
    Host(#[from] HostError),
    /// The port is no number from 1 to 65535.
    #[error("the remote's port is not a number from 1 to 65535: correct it or leave it out")]
    Port,
    /// A query or a fragment.
    #[error("the remote's URL has a query or a fragment (`?`, `#`): leave it out")]
    Extra,
    /// There is no path after the host.
    #[error("the remote's URL names no repository: add its path after the host")]
    NoPath,
    /// `.` or `..`, encoded or not.
    #[error("the remote's path has a `.` or `..` between its slashes: write the path without")]
    Dots,
    /// A percent sign without two hex digits, or an encoded slash, backslash, control character or text that is not UTF-8.
    #[error(
        "the remote's path has a percent encoding that is broken, or that hides a slash, backslash or control character: correct it"
    )]
    Encoding,
}

impl RemoteUrl {
    /// Parses a remote's URL, as git would after `insteadOf`.
    ///
    /// Schemes and hosts are accepted in any case. Repeated slashes are one, as web servers in front of forges treat them, since no
    /// repository has an empty name; one `.git` at the end is removed.
    ///
    /// # Errors
    /// When it is a local path, no URL of git's, or can be read in more than one way.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        if text.contains(|c: char| c == '\\' || c.is_control()) {
            return Err(if is_drive(text) { RemoteError::Local } else { RemoteError::Character });
        }
        match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => Self::from_url(scheme, rest),
            _ => Self::from_scp(text),
        }
    }

    fn from_url(scheme: &str, rest: &str) -> Result<Self, RemoteError> {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => RemoteScheme::Https,
            "http" => RemoteScheme::Http,
            "ssh" | "git+ssh" | "ssh+git" => RemoteScheme::Ssh,
            "git" => RemoteScheme::Git,
            "file" => return Err(RemoteError::Local),
            _ => return Err(RemoteError::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(RemoteError::Extra);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(without_user(authority)?)?;
        let segments: Vec<String> = path.split('/').map(decoded).collect::<Result<_, _>>()?;
        Self::new(scheme, host, port, segments.iter().map(String::as_str))
    }

    fn from_scp(text: &str) -> Result<Self, RemoteError> {
        if is_helper(text) {
            return Err(RemoteError::Scheme);
        }
        let (place, path) = split_scp(text)?;
        // `user:password@host/path` is what remains when somebody forgets `https://`; git would take the password for a path.
        if path.split('/').next().is_some_and(|first| first.contains('@')) {
            return Err(RemoteError::UserInfo);
        }
        let (host, port) = host_and_port(place)?;
        Self::new(RemoteScheme::Ssh, host, port, path.split('/'))
    }

    fn new<'a>(
        scheme: RemoteScheme,
        host: &str,
        port: Option<u16>,
        segments: impl Iterator<Item = &'a str>,
    ) -> Result<Self, RemoteError> {
        let mut segments: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
        if let Some(last) = segments.last_mut() {
            *last = last.strip_suffix(".git").filter(|name| !name.is_empty()).unwrap_or(last);
        }
        if segments.is_empty() {
            return Err(RemoteError::NoPath);
        }
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err(RemoteError::Dots);
        }
        let port = port.filter(|port| *port != scheme.default_port());
        Ok(Self { scheme, host: host::normal(host)?, port, path: segments.join("/") })
    }

    /// The protocol.
    #[must_use]
    pub const fn scheme(&self) -> RemoteScheme {
        self.scheme
    }

    /// The host: ASCII in lower case, without a trailing dot, IPv6 in brackets, other scripts in punycode.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where it is not the scheme's default.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path: decoded, without slashes at its ends, and without `.git`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

fn is_scheme(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(allowed)
}

fn is_helper(text: &str) -> bool {
    let name = text.split_once("::").map_or("", |(name, _)| name);
    !name.is_empty() && is_scheme(name)
}

fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

/// Splits `[user@]host:path`, `[user@][address]:path` and `[user@host:port]:path` before the path, and drops the user.
fn split_scp(text: &str) -> Result<(&str, &str), RemoteError> {
    let bracket = if text.starts_with('[') { Some(0) } else { text.find("@[").map(|at| at + 1) };
    // Git looks for a bracket only in front of the path.
    let bracket = bracket.filter(|at| !text[..*at].contains([':', '/']));
    let Some(bracket) = bracket else {
        let (place, path) = text.split_once(':').ok_or(RemoteError::Local)?;
        if place.contains('/') || is_drive(text) {
            return Err(RemoteError::Local);
        }
        return Ok((without_user(place)?, path));
    };
    let (inner, path) = text[bracket + 1..].split_once("]:").ok_or(RemoteError::Host(HostError::Ipv6))?;
    if text[..bracket].matches('@').count() > 1 {
        return Err(RemoteError::UserInfo);
    }
    let inner = without_user(inner)?;
    match inner.matches(':').count() {
        0 | 1 => Ok((inner, path)),
        _ => Ok((&text[text.len() - path.len() - inner.len() - 3..text.len() - path.len() - 1], path)),
    }
}

fn without_user(authority: &str) -> Result<&str, RemoteError> {
    match authority.split_once('@') {
        Some((_, host)) if host.contains('@') => Err(RemoteError::UserInfo),
        Some((_, host)) => Ok(host),
        None => Ok(authority),
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), RemoteError> {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match authority[end..].find(':') {
        Some(at) => (&authority[..end + at], &authority[end + at + 1..]),
        None => (authority, ""),
    };
    Ok((host, port_of(port)?))
}

// An empty port is the scheme's own (RFC 3986, section 6.2.3).
fn port_of(text: &str) -> Result<Option<u16>, RemoteError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(Some(port)),
        _ => Err(RemoteError::Port),
    }
}

fn decoded(segment: &str) -> Result<String, RemoteError> {
    let is_encoding = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !segment.split('%').skip(1).all(is_encoding) {
        return Err(RemoteError::Encoding);
    }
    let text = percent_decode_str(segment).decode_utf8().map_err(|_| RemoteError::Encoding)?;
    if text.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
        return Err(RemoteError::Encoding);
    }
    Ok(text.into_owned())
}

/// Characters that have another meaning in a URL's path (RFC 3986, section 3.3).
const PATH: AsciiSet =
    CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", utf8_percent_encode(&self.path, &PATH))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        RemoteUrl::parse(text).map_or_else(|error| format!("{error:?}"), |remote| remote.to_string())
    }

    #[test]
    fn every_form_of_git_is_taken_apart() {
        for (text, expected) in [
            ("https://github.com/acme/demo", "https://github.com/acme/demo"),
            ("https://github.com/acme/demo.git", "https://github.com/acme/demo"),
            ("https://github.com/acme/demo.git/", "https://github.com/acme/demo"),
            ("https://GitHub.com:443/acme/Demo/", "https://github.com/acme/Demo"),
            ("https://me:hunter2@github.com/acme/demo", "https://github.com/acme/demo"),
            ("https://github.com./acme/demo", "https://github.com/acme/demo"),
            ("https://ghe.corp:8443/acme/demo", "https://ghe.corp:8443/acme/demo"),
            ("http://forge.example:80/acme/demo", "http://forge.example/acme/demo"),
            ("ssh://git@github.com/acme/demo.git", "ssh://github.com/acme/demo"),
            ("ssh://github.com:22/acme/demo", "ssh://github.com/acme/demo"),
            ("ssh://git@ssh.github.com:443/acme/demo.git", "ssh://ssh.github.com:443/acme/demo"),
            ("git+ssh://git@github.com/acme/demo", "ssh://github.com/acme/demo"),
            ("git@github.com:acme/demo.git", "ssh://github.com/acme/demo"),
            ("git@github.com:/acme/demo.git", "ssh://github.com/acme/demo"),
            ("github.com:acme/demo", "ssh://github.com/acme/demo"),
            ("git@[ssh.github.com:443]:acme/demo.git", "ssh://ssh.github.com:443/acme/demo"),
            ("git@[::1]:acme/demo", "ssh://[::1]/acme/demo"),
            ("git://forge.example/acme/demo", "git://forge.example/acme/demo"),
            ("https://gitlab.example/prefix/group/sub/demo.git", "https://gitlab.example/prefix/group/sub/demo"),
            ("https://forge.example/acme/my%20demo", "https://forge.example/acme/my%20demo"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn look_alikes_are_other_hosts_or_paths() {
        let real = RemoteUrl::parse("https://github.com/acme/demo").unwrap();
        for text in [
            "https://github.com.evil.example/acme/demo",
            "https://github.com@evil.example/acme/demo",
            "https://evil.example/github.com/acme/demo",
            "https://evil.example\\@github.com/acme/demo",
            "https://github.com/acme/demo2",
            "https://github.com/acme/demo/more",
            "https://github.com/x/../acme/demo",
            "https://github.com/acme%2fdemo",
            "https://github.com:8443/acme/demo",
            "https://githubxcom/acme/demo",
            "https://g\u{456}thub.com/acme/demo",
            "https://github.com/acme/demo?x",
            "https://github.com/acme/demo#x",
        ] {
            assert!(RemoteUrl::parse(text).map_or(true, |remote| remote != real), "{text}");
        }
    }

    #[test]
    fn a_path_on_this_machine_is_no_forge() {
        for text in ["/srv/git/demo.git", "../demo", "./a:b/c", "file:///srv/git/demo.git", "demo"] {
            assert_eq!(RemoteUrl::parse(text), Err(RemoteError::Local), "{text}");
        }
    }

    #[test]
    fn what_no_forge_serves_is_refused() {
        for text in ["ext::sh -c true", "ftp://h.example/a/b", "https://", "https:///a/b", "git@:a/b", "h.example:", ""]
        {
            assert!(RemoteUrl::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[a-z:/@.\\[\\]%0-9]{0,40}") {
            let _ = RemoteUrl::parse(&text);
        }

        #[test]
        fn user_information_is_removed(user in "[A-Z]{6}", password in "[A-Z]{6}") {
            let https = shown(&format!("https://{user}:{password}@forge.example/acme/demo"));
            let scp = shown(&format!("{user}@forge.example:acme/demo"));
            for secret in [&user, &password] {
                prop_assert!(!https.contains(secret.as_str()) && !scp.contains(secret.as_str()));
            }
        }
    }
}
