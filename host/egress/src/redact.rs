//! What a forge says back must not hold what it was told: a credential that it echoes does not get to the provider.

use crate::{Fetched, Permit, encodings, permit::Secret};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use bytes::Bytes;
use forgeport_grants::Placement;
use http::{HeaderValue, header::CONTENT_LENGTH};
use memchr::memmem;
use std::{
    collections::{HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
};
use zeroize::Zeroizing;

const MASK: &[u8] = b"********";
/// A shorter text could be part of any word, and is no secret that a forge gives out.
const SHORTEST: usize = 8;

/// The answer without any credential of the permit, neither raw nor as it was sent.
pub fn redact(permit: &Permit, answer: Fetched) -> Fetched {
    let Fetched { status, mut headers, mut body } = answer;
    let length = body.len();
    for needle in &permit.forms().all {
        let needle = memmem::Finder::new(needle.as_slice());
        if let Some(clean) = without(&body, &needle) {
            body = Bytes::from(clean);
        }
        for value in headers.values_mut() {
            let clean = without(value.as_bytes(), &needle).and_then(|clean| HeaderValue::from_bytes(&clean).ok());
            if let Some(clean) = clean {
                *value = clean;
            }
        }
    }
    if body.len() != length && headers.contains_key(CONTENT_LENGTH) {
        // Whoever reads as much as it says would wait for the rest.
        headers.insert(CONTENT_LENGTH, body.len().into());
    }
    Fetched { status, headers, body }
}

/// A text about what a forge said, without any part of a credential that is long enough to be told: excerpts cut them in two.
pub fn redact_text(permit: &Permit, text: &str) -> String {
    let forms = permit.forms();
    let mut clean = Vec::new();
    let mut masked = 0;
    for (at, byte) in text.bytes().enumerate() {
        if text.as_bytes().get(at..at + SHORTEST).is_some_and(|piece| forms.have(piece)) {
            if masked <= at {
                clean.extend_from_slice(MASK);
            }
            masked = at + SHORTEST;
        }
        if masked <= at {
            clean.push(byte);
        }
    }
    String::from_utf8_lossy(&clean).into_owned()
}

/// Every credential of a permit in every form. Finding them takes longer than looking for them, so it is done once for a permit.
pub(crate) struct Forms {
    /// The longest first: what is left of one must not hide from another.
    all: Vec<Zeroizing<Vec<u8>>>,
    /// Every part of them that is long enough to be told, in small letters and hashed: they are not wiped.
    pieces: HashSet<u64>,
    hashing: RandomState,
}

impl Forms {
    pub(crate) fn of(permit: &Permit) -> Forms {
        let (all, hashing) = (needles(permit), RandomState::new());
        let windows = all.iter().flat_map(|form| form.windows(SHORTEST));
        let pieces = windows.map(|piece| hashing.hash_one(small(piece))).collect();
        Forms { all, pieces, hashing }
    }

    fn have(&self, piece: &[u8]) -> bool {
        self.pieces.contains(&self.hashing.hash_one(small(piece)))
    }

    /// Is any part of a credential in a text, in whatever case?
    pub(crate) fn are_in(&self, text: &str) -> bool {
        !self.pieces.is_empty() && text.as_bytes().windows(SHORTEST).any(|piece| self.have(piece))
    }
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forms(…)")
    }
}

fn small(piece: &[u8]) -> [u8; SHORTEST] {
    let mut small = [0; SHORTEST];
    small.copy_from_slice(piece);
    small.make_ascii_lowercase();
    small
}

fn needles(permit: &Permit) -> Vec<Zeroizing<Vec<u8>>> {
    let mut needles = Vec::new();
    for credential in &permit.credentials {
        let secret: &Secret = &credential.secret;
        let mut forms = encodings::of(secret.expose());
        if let Placement::Basic(user) = &credential.placement {
            let pair = Zeroizing::new(format!("{user}:{}", secret.expose()));
            forms.push(Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(&*pair)));
        }
        needles.extend(forms.into_iter().map(|form| Zeroizing::new(form.as_bytes().to_vec())));
    }
    needles.retain(|needle| needle.len() >= SHORTEST);
    needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    needles
}

/// Nothing where the needle is not in the text.
fn without(text: &[u8], needle: &memmem::Finder<'_>) -> Option<Vec<u8>> {
    let mut clean = Vec::new();
    let mut from = 0;
    for at in needle.find_iter(text) {
        clean.extend_from_slice(&text[from..at]);
        clean.extend_from_slice(MASK);
        from = at + needle.needle().len();
    }
    if from == 0 {
        return None;
    }
    clean.extend_from_slice(&text[from..]);
    Some(clean)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Credential;
    use forgeport_grants::{Authority, Limits, Origin};
    use std::time::Instant;

    fn permit(secret: &str) -> Permit {
        let origin = Origin::parse("https://forge.example").unwrap();
        let secret = Secret::new(Zeroizing::new(secret.to_owned()));
        let credentials = vec![Credential {
            setting: "token".into(),
            origin,
            placement: Placement::Bearer,
            beginnings: Vec::new(),
            secret,
        }];
        Permit { credentials, ..Permit::new(Authority::default(), Limits::default(), Instant::now()) }
    }

    #[test]
    fn a_text_loses_whole_and_cut_credentials_and_nothing_else() {
        let permit = permit("tok-0123456789abcdef");
        for (text, clean) in [
            ("nothing of it: tok-012", "nothing of it: tok-012"),
            ("it begins with `Bearer tok-0123456789", "it begins with `Bearer ********"),
            ("tok-0123456789abcdef, 456789abcdef.", "********, ********."),
            ("\u{e9}tok-0123456789abcdef\u{e9}", "\u{e9}********\u{e9}"),
            ("", ""),
        ] {
            assert_eq!(redact_text(&permit, text), clean);
        }
    }
}
