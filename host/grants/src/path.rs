//! Paths below which a grant reaches.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::{deceives, quoted};

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
        match segments(inner) {
            Some(segments) if !text.contains(forbidden) && !empty(&segments) => Ok(Self(format!("/{inner}"))),
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

/// The decoded segments; nothing where one of them, however often it is decoded, steps up or hides another segment that does.
fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').map(segment).collect()
}

fn segment(raw: &str) -> Option<String> {
    let decoded = percent_decode_str(raw).decode_utf8().ok()?.into_owned();
    let mut deeper = decoded.clone();
    for _ in 0..ENCODINGS {
        if deeper.split(['/', '\\']).any(|part| matches!(part, "." | "..")) || deeper.contains('\0') {
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
        for path in ["/repos/acme", "/repos/acme/", "/repos/acme/demo", "/repos/%61cme/x", "/repos/acme/a%2Fb"] {
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
        ] {
            assert!(!covers("/repos/acme", path), "{path}");
        }
        assert!(!covers("/projects/a%2Fb", "/projects/a/b"));
    }

    #[test]
    fn a_prefix_that_can_be_read_in_two_ways_is_refused() {
        for text in
            ["", "repos", "/a?b", "/a#b", "/a//b", "//a", "/a/../b", "/a/%2e%2e", "/a\\b", "/a*", "/a b", "/{x}"]
        {
            assert!(PathPrefix::parse(text).is_err(), "{text}");
        }
        assert_eq!(PathPrefix::parse("/a/b/").unwrap().to_string(), "/a/b");
    }

    proptest! {
        #[test]
        fn nothing_that_a_server_could_normalise_leaves_the_prefix(path in "/a(/|%2[ef]|%5c|\\.|b|%25|2e){0,12}") {
            if covers("/a", &path) {
                let mut decoded = path.clone();
                for _ in 0..4 {
                    decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
                }
                prop_assert!(!decoded.split(['/', '\\']).any(|part| part == ".."), "{}", path);
            }
        }
    }
}
