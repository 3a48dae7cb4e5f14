//! Path prefixes: the paths of an origin that a grant permits.
//!
//! Servers disagree about what a path means: they decode it once or more often, take `\` for `/`, cut names off at `;`. So a path is
//! compared as the most lenient of all known servers reads it, and one that leads elsewhere for any of them is not permitted.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::names::text::{deceives, quote_untrusted};

/// How often a path may be encoded in itself before it is refused; no forge needs more than GitLab's one.
const ENCODINGS: usize = 3;

/// A path prefix, compared segment by segment and decoded: `/a/b` covers `/a/b`, `/a/b/c` and `/a/%62`, not `/a/bc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPrefix(String);

/// Why a text is no path prefix.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} is not a path prefix: write one like `/repos/acme`, without query, fragment, `..` or empty segments")]
pub struct PathPrefixError(String);

impl PathPrefix {
    /// Parses a path prefix; a `/` at its end is accepted.
    ///
    /// # Errors
    /// When it does not begin with `/`, or two servers could read it in two ways.
    pub fn parse(text: &str) -> Result<Self, PathPrefixError> {
        let bad = || PathPrefixError(quote_untrusted(text));
        let inner = text.strip_prefix('/').ok_or_else(bad)?.trim_end_matches('/');
        let forbidden = |c: char| deceives(c) || c.is_whitespace() || matches!(c, '?' | '#' | '\\' | '*' | '{' | '}');
        let empty = |segments: &[String]| segments.len() > 1 && segments.iter().any(String::is_empty);
        // Some servers would cut this off a name, and others would not.
        let loose = |segments: &[String]| segments.iter().any(|name| name.ends_with('.') || name.contains(NAME_ENDS));
        match segments(inner) {
            Some(segments) if !text.contains(forbidden) && !empty(&segments) && !loose(&segments) => {
                Ok(Self(format!("/{inner}")))
            }
            _ => Err(bad()),
        }
    }

    /// True if the path of a URL is this one or below it, for every server.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let own = segments(self.0.trim_start_matches('/'));
        let path = segments(path.strip_prefix('/').unwrap_or(path));
        match (own, path) {
            (_, None) | (None, _) => false,
            (Some(own), Some(_)) if own == [""] => true,
            (Some(own), Some(path)) => path.starts_with(&own),
        }
    }
}

/// The decoded segments; none where a server could read one of them, however often it decodes it, as `..`.
fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').map(segment).collect()
}

fn segment(raw: &str) -> Option<String> {
    let decoded = percent_decode_str(raw).decode_utf8().ok()?.into_owned();
    if is_ambiguous(raw) {
        return None;
    }
    let mut deeper = decoded.clone();
    for _ in 0..ENCODINGS {
        if is_ambiguous(&deeper) {
            return None;
        }
        let next = percent_decode_str(&deeper).decode_utf8().ok()?.into_owned();
        if next == deeper {
            return Some(decoded);
        }
        deeper = next;
    }
    None
}

/// True if some server would read another path in this text.
fn is_ambiguous(text: &str) -> bool {
    // `%u002e` is a dot for IIS; no standard knows it.
    let is_foreign_escape = text.as_bytes().windows(2).any(|pair| pair.eq_ignore_ascii_case(b"%u"));
    is_foreign_escape
        || text.contains(char::is_control)
        || text.chars().map(plain).collect::<String>().split(SLASHES).any(is_dots)
}

/// Servers on Windows accept either.
const SLASHES: [char; 2] = ['/', '\\'];

/// Characters that end a name for some servers: parameters for Tomcat and Jetty, streams for NTFS, query and fragment for servers that
/// decode a whole URL before they split it.
const NAME_ENDS: [char; 4] = [';', ':', '?', '#'];

/// True if some server takes this for `.` or `..`. Windows drops blanks and dots at a name's end, forms write a blank as `+`, and
/// parameters are dropped before `..` is resolved: Bitbucket's server takes `..;x=1` for it.
fn is_dots(name: &str) -> bool {
    let name = name.split(NAME_ENDS).next().unwrap_or(name);
    let is_blank = |c: char| c.is_whitespace() || c == '+';
    name.contains('.') && name.chars().all(|c| c == '.' || is_blank(c))
}

/// The ASCII character that some systems take this one for (Windows' "best fit", Unicode's compatibility forms).
fn plain(c: char) -> char {
    match c {
        '\u{ff0e}' | '\u{fe52}' | '\u{2024}' | '\u{2025}' | '\u{2026}' => '.',
        '\u{ff0f}' | '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{ff3c}' | '\u{fe68}' | '\u{2216}' | '\u{29f9}' => '\\',
        '\u{ff1b}' | '\u{fe54}' | '\u{37e}' => ';',
        c => c,
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PathPrefix {
    type Error = PathPrefixError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PathPrefix> for String {
    fn from(prefix: PathPrefix) -> Self {
        prefix.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(prefix: &str, path: &str) -> bool {
        PathPrefix::parse(prefix).unwrap().covers(path)
    }

    #[test]
    fn a_prefix_covers_itself_and_what_lies_below_it() {
        for path in [
            "/repos/acme",
            "/repos/acme/",
            "/repos/acme/demo",
            "/repos/%61cme/x",
            "/repos/acme/a%2Fb",
            "/repos/acme/a;b=1/c",
            "/repos/acme/v1.0...v2.0",
            "/repos/acme/.github/c++/+/a b.",
            "/repos/acme/%e6%97%a5%e6%9c%ac/100%25",
            "/repos/acme/a:b@c,d",
        ] {
            assert!(covers("/repos/acme", path), "{path}");
        }
        assert!(covers("/", "/anything") && covers("/", "/"));
        assert!(covers("/projects/a%2Fb", "/projects/a%2fb/x"));
    }

    #[test]
    fn what_only_begins_the_same_or_steps_out_is_not_covered() {
        for path in [
            "/repos/acmeX",
            "/repos",
            "/repos/ACME",
            "//repos/acme",
            "/repos/acme/../other",
            "/repos/acme/%2e%2e/other",
            "/repos/acme/%2E./other",
            "/repos/acme/x%2F..%2F..%2Fother",
            "/repos/acme/x%5C..%5Cother",
            "/repos/acme/%252e%252e/other",
            "/repos/acme/%25252e%25252e/other",
            "/repos/acme%2F..%2Fother",
            "/repos/acme/%00",
            "/repos/acme/%ff",
            "/repos/acme/..;/other",
            "/repos/acme/..;x=1/other",
            "/repos/acme/%2e%2e;/other",
            "/repos/acme/..%3b/other",
            "/repos/acme/..%253bx/other",
            "/repos/acme/%252e%252e%3b/other",
            "/repos/acme/..%20/other",
            "/repos/acme/..%09/other",
            "/repos/acme/..+/other",
            "/repos/acme/%20../other",
            "/repos/acme/..%2e/other",
            "/repos/acme/.../other",
            "/repos/acme/..%3f/other",
            "/repos/acme/..%23/other",
            "/repos/acme/..::$INDEX_ALLOCATION/other",
            "/repos/acme/x%5c..;y%5cother",
            "/repos/acme/%u002e%u002e/other",
            "/repos/acme/%25U002e%25U002e/other",
            "/repos/acme/%c0%ae%c0%ae/other",
            "/repos/acme/%25c0%25ae/other",
            "/repos/acme/%ef%bc%8e%ef%bc%8e/other",
            "/repos/acme/x%ef%bc%8f..%ef%bc%8fother",
            "/repos/acme/%e2%80%a5/other",
            "/repos/acme/a%0d%0ab",
            "/repos/acme/%7f",
            "/repos/acme;x/demo",
            "/repos/acme;/../other",
        ] {
            assert!(!covers("/repos/acme", path), "{path}");
        }
        assert!(!covers("/projects/a%2Fb", "/projects/a/b"));
    }

    #[test]
    fn a_prefix_that_can_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "repos",
            "/a?b",
            "/a#b",
            "/a//b",
            "//a",
            "/a/../b",
            "/a/%2e%2e",
            "/a\\b",
            "/a*",
            "/a b",
            "/{x}",
            "/a;b/c",
            "/a./b",
            "/a%3fb",
        ] {
            assert!(PathPrefix::parse(text).is_err(), "{text}");
        }
        assert_eq!(PathPrefix::parse("/a/b/").unwrap().to_string(), "/a/b");
    }

    /// The path that the most lenient server would serve.
    fn read_by_the_most_lenient(path: &str) -> Vec<String> {
        let mut text = path.to_owned();
        for _ in 0..5 {
            for (escape, plain) in [("%u002e", "."), ("%u002f", "/"), ("%uff0e", ".")] {
                text = text.replace(escape, plain);
            }
            text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        }
        text = text.replace('\u{ff0e}', ".").replace('\u{ff0f}', "/");
        let mut at: Vec<String> = Vec::new();
        for name in text.split(['/', '\\']) {
            let name = name.split([';', '?', '#', ':']).next().unwrap();
            let bare = name.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '+');
            match bare {
                "" | "." => {}
                // Three dots and more lose those beyond the first two.
                dots if dots.bytes().all(|byte| byte == b'.') => drop(at.pop()),
                _ => at.push(bare.trim_end_matches('.').to_owned()),
            }
        }
        at
    }

    proptest! {
        #[test]
        fn no_path_that_a_server_could_normalise_leaves_the_prefix(
            path in "/a(/|%2[ef]|%5c|\\.|\\.\\.|b|%25|2e|;|;x=1|%3b|3b|%20|20|\\+|%09|%0a|%u002[ef]|u002e|%3f|%23|:|%c0%ae|%ef%bc%8[ef]|%00){0,12}"
        ) {
            if covers("/a", &path) {
                prop_assert!(read_by_the_most_lenient(&path).first().is_some_and(|first| first == "a"), "{}", path);
            }
        }
    }
}
