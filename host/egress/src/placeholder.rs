//! Placeholders: random texts that a provider gets in place of secrets. Layer: below `credential`, which replaces one, or refuses the request.
//!
//! | place in a request | result |
//! | --- | --- |
//! | `authorization: Bearer PLACEHOLDER`, or any scheme or none, where the secret is sent anyway | replaced by the secret |
//! | `authorization: Basic base64(USER:PLACEHOLDER)`, likewise | replaced, the user name kept |
//! | the URL, another header, the body; also in hex, base64, percent-encoding or escapes | the request is refused |

use aho_corasick::AhoCorasick;
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE};
use http::{HeaderMap, HeaderValue};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

const START: &str = "forgeport-placeholder-";

/// What its random part is written in: no digit of base 16, so that whatever is decoded before it takes none of it away, and no
/// letter whose base64 ends in one.
const LETTERS: &[u8; 13] = b"ghijklmnopqrs";

/// So many letters have 128 bits.
const LENGTH: usize = 35;

/// Characters of a trace that escapes before it may swallow; it is found without. In base64 every fourth digit of [`LETTERS`] is none of
/// base 16, so that there are no more.
const SWALLOWED: usize = 4;

/// A random text that stands for a secret option during one session.
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
        let mut number = u128::from_be_bytes(random);
        let mut core = String::with_capacity(LENGTH);
        for _ in 0..LENGTH {
            core.push(char::from(LETTERS[(number % 13) as usize]));
            number /= 13;
        }
        Placeholder { setting, text: format!("{START}{core}"), traces: Arc::default() }
    }

    /// The text that the provider gets.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text contains it: as it is, in another case, in hex, base64, percent-encoding or escapes of JSON, or several of these.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        self.is_in_decoded(&decoded(text))
    }

    /// The same for what is decoded already.
    pub(crate) fn is_in_decoded(&self, text: &[u8]) -> bool {
        let traces = self.traces.get_or_init(|| {
            let core = self.text.strip_prefix(START).unwrap_or(&self.text);
            AhoCorasick::builder().ascii_case_insensitive(true).build(traces(core)).ok()
        });
        // Two dozen short texts always make an automaton; without one everything would be a leak.
        let Some(traces) = traces else { return true };
        traces.is_match(text)
    }

    /// What surrounds the placeholder, for the secret to be put between, if this value is a whole credential: the placeholder alone, after a
    /// scheme, or as the password of Basic.
    pub(crate) fn whole(&self, value: &HeaderValue) -> Option<Surroundings> {
        let value = value.to_str().ok()?;
        let (scheme, credential) = value.trim().split_once(' ').unwrap_or(("", value));
        let credential = credential.trim();
        if credential == self.text {
            return Some(Surroundings::Plain(scheme.to_owned()));
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(credential).ok()?).ok()?;
        match pair.split_once(':') {
            Some((user, password)) if scheme.eq_ignore_ascii_case("basic") && password == self.text => {
                Some(Surroundings::Basic(user.to_owned()))
            }
            _ => None,
        }
    }

    /// Where in the head of a request it is, in words, if it is anywhere.
    pub(crate) fn place(&self, url: &str, headers: &HeaderMap) -> Option<String> {
        if self.is_in(url.as_bytes()) {
            return Some("the URL".into());
        }
        let within = |(name, value): &(&http::HeaderName, &HeaderValue)| {
            self.is_in(name.as_str().as_bytes()) || self.is_in(value.as_bytes())
        };
        let (name, _) = headers.iter().find(within)?;
        let in_name = self.is_in(name.as_str().as_bytes());
        Some(if in_name { "a header's name".into() } else { format!("the header {name}") })
    }
}

impl fmt::Debug for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Placeholder({})", self.setting)
    }
}

/// What surrounds a placeholder that is a whole credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Surroundings {
    /// A scheme, or none (empty).
    Plain(String),
    /// A user name.
    Basic(String),
}

/// The random part alone gives a placeholder away: raw, in hex, and in base64 whatever comes before it.
fn traces(core: &str) -> Vec<Vec<u8>> {
    let hex: String = core.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut traces = vec![core.as_bytes()[SWALLOWED..].to_vec(), hex.as_bytes()[SWALLOWED..].to_vec()];
    for before in 0..3 {
        for core in [core.to_owned(), core.to_ascii_uppercase()] {
            let text = format!("{}{core}", &"   "[..before]);
            for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
                // What a neighbour's bits are part of is left out at both ends.
                let end = encoded.trim_end_matches('=').len() - 2;
                traces.push(encoded.as_bytes()[(before * 8).div_ceil(6) + SWALLOWED..end].to_vec());
            }
        }
    }
    traces.sort();
    traces.dedup();
    traces
}

/// Without percent-encoding and JSON's escapes (RFC 8259, section 7), however deep they are in each other, and without what may stand
/// between base64's digits. One pass, whatever comes: a body of 15 MB in which each escape was in another took more than a second when
/// it was decoded again and again.
pub(crate) fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        // Only where nothing is around it can JSON's line break be told from a letter that is written as an escape.
        let ends_line = matches!(byte, b'n' | b'r' | b't') && at > 0 && text[at - 1] == b'\\';
        if is_blank(*byte) || ends_line {
            continue;
        }
        out.push(*byte);
        // What comes out may end an escape that began before it.
        while let Some((length, decoded)) = escape(&out) {
            out.truncate(out.len() - length);
            if is_blank(decoded) {
                break;
            }
            out.push(decoded);
        }
    }
    // Those that are left were too many for what came after them.
    out.retain(|byte| *byte != b'\\');
    out
}

/// Stands for any character beyond ASCII.
const OTHER: u8 = 0xff;

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n')
}

/// How long the escape is that a text ends with, and what it stands for.
fn escape(text: &[u8]) -> Option<(usize, u8)> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let number = |digits: &[u8]| digits.iter().try_fold(0, |number, byte| Some(number << 4 | digit(byte)?));
    if let [.., b'%', high, low] = text
        && let Some(byte) = number(&[*high, *low])
    {
        return Some((3, byte as u8));
    }
    if let [.., b'\\', b'u', a, b, c, d] = text
        && let Some(code) = number(&[*a, *b, *c, *d])
    {
        // Other characters are no part of what is looked for.
        return Some((6, u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(OTHER)));
    }
    // How many backslashes stand for one is not known before the end; before any other character all are removed.
    let (last, before) = text.split_last()?;
    if matches!(last, b'\\' | b'u' | b'%') || before.last() != Some(&b'\\') {
        return None;
    }
    // Counted once, as they go: over a text of backslashes alone, counting them at each would take the square of its length.
    let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    Some((slashes + 1, *last))
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
            format!("\\{core}"),
            wrapped.replace("\r\n", "\\r\\n"),
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
        // So much of it that whatever takes the square of its length is noticed.
        for harmless in [&b"%"[..], b"%25", b"%5c", b"\\", b"\\\\u", b"\\u00", b"\\u005c", b"\\a", b"%2525", b"a"] {
            assert!(!placeholder.is_in(&harmless.repeat(1_000_000)));
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_however_deep_it_is() {
        for (encoded, plain) in [
            ("%2525252541", "A"),
            ("%%32%35%34%31", "A"),
            (r"\u005cu0041", "A"),
            (r"\\\\u0041", "A"),
            (r"%5cu00%34%31", "A"),
            (r"\u00\u0034\u0031", "A"),
            ("a%0A b\r\n\0c", "abc"),
            ("%zz%4%", "%zz%4%"),
            (r"%\g\%", "%g%"),
            (r"%5C%75%30%30%34%31", "A"),
            (r"a\nb\\tc", "abc"),
        ] {
            assert_eq!(String::from_utf8(decoded(encoded.as_bytes())).unwrap(), plain, "{encoded}");
        }
    }

    #[test]
    fn only_a_whole_credential_is_one() {
        let placeholder = placeholder();
        let whole = |text: String| placeholder.whole(&HeaderValue::from_str(&text).unwrap());
        let text = placeholder.text();
        assert_eq!(whole(format!("Bearer {text}")), Some(Surroundings::Plain("Bearer".into())));
        assert_eq!(whole(text.to_owned()), Some(Surroundings::Plain(String::new())));
        assert_eq!(
            whole(format!("Basic {}", BASE64_STANDARD.encode(format!("me:{text}")))),
            Some(Surroundings::Basic("me".into()))
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

    /// Encodes a text once more.
    fn encoded(text: &str, way: u8) -> String {
        match way {
            0 => percent(text),
            1 => text.replace('%', "%25"),
            2 => escaped(text),
            3 => text.replace('\\', "\\\\"),
            4 => text.chars().flat_map(|c| [c, '\n']).collect(),
            5 => text.chars().flat_map(|c| [c, '\0']).collect(),
            _ => text.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn base64_gives_it_away_wherever_it_stands(
            random in any::<[u8; 16]>(),
            before in proptest::collection::vec(any::<u8>(), 0..40),
            after in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let placeholder = Placeholder::new("token".into(), random);
            let text = [&before, placeholder.text().as_bytes(), &after].concat();
            prop_assert!(placeholder.is_in(BASE64_STANDARD.encode(&text).as_bytes()));
            prop_assert!(placeholder.is_in(BASE64_URL_SAFE.encode(&text).as_bytes()));
        }

        #[test]
        fn no_depth_of_encodings_and_nothing_before_it_hides_it(
            random in any::<[u8; 16]>(),
            before in "(%|%25|\\\\|\\\\u|\\\\u0|[0-9a-f]|x){0,8}",
            form in 0..5usize,
            ways in proptest::collection::vec(0..7u8, 0..5),
            outermost in "(%|%25|\\\\|[0-9a-f]){0,8}",
        ) {
            let placeholder = Placeholder::new("token".into(), random);
            let core = placeholder.text().strip_prefix(START).unwrap();
            let hex: String = core.bytes().map(|byte| format!("{byte:02x}")).collect();
            let forms = [core.to_owned(), core.to_uppercase(), hex, BASE64_STANDARD.encode(core), BASE64_URL_SAFE.encode(core.to_uppercase())];
            let mut text = format!("{before}{}", forms[form]);
            for way in ways {
                text = encoded(&text, way);
            }
            prop_assert!(placeholder.is_in(format!("{outermost}{text}").as_bytes()), "{}", text);
        }

        #[test]
        fn nothing_else_is_taken_for_it(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!placeholder().is_in(&text));
        }
    }
}
