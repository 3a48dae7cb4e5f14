//! Paths below which a grant reaches.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::names::text::{deceives, quoted};

/// How often a path may be encoded in itself before it is refused; no forge wants more than GitLab's one.
const ENCODINGS: usize = 3;

/// The beginning of a path, compared segment by segment and decoded: `/a/b` covers `/a/b`, `/a/b/c` and `/a/%62`, not `/a/bc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPrefix(String);

/// Why a text is no beginning of a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} is no path to grant: write one like `/repos/acme`, without query, fragment, `..` or empty segments")]
pub struct PathPrefixError(String);

impl PathPrefix {
    /// Reads the beginning of a path; a `/` at its end does not count.
    ///
    /// # Errors
    /// When it does not begin with `/`, or two readers could see two paths in it.
    pub fn parse(text: &str) -> Result<Self, PathPrefixError> {
        let bad = || PathPrefixError(quoted(text));
        let inner = text.strip_prefix('/').ok_or_else(bad)?.trim_end_matches('/');
        let forbidden = |c: char| deceives(c) || c.is_whitespace() || matches!(c, '?' | '#' | '\\' | '*' | '{' | '}');
        let empty = |segments: &[String]| segments.len() > 1 && segments.iter().any(String::is_empty);
        // What some servers would cut off a name, and others would not.
        let loose = |segments: &[String]| segments.iter().any(|name| name.ends_with('.') || name.contains(ENDS));
        match segments(inner) {
            Some(segments) if !text.contains(forbidden) && !empty(&segments) && !loose(&segments) => {
                Ok(Self(format!("/{inner}")))
            }
            _ => Err(bad()),
        }
    }

    /// Is the path of a URL this one, or below it? A path that a server could read as leading elsewhere is not.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let own = segments(self.0.trim_start_matches('/'));
        let asked = segments(path.strip_prefix('/').unwrap_or(path));
        match (own, asked) {
            (_, None) | (None, _) => false,
            (Some(own), Some(_)) if own == [""] => true,
            (Some(own), Some(asked)) => asked.starts_with(&own),
        }
    }
}

/// The decoded segments; nothing where a server could read one of them, however often it decodes it, as stepping up.
fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').map(segment).collect()
}

fn segment(raw: &str) -> Option<String> {
    let decoded = percent_decode_str(raw).decode_utf8().ok()?.into_owned();
    if is_unsteady(raw) {
        return None;
    }
    let mut deeper = decoded.clone();
    for _ in 0..ENCODINGS {
        if is_unsteady(&deeper) {
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

/// Is there a server that would read another path in this text? The most lenient one of all that are known counts.
fn is_unsteady(text: &str) -> bool {
    // `%u002e` is a dot for IIS; no standard knows it.
    let is_foreign_escape = text.as_bytes().windows(2).any(|pair| pair.eq_ignore_ascii_case(b"%u"));
    is_foreign_escape
        || text.contains(char::is_control)
        || text.chars().map(plain).collect::<String>().split(SLASHES).any(steps)
}

/// Windows' servers take either.
const SLASHES: [char; 2] = ['/', '\\'];

/// What ends a name before its text ends: parameters for Tomcat and Jetty, streams for NTFS, query and fragment for whoever decodes a
/// whole URL before taking it apart.
const ENDS: [char; 4] = [';', ':', '?', '#'];

/// Is it `.` or `..` for somebody? Windows drops blanks and dots at a name's end, forms write a blank as `+`, and parameters are dropped
/// before a step up is looked for: Bitbucket's server takes `..;x=1` for one.
fn steps(name: &str) -> bool {
    let name = name.split(ENDS).next().unwrap_or(name);
    let is_blank = |c: char| c.is_whitespace() || c == '+';
    name.contains('.') && name.chars().all(|c| c == '.' || is_blank(c))
}

/// The character of ASCII that systems with a small character set take for this one (Windows' "best fit", Unicode's compatibility forms).
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

    /// A server that forgives everything: where would it end up?
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
        fn nothing_that_a_server_could_normalise_leaves_the_prefix(
            path in "/a(/|%2[ef]|%5c|\\.|\\.\\.|b|%25|2e|;|;x=1|%3b|3b|%20|20|\\+|%09|%0a|%u002[ef]|u002e|%3f|%23|:|%c0%ae|%ef%bc%8[ef]|%00){0,12}"
        ) {
            if covers("/a", &path) {
                prop_assert!(read_by_the_most_lenient(&path).first().is_some_and(|first| first == "a"), "{}", path);
            }
        }
    }
}
