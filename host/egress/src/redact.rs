//! What a forge says back must not hold what it was told: a credential that it echoes does not get to the provider.

use crate::{Fetched, Permit};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use forgeport_grants::Placement;
use http::HeaderValue;
use memchr::memmem;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use std::fmt::Write;
use zeroize::Zeroizing;

const MASK: &[u8] = b"********";
/// A shorter text could be part of any word, and is no secret that a forge gives out.
const SHORTEST: usize = 8;

/// The answer without any credential of the permit, neither raw nor as it was sent.
pub fn redact(permit: &Permit, answer: Fetched) -> Fetched {
    let Fetched { status, mut headers, mut body } = answer;
    for needle in needles(permit) {
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
    Fetched { status, headers, body }
}

/// As they are, as they were sent, and as a forge would write them into JSON, a URL or hex.
fn needles(permit: &Permit) -> Vec<Zeroizing<Vec<u8>>> {
    let mut needles = Vec::new();
    for credential in &permit.credentials {
        let secret = credential.secret.expose();
        let mut forms = vec![
            secret.to_owned(),
            escaped(secret),
            percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string(),
            hex(secret),
            hex(secret).to_uppercase(),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
            BASE64_STANDARD_NO_PAD.encode(secret),
        ];
        if let Placement::Basic(user) = &credential.placement {
            let pair = Zeroizing::new(format!("{user}:{secret}"));
            forms.push(BASE64_STANDARD_NO_PAD.encode(&*pair));
        }
        needles.extend(forms.into_iter().map(|form| Zeroizing::new(form.into_bytes())));
    }
    needles.retain(|needle| needle.len() >= SHORTEST);
    // The longer ones first: what is left of one must not hide from another.
    needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.as_slice().cmp(b.as_slice())));
    needles.dedup();
    needles
}

fn hex(text: &str) -> String {
    let mut hex = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn escaped(text: &str) -> String {
    let character = |c: char| match c {
        '"' | '\\' | '/' => format!("\\{c}"),
        c => c.to_string(),
    };
    text.chars().map(character).collect()
}

/// Nothing where the needle is not in the text.
fn without(text: &[u8], needle: &[u8]) -> Option<Vec<u8>> {
    let finder = memmem::Finder::new(needle);
    let mut clean = Vec::new();
    let mut from = 0;
    for at in finder.find_iter(text) {
        clean.extend_from_slice(&text[from..at]);
        clean.extend_from_slice(MASK);
        from = at + needle.len();
    }
    if from == 0 {
        return None;
    }
    clean.extend_from_slice(&text[from..]);
    Some(clean)
}
