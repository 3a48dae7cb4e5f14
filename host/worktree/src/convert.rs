//! The conversions by which git commits a file, besides programs: encodings, line ends and `ident` (gitattributes(5), "Effects").

use gix::bstr::ByteSlice;
use gix::config::File;
use gix::filter::plumbing::eol::{self, AttributesDigest, AutoCrlf, Mode};
use gix::filter::plumbing::ident;

/// The attributes that matter here, in this order.
pub const ATTRIBUTES: [&str; 6] = ["text", "crlf", "eol", "ident", "filter", "working-tree-encoding"];

/// The value of a file's attribute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AttributeValue {
    #[default]
    Unspecified,
    Set,
    Unset,
    Text(Vec<u8>),
}

/// The conversion of a file's content.
#[derive(Debug)]
pub struct Conversion {
    /// The name of a filter, which may have a program.
    pub filter: Option<Vec<u8>>,
    encoding: Option<Encoding>,
    lines: AttributesDigest,
    ident: bool,
}

/// A file's encoding, of those that git converts with every `iconv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// The mark at its beginning gives the byte order, and has to be there if `required`.
    Utf16 {
        required: bool,
    },
    /// Without a mark.
    Utf16Of {
        big: bool,
    },
    Latin1,
}

/// A file has an encoding that only `iconv` knows.
#[derive(Debug)]
pub struct UnknownEncoding(pub String);

impl Conversion {
    /// From the values of [`ATTRIBUTES`] (`convert_attrs` in convert.c).
    pub fn new(values: [AttributeValue; 6], lines: eol::Configuration) -> Result<Self, UnknownEncoding> {
        let [text, crlf, end, ident, filter, encoding] = values;
        let digest = match (of_text(&text).or_else(|| of_text(&crlf)), of_end(&end)) {
            (Some(AttributesDigest::Binary), _) => Some(AttributesDigest::Binary),
            (Some(AttributesDigest::TextAuto), Some(Mode::Lf)) => Some(AttributesDigest::TextAutoInput),
            (Some(AttributesDigest::TextAuto), Some(Mode::CrLf)) => Some(AttributesDigest::TextAutoCrlf),
            (_, Some(end)) => Some(end.into()),
            (digest, None) => digest,
        };
        let lines = match digest {
            None => lines.auto_crlf.into(),
            Some(AttributesDigest::Text) => lines.eol.unwrap_or(Mode::Lf).into(),
            Some(digest) => digest,
        };
        let filter = match filter {
            AttributeValue::Text(name) => Some(name),
            _ => None,
        };
        Ok(Self { filter, encoding: encoding_of(encoding)?, lines, ident: ident == AttributeValue::Set })
    }

    /// True if the content stays as it is, except for a filter.
    pub fn is_identity(&self) -> bool {
        self.encoding.is_none() && self.lines == AttributesDigest::Binary && !self.ident
    }

    /// The content as it would be committed. `in_index` reads the committed content, where its line ends matter.
    pub fn apply(
        &self,
        mut content: Vec<u8>,
        lines: eol::Configuration,
        in_index: &mut dyn FnMut(&mut Vec<u8>) -> gix::Result<Option<()>>,
    ) -> gix::Result<Vec<u8>> {
        // Git compares the content that it cannot convert as it is, and would refuse to commit it.
        if let Some(decoded) = self.encoding.and_then(|encoding| encoding.decode(&content)) {
            content = decoded.into_bytes();
        }
        let mut other = Vec::new();
        let options = eol::convert_to_git::Options { round_trip_check: None, config: lines };
        if eol::convert_to_git(&content, self.lines, &mut other, in_index, options)? {
            std::mem::swap(&mut content, &mut other);
        }
        other.clear();
        if self.ident && ident::undo(&content, &mut other).unwrap_or(false) {
            std::mem::swap(&mut content, &mut other);
        }
        Ok(content)
    }
}

/// `core.autocrlf` and `core.eol`.
pub fn line_ends(config: &File) -> eol::Configuration {
    let auto_crlf = match config.string("core.autocrlf") {
        Some(value) if value.eq_ignore_ascii_case(b"input") => AutoCrlf::Input,
        _ if matches!(config.boolean("core.autocrlf"), Ok(Some(true))) => AutoCrlf::Enabled,
        _ => AutoCrlf::Disabled,
    };
    let end = config.string("core.eol").map(|value| value.to_ascii_lowercase());
    let end = match end.as_deref() {
        Some(b"lf") => Some(Mode::Lf),
        Some(b"crlf") => Some(Mode::CrLf),
        _ => None,
    };
    // `text_eol_is_crlf` in convert.c.
    let end = match auto_crlf {
        AutoCrlf::Enabled => Some(Mode::CrLf),
        AutoCrlf::Input => Some(Mode::Lf),
        AutoCrlf::Disabled => end,
    };
    eol::Configuration { auto_crlf, eol: end }
}

fn of_text(value: &AttributeValue) -> Option<AttributesDigest> {
    match value {
        AttributeValue::Set => Some(AttributesDigest::Text),
        AttributeValue::Unset => Some(AttributesDigest::Binary),
        AttributeValue::Text(text) if text == b"input" => Some(AttributesDigest::TextInput),
        AttributeValue::Text(text) if text == b"auto" => Some(AttributesDigest::TextAuto),
        AttributeValue::Text(_) | AttributeValue::Unspecified => None,
    }
}

fn of_end(value: &AttributeValue) -> Option<Mode> {
    match value {
        AttributeValue::Text(text) if text == b"lf" => Some(Mode::Lf),
        AttributeValue::Text(text) if text == b"crlf" => Some(Mode::CrLf),
        _ => None,
    }
}

fn encoding_of(value: AttributeValue) -> Result<Option<Encoding>, UnknownEncoding> {
    let name = match value {
        AttributeValue::Unspecified => return Ok(None),
        AttributeValue::Set | AttributeValue::Unset => return Err(UnknownEncoding("true or false".to_owned())),
        AttributeValue::Text(name) => name,
    };
    let upper = name.to_ascii_uppercase();
    Ok(match &upper[..] {
        b"" | b"UTF-8" | b"UTF8" => None,
        b"UTF-16" | b"UTF16" => Some(Encoding::Utf16 { required: true }),
        b"UTF-16LE-BOM" | b"UTF16LE-BOM" => Some(Encoding::Utf16 { required: false }),
        b"UTF-16LE" | b"UTF16LE" => Some(Encoding::Utf16Of { big: false }),
        b"UTF-16BE" | b"UTF16BE" => Some(Encoding::Utf16Of { big: true }),
        b"ISO-8859-1" | b"LATIN-1" | b"LATIN1" => Some(Encoding::Latin1),
        _ => return Err(UnknownEncoding(name.to_str_lossy().into_owned())),
    })
}

impl Encoding {
    fn decode(self, content: &[u8]) -> Option<String> {
        let (big, text) = match (self, content) {
            (_, []) => return None,
            (Self::Latin1, _) => return Some(content.iter().map(|byte| char::from(*byte)).collect()),
            (Self::Utf16 { .. }, [0xff, 0xfe, text @ ..]) => (false, text),
            (Self::Utf16 { .. }, [0xfe, 0xff, text @ ..]) => (true, text),
            (Self::Utf16 { required: false }, text) => (false, text),
            // A mark is forbidden where the name gives the order.
            (Self::Utf16 { required: true }, _) | (Self::Utf16Of { .. }, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => {
                return None;
            }
            (Self::Utf16Of { big }, text) => (big, text),
        };
        let (pairs, rest) = text.as_chunks::<2>();
        let units = pairs.iter().map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
        let decoded: Result<String, _> = char::decode_utf16(units).collect();
        decoded.ok().filter(|_| rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_undone_only_where_its_mark_is_as_it_has_to_be() {
        let marked = Encoding::Utf16 { required: true };
        for (encoding, content, text) in [
            (marked, &b"\xff\xfeh\0"[..], Some("h")),
            (marked, b"\xfe\xff\0h", Some("h")),
            (marked, b"h\0", None),
            (Encoding::Utf16 { required: false }, b"h\0", Some("h")),
            (Encoding::Utf16Of { big: false }, b"h\0", Some("h")),
            (Encoding::Utf16Of { big: true }, b"\0h", Some("h")),
            (Encoding::Utf16Of { big: true }, b"\xfe\xff\0h", None),
            (marked, b"\xff\xfeh", None),
            (marked, b"\xff\xfe\0\xd8", None),
            (Encoding::Latin1, b"\xe9", Some("é")),
            (Encoding::Latin1, b"", None),
        ] {
            assert_eq!(encoding.decode(content).as_deref(), text, "{encoding:?} {content:?}");
        }
    }
}
