//! Leak detection on the way back: a credential that a forge echoes does not get to the provider, nor into a log or an error.
//!
//! | text | what is masked |
//! | --- | --- |
//! | a body, a header | every whole credential, in each form of `encodings`, in any case, wrapped, spaced or in UTF-16 |
//! | what a person reads, an audit record | every part of one, from 8 bytes on: excerpts cut them in two |

use crate::{
    encodings,
    secret::{Credential, Secret},
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use forgeport_model::Placement;
use http::{HeaderMap, HeaderValue};
use std::{
    collections::{HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    ops::Range,
};
use zeroize::Zeroizing;

const MASK: &[u8] = b"********";
/// A shorter text could be part of any word, and is no secret that a forge gives out.
const SHORTEST: usize = 8;
/// Bits of a filter that lets few windows through that no credential begins with.
const FILTER: usize = 1 << 15;

/// Credentials in every form. Finding them takes longer than looking for them, so it is done once for a session.
#[derive(Default)]
pub(crate) struct Forms {
    /// With their beginnings; the longest first.
    all: Vec<(u64, Zeroizing<Vec<u8>>)>,
    /// Has a bit for each beginning, wherever that hash puts it; the beginning does not follow from it.
    filter: Vec<bool>,
    /// Every part of them that is long enough to be recognised, hashed: hashes are not wiped.
    pieces: HashSet<u64>,
    hashing: RandomState,
    factor: u64,
}

impl Forms {
    pub(crate) fn of<'a>(credentials: impl Iterator<Item = &'a Credential>) -> Forms {
        let mut all: Vec<(u64, Zeroizing<Vec<u8>>)> = credentials.flat_map(needles).collect();
        if all.is_empty() {
            return Forms::default();
        }
        all.sort_by_key(|(_, needle)| std::cmp::Reverse(needle.len()));
        let hashing = RandomState::new();
        let mut forms =
            Forms { factor: hashing.hash_one(()) | 1, hashing, filter: vec![false; FILTER], ..Forms::default() };
        for (begins, needle) in &all {
            let bit = forms.bit(*begins);
            forms.filter[bit] = true;
            forms.pieces.extend(windows(needle).map(|window| forms.hashing.hash_one(window.bytes)));
        }
        Forms { all, ..forms }
    }

    /// The bytes of the longest form, as they may come.
    pub(crate) fn longest(&self) -> usize {
        // UTF-16 and spaced letters take two bytes for one.
        self.all.first().map_or(0, |(_, longest)| longest.len().saturating_mul(2))
    }

    /// A body, and what is left of it when every whole credential is masked.
    pub(crate) fn mask(&self, text: &[u8]) -> Option<Vec<u8>> {
        cut_out(text, self.whole(text))
    }

    /// Masks the values of headers, and leaves those out whose name is one.
    pub(crate) fn mask_headers(&self, headers: &mut HeaderMap) {
        let named: Vec<_> =
            headers.keys().filter(|name| self.are_whole_in(name.as_str().as_bytes())).cloned().collect();
        named.into_iter().for_each(|name| drop(headers.remove(name)));
        for value in headers.values_mut() {
            if let Some(clean) = self.mask(value.as_bytes()) {
                // Less of what was a value is one.
                *value = HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static("********"));
            }
        }
    }

    /// Masks also what is only a part of one.
    pub(crate) fn mask_pieces(&self, text: &str) -> String {
        let pieces = windows(text.as_bytes()).filter(|window| self.have(window)).map(|window| window.place);
        let clean = (!self.pieces.is_empty()).then(|| cut_out(text.as_bytes(), pieces)).flatten();
        clean.map_or_else(|| text.to_owned(), |clean| String::from_utf8_lossy(&clean).into_owned())
    }

    /// The text contains a part of a credential that is long enough to be recognised.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        !self.pieces.is_empty() && windows(text.as_bytes()).any(|window| self.have(&window))
    }

    /// The text contains a whole one.
    pub(crate) fn are_whole_in(&self, text: &[u8]) -> bool {
        self.whole(text).next().is_some()
    }

    fn whole<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        let text_windows = windows(if self.all.is_empty() { &[] } else { text });
        let candidates = text_windows.filter(|window| self.filter[self.bit(window.bytes)]);
        candidates.filter_map(|window| {
            let here = self.all.iter().filter(|(begins, _)| *begins == window.bytes);
            let ends = here.filter_map(|(_, needle)| end_of(needle, &text[window.place.start..])).max()?;
            Some(window.place.start..window.place.start + ends)
        })
    }

    fn have(&self, window: &Window) -> bool {
        self.pieces.contains(&self.hashing.hash_one(window.bytes))
    }

    fn bit(&self, bytes: u64) -> usize {
        (bytes.wrapping_mul(self.factor) >> 48) as usize % FILTER
    }
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forms(…)")
    }
}

/// So many counting bytes one after the other, in small letters, and where they stand.
struct Window {
    bytes: u64,
    place: Range<usize>,
}

/// Blanks, line ends and NULs do not count: a text may be wrapped, spaced or in UTF-16.
fn counts(byte: u8) -> bool {
    !matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n')
}

fn windows(text: &[u8]) -> impl Iterator<Item = Window> {
    let (mut bytes, mut starts, mut number) = (0u64, [0; SHORTEST], 0usize);
    text.iter().enumerate().filter(|(_, byte)| counts(**byte)).filter_map(move |(at, byte)| {
        bytes = bytes << 8 | u64::from(byte.to_ascii_lowercase());
        starts[number % SHORTEST] = at;
        number = number.wrapping_add(1);
        let is_full = number >= SHORTEST;
        is_full.then(|| Window { bytes, place: starts[number % SHORTEST]..at + 1 })
    })
}

/// Where a needle ends that a text begins with, whatever stands between its bytes.
fn end_of(needle: &[u8], text: &[u8]) -> Option<usize> {
    let mut counting = text.iter().enumerate().filter(|(_, byte)| counts(**byte));
    let mut end = 0;
    for expected in needle {
        let (at, byte) = counting.next()?;
        if byte.to_ascii_lowercase() != *expected {
            return None;
        }
        end = at + 1;
    }
    Some(end)
}

/// The forms of one credential in small letters, without what does not count, and what each begins with.
fn needles(credential: &Credential) -> Vec<(u64, Zeroizing<Vec<u8>>)> {
    let secret: &Secret = &credential.secret;
    let mut forms = encodings::of(secret.expose());
    if let Placement::Basic(user) = &credential.placement {
        let pair = Zeroizing::new(format!("{user}:{}", secret.expose()));
        forms.push(Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(&*pair)));
    }
    let counting = |form: Zeroizing<String>| -> Zeroizing<Vec<u8>> {
        Zeroizing::new(form.bytes().filter(|byte| counts(*byte)).map(|byte| byte.to_ascii_lowercase()).collect())
    };
    let needles = forms.into_iter().map(counting);
    let begins = |needle: &[u8]| windows(needle).next().map(|window| window.bytes);
    needles.filter_map(|needle| Some((begins(&needle)?, needle))).collect()
}

/// The text with each of these places masked, overlapping ones together; `None` where there are none. They come in order.
fn cut_out(text: &[u8], places: impl Iterator<Item = Range<usize>>) -> Option<Vec<u8>> {
    let mut clean = Vec::new();
    let (mut end, mut any) = (0, false);
    for place in places {
        if !any || place.start >= end {
            clean.extend_from_slice(&text[end..place.start]);
            clean.extend_from_slice(MASK);
        }
        (end, any) = (end.max(place.end), true);
    }
    if !any {
        return None;
    }
    clean.extend_from_slice(&text[end..]);
    Some(clean)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_model::Origin;

    fn credential(secret: &str) -> Credential {
        Credential {
            setting: "token".into(),
            origin: Origin::parse("https://forge.example").unwrap(),
            placement: Placement::Bearer,
            beginnings: Vec::new(),
            secret: Secret::new(Zeroizing::new(secret.to_owned())),
        }
    }

    fn forms_of(secret: &str) -> Forms {
        Forms::of([credential(secret)].iter())
    }

    fn masked(secret: &str, text: &[u8]) -> String {
        forms_of(secret)
            .mask(text)
            .map_or_else(|| "unchanged".into(), |clean| String::from_utf8_lossy(&clean).into_owned())
    }

    #[test]
    fn a_text_loses_whole_and_cut_credentials_and_nothing_else() {
        let forms = forms_of("tok-0123456789abcdef");
        for (text, clean) in [
            ("nothing of it: tok-012", "nothing of it: tok-012"),
            ("it begins with `Bearer tok-0123456789", "it begins with `Bearer ********"),
            ("tok-0123456789abcdef, 456789abcdef.", "********, ********."),
            ("\u{e9}tok-0123456789abcdef\u{e9}", "\u{e9}********\u{e9}"),
            ("TOK-0123 456789", "********"),
            ("", ""),
        ] {
            assert_eq!(forms.mask_pieces(text), clean);
        }
    }

    #[test]
    fn a_body_loses_credentials_in_any_case_wrapped_spaced_and_in_utf_16() {
        let secret = "tok-0123456789abcdef";
        let wide = |bytes: fn(u16) -> [u8; 2]| format!("<{secret}>").encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        let spaced: String = secret.chars().flat_map(|c| [c, ' ']).collect();
        let wrapped = format!("{}\r\n {}", &secret[..9], &secret[9..]);
        for text in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            let clean = masked(secret, &text).replace('\0', "");
            assert_eq!(clean, "<********>");
        }
        for text in [secret.to_uppercase(), "Tok-0123456789ABCdef".into(), spaced, wrapped] {
            assert_eq!(masked(secret, format!("<{text}>").as_bytes()).replace(' ', ""), "<********>", "{text}");
        }
        for text in ["tok-0123456789abcde", "tok-0123456789abcdeX", "ok-0123456789abcdef", "", "tok-0123"] {
            assert_eq!(masked(secret, text.as_bytes()), "unchanged");
        }
    }

    #[test]
    fn credentials_beside_and_in_each_other_are_all_masked() {
        let credentials = [credential("abcdefghijkl"), credential("efghijklmnop"), credential("abcdefgh")];
        let forms = Forms::of(credentials.iter());
        for (text, clean) in [
            ("abcdefghijklmnop", "********"),
            ("abcdefghijklefghijklmnop", "****************"),
            ("abcdefgh, abcdefghijkl", "********, ********"),
        ] {
            assert_eq!(String::from_utf8(forms.mask(text.as_bytes()).unwrap()).unwrap(), clean);
        }
    }

    #[test]
    fn a_header_whose_name_is_the_credential_is_left_out() {
        let forms = forms_of("Tok-0123456789abcdef");
        let mut headers = HeaderMap::new();
        headers.insert("x-tok-0123456789abcdef", HeaderValue::from_static("1"));
        headers.insert("x-other", HeaderValue::from_static("a TOK-0123456789ABCDEF"));
        forms.mask_headers(&mut headers);
        assert_eq!((headers.len(), headers["x-other"].to_str().unwrap()), (1, "a ********"));
    }

    #[test]
    fn without_a_credential_everything_stays() {
        let forms = Forms::default();
        assert!(forms.mask(b"a text that is long enough").is_none() && !forms.are_in("a text that is long enough"));
        assert_eq!((forms.mask_pieces("a text"), forms.longest()), ("a text".to_owned(), 0));
    }
}
