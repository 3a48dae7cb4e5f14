//! The forms in which a text may come back to whoever said it: as it was, and as JSON, URLs, HTML, programs and logs write it.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// What a percent-encoder leaves alone besides letters and digits: nothing, RFC 3986 (section 2.3), JavaScript, HTML forms.
const KEPT: [&[u8]; 4] = [b"", b"-_.~", b"-_.!~*'()", b"-_.*"];

/// A text in every form, each once and none of them empty.
pub(crate) fn of(text: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![
        text.to_owned(),
        text.chars().rev().collect(),
        text.to_lowercase(),
        bytes(text, |byte, form| write!(form, "{byte:02x}")),
        bytes(text, |byte, form| write!(form, "{byte:02X}")),
        bytes(text, |byte, form| write!(form, "%{byte:02x}")),
        bytes(text, |byte, form| write!(form, "%{byte:02X}")),
        text.chars().map(|c| if matches!(c, '"' | '\\') { format!("\\{c}") } else { c.into() }).collect(),
        text.chars().map(|c| if matches!(c, '"' | '\\' | '/') { format!("\\{c}") } else { c.into() }).collect(),
        text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        text.escape_debug().to_string(),
        text.chars().map(html).collect(),
    ];
    for kept in KEPT {
        let upper = bytes(text, |byte, form| percent(byte, kept, form));
        forms.push(upper.replace("%20", "+"));
        forms.push(in_small_letters(&upper));
        forms.push(upper);
    }
    for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
        forms.extend((0..3).map(|before| inner(&engine, text, before)));
    }
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
    match byte.is_ascii_alphanumeric() || kept.contains(&byte) {
        true => form.write_char(char::from(byte)),
        false => write!(form, "%{byte:02X}"),
    }
}

/// The escapes alone.
fn in_small_letters(encoded: &str) -> String {
    let escapes: Vec<bool> = encoded.bytes().map(|byte| byte == b'%').collect();
    let is_digit = |at: usize| (1..=2).any(|back| at >= back && escapes[at - back]);
    encoded.chars().enumerate().map(|(at, c)| if is_digit(at) { c.to_ascii_lowercase() } else { c }).collect()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    fn has(text: &str, form: &str) -> bool {
        of(text).iter().any(|known| form.contains(known.as_str()))
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
    fn short_texts_have_forms_too() {
        for text in ["", "a", "ab", "\u{e9}"] {
            assert!(of(text).iter().all(|form| !form.is_empty()), "{text}");
        }
    }
}
