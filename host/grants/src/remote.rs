//! Remote URLs of checkouts, in every form that git takes (git-clone(1), "GIT URLS").

use serde::Serialize;
use std::fmt;
use thiserror::Error;
use url::{Host, Url};

/// A remote URL, taken apart; user name and password are gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RemoteUrl {
    /// How git speaks to it.
    pub scheme: RemoteScheme,
    /// Lower case; an IPv6 address stands in brackets, an international name in its ASCII form.
    pub host: String,
    /// Nothing where it is the scheme's own.
    pub port: Option<u16>,
    /// Decoded, without leading and trailing slash and without `.git`.
    pub path: String,
}

/// How git speaks to a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemoteScheme {
    /// `https://`
    Https,
    /// `http://`
    Http,
    /// `ssh://`, its older spellings, and `host:path`.
    Ssh,
    /// `git://`
    Git,
}

/// Why a remote's URL cannot be one of a forge. The URL is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum RemoteError {
    /// A path on this machine.
    #[error("the remote is a path on this machine, not a forge")]
    Local,
    /// A scheme or remote helper that forges do not serve.
    #[error("the remote's URL has a scheme that is none of https, http, ssh and git")]
    Scheme,
    /// No host in it, or one that cannot be.
    #[error("the remote's URL has no valid host in it")]
    Host,
    /// A path that could be read in two ways, or is empty.
    #[error("the remote's URL has a path that names no repository")]
    Path,
}

impl RemoteUrl {
    /// Reads the URL that git uses, after `insteadOf`.
    ///
    /// # Errors
    /// When it is a local path, or no URL of a forge.
    pub fn parse(text: &str) -> Result<RemoteUrl, RemoteError> {
        if text.chars().any(|c| c.is_control() || c == '\\') {
            // A URL parser takes a backslash for a slash, git does not; what is read in two ways is not read at all.
            return Err(RemoteError::Path);
        }
        match text.split_once("://") {
            Some((scheme, _)) => parse_url(text, scheme),
            None => parse_scp(text),
        }
    }
}

fn parse_url(text: &str, scheme: &str) -> Result<RemoteUrl, RemoteError> {
    let (scheme, own_port) = match scheme.to_ascii_lowercase().as_str() {
        "https" => (RemoteScheme::Https, 443),
        "http" => (RemoteScheme::Http, 80),
        "ssh" | "git+ssh" | "ssh+git" => (RemoteScheme::Ssh, 22),
        "git" => (RemoteScheme::Git, 9418),
        "file" => return Err(RemoteError::Local),
        _ => return Err(RemoteError::Scheme),
    };
    // The parser skips further slashes and takes the next word for the host; git does not.
    if text.contains(":///") {
        return Err(RemoteError::Host);
    }
    let url = Url::parse(text).map_err(|_| RemoteError::Host)?;
    let host = host(url.host_str().ok_or(RemoteError::Host)?)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(RemoteError::Path);
    }
    // The parser resolves `..` by itself, so that the text has to be looked at.
    let raw = text
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, path)| path);
    let port = url.port().filter(|port| *port != own_port);
    Ok(RemoteUrl {
        scheme,
        host,
        port,
        path: path(&decode(raw)?)?,
    })
}

/// `[user@]host:path`, which git takes when no slash comes before the first colon.
fn parse_scp(text: &str) -> Result<RemoteUrl, RemoteError> {
    let (host_part, path_part) = match text.split_once("]:") {
        Some((host, path)) if text.contains('[') && !host.contains('/') => {
            (format!("{host}]"), path)
        }
        _ => {
            let (host, path) = text.split_once(':').ok_or(RemoteError::Local)?;
            if host.contains('/') {
                return Err(RemoteError::Local);
            }
            if path.starts_with(':') {
                return Err(RemoteError::Scheme);
            }
            (host.to_owned(), path)
        }
    };
    let name = host_part
        .rsplit_once('@')
        .map_or(host_part.as_str(), |(_, host)| host);
    // `[host:port]:path` is git's way to name a port in this form; `[::1]:path` an address.
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let (name, port) = match bare {
        Some(inner) if inner.matches(':').count() == 1 => {
            let (name, port) = inner.split_once(':').ok_or(RemoteError::Host)?;
            (name, Some(port.parse().map_err(|_| RemoteError::Host)?))
        }
        Some(inner) if !inner.contains(':') => (inner, None),
        _ => (name, None),
    };
    let port = port.filter(|port| *port != 22);
    Ok(RemoteUrl {
        scheme: RemoteScheme::Ssh,
        host: host(name)?,
        port,
        path: path(path_part)?,
    })
}

/// Lower case and ASCII, so that look-alikes of other scripts compare unequal; one trailing dot is the same host (RFC 1034).
fn host(text: &str) -> Result<String, RemoteError> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() || text.contains('%') {
        return Err(RemoteError::Host);
    }
    Ok(Host::parse(text)
        .map_err(|_| RemoteError::Host)?
        .to_string())
}

fn decode(path: &str) -> Result<String, RemoteError> {
    let lower = path.to_ascii_lowercase();
    if lower.contains("%2f") || lower.contains("%5c") {
        return Err(RemoteError::Path);
    }
    let decoded = percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| RemoteError::Path)?;
    Ok(decoded.into_owned())
}

/// The repository's path as forges compare it.
fn path(text: &str) -> Result<String, RemoteError> {
    let trimmed = text.trim_matches('/');
    let trimmed = trimmed.strip_suffix(".git").unwrap_or(trimmed);
    let ambiguous = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
    if trimmed.split('/').any(ambiguous) || trimmed.chars().any(char::is_control) {
        return Err(RemoteError::Path);
    }
    Ok(trimmed.to_owned())
}

impl fmt::Display for RemoteScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RemoteScheme::Https => "https",
            RemoteScheme::Http => "http",
            RemoteScheme::Ssh => "ssh",
            RemoteScheme::Git => "git",
        })
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        RemoteUrl::parse(text)
            .map_or_else(|error| format!("{error:?}"), |remote| remote.to_string())
    }

    #[test]
    fn every_form_of_git_is_taken_apart() {
        for (text, expected) in [
            (
                "https://github.com/acme/demo",
                "https://github.com/acme/demo",
            ),
            (
                "https://github.com/acme/demo.git",
                "https://github.com/acme/demo",
            ),
            (
                "https://github.com/acme/demo.git/",
                "https://github.com/acme/demo",
            ),
            (
                "https://GitHub.com:443/acme/Demo/",
                "https://github.com/acme/Demo",
            ),
            (
                "https://me:hunter2@github.com/acme/demo",
                "https://github.com/acme/demo",
            ),
            (
                "https://github.com./acme/demo",
                "https://github.com/acme/demo",
            ),
            (
                "https://ghe.corp:8443/acme/demo",
                "https://ghe.corp:8443/acme/demo",
            ),
            (
                "http://forge.example:80/acme/demo",
                "http://forge.example/acme/demo",
            ),
            (
                "ssh://git@github.com/acme/demo.git",
                "ssh://github.com/acme/demo",
            ),
            (
                "ssh://github.com:22/acme/demo",
                "ssh://github.com/acme/demo",
            ),
            (
                "ssh://git@ssh.github.com:443/acme/demo.git",
                "ssh://ssh.github.com:443/acme/demo",
            ),
            (
                "git+ssh://git@github.com/acme/demo",
                "ssh://github.com/acme/demo",
            ),
            ("git@github.com:acme/demo.git", "ssh://github.com/acme/demo"),
            (
                "git@github.com:/acme/demo.git",
                "ssh://github.com/acme/demo",
            ),
            ("github.com:acme/demo", "ssh://github.com/acme/demo"),
            (
                "git@[ssh.github.com:443]:acme/demo.git",
                "ssh://ssh.github.com:443/acme/demo",
            ),
            ("git@[::1]:acme/demo", "ssh://[::1]/acme/demo"),
            (
                "git://forge.example/acme/demo",
                "git://forge.example/acme/demo",
            ),
            (
                "https://gitlab.example/prefix/group/sub/demo.git",
                "https://gitlab.example/prefix/group/sub/demo",
            ),
            (
                "https://forge.example/acme/my%20demo",
                "https://forge.example/acme/my demo",
            ),
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
            assert!(
                RemoteUrl::parse(text).map_or(true, |remote| remote != real),
                "{text}"
            );
        }
    }

    #[test]
    fn a_path_on_this_machine_is_no_forge() {
        for text in [
            "/srv/git/demo.git",
            "../demo",
            "./a:b/c",
            "file:///srv/git/demo.git",
            "demo",
        ] {
            assert_eq!(RemoteUrl::parse(text), Err(RemoteError::Local), "{text}");
        }
    }

    #[test]
    fn what_no_forge_serves_is_refused() {
        for text in [
            "ext::sh -c true",
            "ftp://h.example/a/b",
            "https://",
            "https:///a/b",
            "git@:a/b",
            "h.example:",
            "",
        ] {
            assert!(RemoteUrl::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[a-z:/@.\\[\\]%0-9]{0,40}") {
            let _ = RemoteUrl::parse(&text);
        }

        #[test]
        fn user_information_is_gone(user in "[A-Z]{6}", password in "[A-Z]{6}") {
            let https = shown(&format!("https://{user}:{password}@forge.example/acme/demo"));
            let scp = shown(&format!("{user}@forge.example:acme/demo"));
            for secret in [&user, &password] {
                prop_assert!(!https.contains(secret.as_str()) && !scp.contains(secret.as_str()));
            }
        }
    }
}
