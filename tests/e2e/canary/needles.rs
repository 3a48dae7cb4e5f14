//! The forms in which a token may hide in a text or a file.

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

/// So many characters of a form in a row are no chance, and are not the beginning that all tokens of a kind share either.
const LONG: usize = 16;

/// A token's random part in every form, cut into pieces: half of a token is found too.
pub struct Needles {
    pieces: HashMap<Vec<u8>, &'static str>,
    /// By the first two bytes: true if a piece could begin here.
    begin: Vec<bool>,
}

impl Needles {
    /// `random` is what follows the beginning that all tokens of a kind share.
    pub fn of(tokens: &[(&str, &str)]) -> Needles {
        let mut needles = Needles { pieces: HashMap::new(), begin: vec![false; 1 << 16] };
        for (_, random) in tokens {
            for (form, text) in forms(random) {
                for piece in text.as_bytes().windows(LONG) {
                    needles.begin[usize::from(piece[0]) << 8 | usize::from(piece[1])] = true;
                    needles.pieces.insert(piece.to_vec(), form);
                }
            }
        }
        needles
    }

    /// The form in which a token is in there.
    pub fn find(&self, text: &[u8]) -> Option<&'static str> {
        let mut pieces = text.windows(LONG);
        pieces.find_map(|piece| {
            let possible = self.begin[usize::from(piece[0]) << 8 | usize::from(piece[1])];
            possible.then(|| self.pieces.get(piece).copied()).flatten()
        })
    }

    /// Looks into everything below a directory, at names too; tells how many files there were.
    #[track_caller]
    pub fn assert_silent_below(&self, directory: &Path) -> usize {
        let mut pending: Vec<PathBuf> = vec![directory.to_owned()];
        let mut files = 0;
        while let Some(path) = pending.pop() {
            let name = path.as_os_str().as_encoded_bytes();
            assert_eq!(self.find(name), None, "the token is in the name {}", path.display());
            if path.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                assert_eq!(self.find(target.as_os_str().as_encoded_bytes()), None, "{}", path.display());
            } else if path.is_dir() {
                pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                files += 1;
                assert_eq!(self.find(&fs::read(&path).unwrap()), None, "the token is in {}", path.display());
            }
        }
        files
    }
}

/// Names of forms, and the text in each; equal ones once.
pub fn forms(text: &str) -> Vec<(&'static str, String)> {
    let each = |form: fn(char) -> String| text.chars().map(form).collect::<String>();
    let bytes = |form: fn(&u8) -> String| text.as_bytes().iter().map(form).collect::<String>();
    let json = serde_json::to_string(text).unwrap();
    let mut forms = vec![
        ("as it is", text.to_owned()),
        ("reversed", text.chars().rev().collect()),
        ("in small letters", text.to_lowercase()),
        ("in hex", bytes(|byte| format!("{byte:02x}"))),
        ("in HEX", bytes(|byte| format!("{byte:02X}"))),
        ("all percent-encoded", bytes(|byte| format!("%{byte:02X}"))),
        ("all percent-encoded, in small letters", bytes(|byte| format!("%{byte:02x}"))),
        ("percent-encoded", percent_encoded(text)),
        ("percent-encoded, in small letters", bytes(|byte| percent(*byte, b"-_.~", true))),
        ("percent-encoded, as by JavaScript", bytes(|byte| percent(*byte, b"-_.!~*'()", false))),
        ("percent-encoded, alphanumeric alone left", bytes(|byte| percent(*byte, b"", false))),
        ("as of a form", bytes(|byte| percent(*byte, b"-_.*", false)).replace("%20", "+")),
        ("in JSON", json[1..json.len() - 1].to_owned()),
        ("in JSON, slashes escaped", json[1..json.len() - 1].replace('/', "\\/")),
        ("in JSON, all escaped", each(|c| format!("\\u{:04x}", c as u32))),
        ("in Rust", text.escape_debug().to_string()),
        ("in HTML", each(html)),
    ];
    for (name, alphabet) in [("in base64", &alphabet::STANDARD), ("in base64 for URLs", &alphabet::URL_SAFE)] {
        forms.extend(base64(text, alphabet).into_iter().map(|form| (name, form)));
    }
    let mut seen = HashSet::new();
    forms.retain(|(_, form)| seen.insert(form.clone()));
    forms
}

/// As in a URL (RFC 3986, section 2.3).
pub fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| percent(byte, b"-_.~", false)).collect()
}

fn percent(byte: u8, kept: &[u8], small: bool) -> String {
    if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
        char::from(byte).to_string()
    } else if small {
        format!("%{byte:02x}")
    } else {
        format!("%{byte:02X}")
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

/// Wherever the text lies in what is encoded: after a user's name and a colon, for example. What depends on the neighbours is left out.
fn base64(text: &str, alphabet: &alphabet::Alphabet) -> Vec<String> {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    let aligned = |before: usize| {
        let mut bytes = vec![0; before];
        bytes.extend(text.as_bytes());
        let whole = bytes.len() / 3 * 3;
        let mut encoded = engine.encode(&bytes[..whole]);
        encoded.drain(..[0, 2, 3][before]);
        encoded
    };
    (0..3).map(aligned).collect()
}

/// Characters that no encoding leaves alone, and that a header can hold.
const ODD: &str = "+/=%&?#\"\\<>'~!:;,@ $^|`*()[]";

/// As forges make them: letters and digits.
pub fn plain(length: usize) -> String {
    (0..length).map(|_| fastrand::alphanumeric()).collect()
}

/// Every third character odd.
pub fn odd(length: usize) -> String {
    let odd: Vec<char> = ODD.chars().collect();
    let mut text = String::new();
    for number in 0..length {
        match number % 3 {
            1 => text.push(odd[fastrand::usize(..odd.len())]),
            _ => text.push(fastrand::alphanumeric()),
        }
    }
    text
}

#[test]
fn every_form_of_a_token_is_found_and_nothing_else() {
    for random in [plain(36), odd(36)] {
        let needles = Needles::of(&[("", &random)]);
        for (form, text) in forms(&random) {
            assert!(needles.find(format!("some text {text} and more").as_bytes()).is_some(), "{form}");
        }
        let pair = base64::prelude::BASE64_STANDARD.encode(format!("user:ghp_{random}"));
        assert!(needles.find(pair.as_bytes()).is_some());
        assert!(needles.find(&random.as_bytes()[10..28]).is_some(), "a half of it");
        assert_eq!(needles.find(include_bytes!("needles.rs")), None);
    }
}
