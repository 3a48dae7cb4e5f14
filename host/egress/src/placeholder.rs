//! What a provider holds in the place of a secret. It may be a request's whole credential, and nothing else of a request.

use aho_corasick::AhoCorasick;
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE};
use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;
use std::{
    fmt,
    fmt::Write,
    sync::{Arc, OnceLock},
};

const START: &str = "forgeport-placeholder-";

/// How often a text may be encoded in itself and still be looked through; each round costs time in proportion to the text.
const ENCODINGS: usize = 8;

/// A random text that stands for a secret option during one call.
#[derive(Clone)]
pub struct Placeholder {
    /// The option.
    pub setting: String,
    text: String,
    /// Any of these in a text gives the placeholder away.
    traces: Arc<OnceLock<Option<AhoCorasick>>>,
}

impl Placeholder {
    /// For an option; the 16 bytes are random and used for nothing else.
    #[must_use]
    pub fn new(setting: String, random: [u8; 16]) -> Placeholder {
        let mut core = String::with_capacity(32);
        for byte in random {
            let _ = write!(core, "{byte:02x}");
        }
        Placeholder { setting, text: format!("{START}{core}"), traces: Arc::default() }
    }

    /// What the provider gets.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Is it in there: as it is, in another case, in hex, base64, percent-encoding or escapes of JSON, or several of these?
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        let traces = self.traces.get_or_init(|| {
            let core = self.text.strip_prefix(START).unwrap_or(&self.text);
            AhoCorasick::builder().ascii_case_insensitive(true).build(traces(core)).ok()
        });
        // Two dozen short texts always make an automaton; without one everything would be a leak.
        let Some(traces) = traces else { return true };
        let mut text = text.to_vec();
        for _ in 0..=ENCODINGS {
            if traces.is_match(&text) {
                return true;
            }
            let next = decoded(&text);
            if next == text {
                return false;
            }
            text = next;
        }
        // Nobody who means well encodes a text so often.
        true
    }

    /// Is this value nothing but the placeholder, where a credential has its place: alone, after a scheme, or as the password of Basic?
    /// Then what surrounds it, for the secret to be put between.
    pub(crate) fn whole(&self, value: &HeaderValue) -> Option<Whole> {
        let value = value.to_str().ok()?;
        let (scheme, credential) = value.trim().split_once(' ').unwrap_or(("", value));
        let credential = credential.trim();
        if credential == self.text {
            return Some(Whole::Plain(scheme.to_owned()));
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(credential).ok()?).ok()?;
        match pair.split_once(':') {
            Some((user, password)) if scheme.eq_ignore_ascii_case("basic") && password == self.text => {
                Some(Whole::Basic(user.to_owned()))
            }
            _ => None,
        }
    }

    /// Where in a request it is, in words, if it is anywhere.
    pub(crate) fn place(&self, url: &str, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        if self.is_in(url.as_bytes()) {
            return Some("the URL".into());
        }
        let within = |(name, value): &(&http::HeaderName, &HeaderValue)| {
            self.is_in(name.as_str().as_bytes()) || self.is_in(value.as_bytes())
        };
        if let Some((name, _)) = headers.iter().find(within) {
            return Some(if self.is_in(name.as_str().as_bytes()) {
                "a header's name".into()
            } else {
                format!("the header {name}")
            });
        }
        self.is_in(body).then(|| "the body".into())
    }
}

impl fmt::Debug for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Placeholder({})", self.setting)
    }
}

/// What surrounds a placeholder that is a whole credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// A scheme, or nothing.
    Plain(String),
    /// A user name.
    Basic(String),
}

/// The random part alone tells: raw, in hex, and in base64 whatever comes before it.
fn traces(core: &str) -> Vec<Vec<u8>> {
    let hex: String = core.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut traces = vec![core.as_bytes().to_vec(), hex.into_bytes()];
    for before in 0..3 {
        for core in [core.to_owned(), core.to_ascii_uppercase()] {
            let text = format!("{}{core}", &"   "[..before]);
            for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
                // What a neighbour's bits are part of is left out at both ends.
                let end = encoded.trim_end_matches('=').len() - 2;
                traces.push(encoded.as_bytes()[(before * 8).div_ceil(6)..end].to_vec());
            }
        }
    }
    traces.sort();
    traces.dedup();
    traces
}

/// One layer of percent-encoding and of JSON's escapes (RFC 8259, section 7) less; line breaks, which base64 may have in it, go too.
fn decoded(text: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = percent_decode(text).collect();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'\\', [b'u', a, b, c, d, after @ ..]) => {
                let digits = [*a, *b, *c, *d];
                let code = std::str::from_utf8(&digits).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
                match code.and_then(char::from_u32) {
                    Some(c) => out.extend(c.to_string().bytes()),
                    None => out.extend(digits),
                }
                rest = after;
            }
            (b'\\', [escaped, after @ ..]) => {
                out.push(*escaped);
                rest = after;
            }
            (b'\r' | b'\n', after) => rest = after,
            (first, after) => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD_NO_PAD;
    use proptest::prelude::*;

    fn placeholder() -> Placeholder {
        Placeholder::new("token".into(), *b"0123456789abcdef")
    }

    fn escaped(text: &str) -> String {
        text.chars().map(|c| format!("\\u{:04x}", c as u32)).collect()
    }

    fn percent(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    #[test]
    fn a_placeholder_is_found_in_every_encoding() {
        let placeholder = placeholder();
        let text = placeholder.text().to_owned();
        let core = text.strip_prefix(START).unwrap().to_owned();
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let wrapped: String = BASE64_STANDARD
            .encode(&text)
            .as_bytes()
            .chunks(20)
            .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
            .collect();
        for shown in [
            text.clone(),
            core.clone(),
            text.to_uppercase(),
            hex.clone(),
            hex.to_uppercase(),
            percent(&text),
            percent(&percent(&text)),
            percent(&BASE64_STANDARD.encode(&text)),
            escaped(&text),
            escaped(&percent(&core)),
            text.replace('-', "\\-"),
            BASE64_STANDARD.encode(&text),
            BASE64_STANDARD_NO_PAD.encode(format!("a{text}b")),
            BASE64_URL_SAFE.encode(format!("ab{text}c")),
            BASE64_STANDARD.encode(text.to_uppercase()),
            wrapped,
        ] {
            let within = format!("{{\"a\": \"x{shown}y\"}}");
            assert!(placeholder.is_in(within.as_bytes()), "{shown}");
        }
        assert!(!placeholder.is_in(b"forgeport-placeholder-"));
        assert!(!placeholder.is_in(&[b'%'; 1000]));
    }

    #[test]
    fn only_a_whole_credential_is_one() {
        let placeholder = placeholder();
        let whole = |text: String| placeholder.whole(&HeaderValue::from_str(&text).unwrap());
        let text = placeholder.text();
        assert_eq!(whole(format!("Bearer {text}")), Some(Whole::Plain("Bearer".into())));
        assert_eq!(whole(text.to_owned()), Some(Whole::Plain(String::new())));
        assert_eq!(
            whole(format!("Basic {}", BASE64_STANDARD.encode(format!("me:{text}")))),
            Some(Whole::Basic("me".into()))
        );
        for other in [
            format!("Bearer x{text}"),
            format!("Bearer {text}, x"),
            format!("Bearer a {text}"),
            format!("Basic {}", BASE64_STANDARD.encode(format!("{text}:me"))),
            format!("Basic {}", BASE64_STANDARD.encode(format!("me:{text}x"))),
            format!("Bearer {}", BASE64_STANDARD.encode(format!("me:{text}"))),
        ] {
            assert_eq!(whole(other.clone()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn base64_gives_it_away_wherever_it_stands(before in proptest::collection::vec(any::<u8>(), 0..40), after in proptest::collection::vec(any::<u8>(), 0..40)) {
            let placeholder = placeholder();
            let text = [&before, placeholder.text().as_bytes(), &after].concat();
            prop_assert!(placeholder.is_in(BASE64_STANDARD.encode(&text).as_bytes()));
            prop_assert!(placeholder.is_in(BASE64_URL_SAFE.encode(&text).as_bytes()));
        }

        #[test]
        fn nothing_else_is_taken_for_it(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            // Texts that only go on being decoded are refused as well; random ones end.
            prop_assert!(!placeholder().is_in(&text));
        }
    }
}
