//! The encodings in which a response may repeat a secret: literal, and as JSON, URLs, HTML, mail, programs and logs write it.
//!
//! The search ignores case, and blanks, line ends and NULs in between, so UTF-16, wrapped lines and spaced letters need no forms of their own.
//! Not included: compression, encryption, other alphabets (base58, base85, rot13), soft line breaks of quoted-printable, three layers of
//! base64, and anything else that a server does on purpose: it received the secret, and can pass it on.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// What a percent-encoder leaves alone besides letters and digits: none, RFC 3986 (section 2.3), JavaScript, HTML forms.
const KEPT: [&[u8]; 4] = [b"", b"-_.~", b"-_.!~*'()", b"-_.*"];

/// A text in every form, each once and none of them empty.
pub(crate) fn of(text: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![
        text.to_owned(),
        text.chars().rev().collect(),
        bytes(text, |byte, form| write!(form, "{byte:02x}")),
        bytes(text, |byte, form| write!(form, "%{byte:02x}")),
        bytes(text, |byte, form| write!(form, "\\x{byte:02x}")),
        bytes(text, |byte, form| write!(form, "\\{byte:o}")),
        bytes(text, |byte, form| write!(form, "\\{byte:03o}")),
        bytes(text, |byte, form| write!(form, "={byte:02x}")),
        bytes(text, |byte, form| {
            if matches!(byte, b'=' | 0x7f..) { write!(form, "={byte:02x}") } else { form.write_char(byte.into()) }
        }),
        text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        text.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(),
        text.chars().map(|c| if matches!(c, '"' | '\\') { format!("\\{c}") } else { c.into() }).collect(),
        text.chars().map(|c| if matches!(c, '"' | '\\' | '/') { format!("\\{c}") } else { c.into() }).collect(),
        text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        text.escape_debug().to_string(),
        text.chars().map(html).collect(),
    ];
    for kept in KEPT {
        let once = bytes(text, |byte, form| percent(byte, kept, form));
        forms.push(once.replace("%20", "+"));
        forms.push(once);
    }
    let twice: Vec<String> =
        forms.iter().filter(|form| form.contains('%')).map(|form| form.replace('%', "%25")).collect();
    forms.extend(twice);
    for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let once = inner(&engine, text, before);
            forms.extend((0..3).map(|before| inner(&engine, &once, before)));
            forms.push(once);
        }
    }
    forms.extend((0..5).map(|before| inner_base32(text, before)));
    forms.retain(|form| !form.is_empty());
    forms.sort_unstable();
    forms.dedup();
    forms.into_iter().map(Zeroizing::new).collect()
}

fn bytes(text: &str, form: impl Fn(u8, &mut String) -> std::fmt::Result) -> String {
    let mut formed = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        // Writing into a string never fails.
        let _ = form(byte, &mut formed);
    }
    formed
}

fn percent(byte: u8, kept: &[u8], form: &mut String) -> std::fmt::Result {
    if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
        form.write_char(char::from(byte))
    } else {
        write!(form, "%{byte:02X}")
    }
}

fn html(c: char) -> String {
    match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        '\'' => "&#39;".into(),
        c => c.into(),
    }
}

/// The base64 of a text with so many bytes before it, without the digits that depend on what stands around it.
fn inner(engine: &impl base64::Engine, text: &str, before: usize) -> String {
    let bytes = Zeroizing::new([&[0; 3][..before], text.as_bytes()].concat());
    let whole = bytes.len() / 3 * 3;
    let encoded = Zeroizing::new(engine.encode(&bytes[..whole]));
    encoded.get([0, 2, 3][before]..).unwrap_or_default().to_owned()
}

/// The same in base32 (RFC 4648, section 6), whose groups are 5 bytes and 8 digits.
fn inner_base32(text: &str, before: usize) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bytes = Zeroizing::new([&[0; 5][..before], text.as_bytes()].concat());
    let bits = |byte: &u8| (0..8).rev().map(move |bit| *byte >> bit & 1).collect::<Vec<_>>();
    let bits: Zeroizing<Vec<u8>> = Zeroizing::new(bytes.iter().flat_map(bits).collect());
    let digit = |five: &[u8]| char::from(DIGITS[five.iter().fold(0, |value, bit| value << 1 | usize::from(*bit))]);
    bits.chunks_exact(5).skip((before * 8).div_ceil(5)).map(digit).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    fn has(text: &str, form: &str) -> bool {
        of(text).iter().any(|known| form.to_lowercase().contains(&known.to_lowercase()))
    }

    #[test]
    fn a_text_is_known_in_every_form() {
        let text = "aB3/+ \"<z>&x_y-1";
        for form in [
            "aB3/+ \"<z>&x_y-1",
            "1-y_x&>z<\" +/3Ba",
            "6142332f2b20223c7a3e26785f792d31",
            "6142332F2B20223C7A3E26785F792D31",
            "aB3%2F%2B%20%22%3Cz%3E%26x_y-1",
            "aB3%2f%2b%20%22%3cz%3e%26x_y-1",
            "aB3%2F%2B+%22%3Cz%3E%26x_y-1",
            "aB3%2F%2B%20%22%3Cz%3E%26x%5Fy%2D1",
            "aB3%252F%252B%2520%2522%253Cz%253E%2526x_y-1",
            r"\x61\x42\x33\x2f\x2b\x20\x22\x3c\x7a\x3e\x26\x78\x5f\x79\x2d\x31",
            r"\141\102\063\057\053\040\042\074\172\076\046\170\137\171\055\061",
            r"\141\102\63\57\53\40\42\74\172\76\46\170\137\171\55\61",
            "&#97;&#66;&#51;&#47;&#43;&#32;&#34;&#60;&#122;&#62;&#38;&#120;&#95;&#121;&#45;&#49;",
            "&#x61;&#x42;&#x33;&#x2F;&#x2B;&#x20;&#x22;&#x3C;&#x7A;&#x3E;&#x26;&#x78;&#x5F;&#x79;&#x2D;&#x31;",
            "=61=42=33=2F=2B=20=22=3C=7A=3E=26=78=5F=79=2D=31",
            "MFBDGLZLEARDY6R6EZ4F66JNGE",
            r#"aB3/+ \"<z>&x_y-1"#,
            r#"aB3\/+ \"<z>&x_y-1"#,
            "aB3/+ &quot;&lt;z&gt;&amp;x_y-1",
        ] {
            assert!(has(text, form), "{form}");
        }
    }

    #[test]
    fn base64_is_known_whatever_stands_around_the_text() {
        for before in ["", "a", "ab", "user:", "x-token-auth:"] {
            for after in ["", "1", "12"] {
                assert!(has(
                    "s3cret/token-of+mine",
                    &BASE64_STANDARD.encode(format!("{before}s3cret/token-of+mine{after}"))
                ));
            }
        }
    }

    #[test]
    fn base32_and_base64_of_base64_are_known_whatever_stands_around_the_text() {
        let secret = "s3cret/token-of+mine";
        for before in ["", "a", "ab", "abc", "abcd", "abcde"] {
            let once = BASE64_STANDARD.encode(format!("{before}{secret}1"));
            assert!(has(secret, &BASE64_STANDARD.encode(&once)), "{before}");
            assert!(has(secret, &BASE64_STANDARD.encode(format!("x{once}"))), "{before}");
        }
        // As Python's `base64.b32encode` writes them.
        for encoded in ["OMZWG4TFOQXXI33LMVXC233GFNWWS3TF", "MFRHGM3DOJSXIL3UN5VWK3RNN5TCW3LJNZSTC==="] {
            assert!(has(secret, encoded), "{encoded}");
        }
    }

    #[test]
    fn short_texts_have_forms_too() {
        for text in ["", "a", "ab", "\u{e9}"] {
            assert!(of(text).iter().all(|form| !form.is_empty()), "{text}");
        }
    }
}
