//! How a key is written.
//!
//! | form | example |
//! | --- | --- |
//! | 64 hexadecimal digits, in either case; keys that are made here are kept so | `00ff…` |
//! | base64 in either alphabet (RFC 4648, sections 4 and 5), with or without padding | `AP8…=` |
//!
//! White space around it is ignored.

use crate::raw_key::RawKey;
use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::general_purpose};
use std::fmt::Write;
use zeroize::Zeroizing;

pub(crate) fn parse(text: &str) -> Option<RawKey> {
    let text = text.trim();
    from_hex(text).or_else(|| from_base64(text))
}

/// The key as a line of hexadecimal digits.
pub(crate) fn line(key: &RawKey) -> Zeroizing<String> {
    // Long enough from the start, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * RawKey::LENGTH + 1));
    for byte in key.bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    text
}

fn from_hex(text: &str) -> Option<RawKey> {
    let mut key = RawKey::zeros();
    hex::decode_to_slice(text, key.bytes_mut()).ok()?;
    Some(key)
}

fn from_base64(text: &str) -> Option<RawKey> {
    const CONFIG: general_purpose::GeneralPurposeConfig =
        general_purpose::GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    // 32 bytes, without and with padding.
    if !matches!(text.len(), 43 | 44) {
        return None;
    }
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let engine = general_purpose::GeneralPurpose::new(alphabet, CONFIG);
    let mut decoded = Zeroizing::new([0; 33]);
    let length = engine.decode_slice(text, &mut *decoded).ok()?;
    RawKey::from_slice(decoded.get(..length)?)
}
