//! What a forge says back must not hold what it was told: a credential that it echoes does not get to the provider.

use crate::{Fetched, Permit, permit::Secret};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use forgeport_grants::Placement;
use http::HeaderValue;
use memchr::memmem;
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

fn needles(permit: &Permit) -> Vec<Zeroizing<Vec<u8>>> {
    let mut needles = Vec::new();
    for credential in &permit.credentials {
        let secret: &Secret = &credential.secret;
        needles.push(Zeroizing::new(secret.expose().as_bytes().to_vec()));
        if let Placement::Basic(user) = &credential.placement {
            let pair = Zeroizing::new(format!("{user}:{}", secret.expose()));
            needles.push(Zeroizing::new(BASE64_STANDARD.encode(&*pair).into_bytes()));
        }
    }
    needles.retain(|needle| needle.len() >= SHORTEST);
    needles
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
