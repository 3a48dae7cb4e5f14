//! Requests and answers as the forges see them.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderMap, Method};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::Server;

/// How much of a body is sent at a time.
const CHUNK: usize = 128 * 1024;

/// A request that has been read whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which of the servers it came to.
    pub server: Server,
    /// The method.
    pub method: Method,
    /// Path as sent, still percent-encoded.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The origin at which it arrived, such as `http://127.0.0.1:40001`.
    pub origin: String,
}

impl Request {
    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The decoded value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (text(key) == name).then(|| text(&value.replace('+', " ")))
        })
    }

    /// A query parameter as a number of at least 1.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok().filter(|n| *n > 0)
    }

    /// The decoded segments of the path.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').skip(1).map(text).collect()
    }

    /// The token of `Authorization: SCHEME token`, for the schemes given.
    #[must_use]
    pub fn authorization(&self, schemes: &[&str]) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)).then(|| token.trim())
    }

    /// User name and password of `Authorization: Basic`.
    #[must_use]
    pub fn basic(&self) -> Option<(String, String)> {
        let decoded = STANDARD.decode(self.authorization(&["basic"])?).ok()?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// Decodes percent escapes.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

fn text(encoded: &str) -> String {
    String::from_utf8_lossy(&decode(encoded)).into_owned()
}

/// Escapes what may not stand in a segment of a path.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

pub(crate) type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What an answer carries.
pub enum Body {
    /// Sent with `Content-Length`.
    Whole(Bytes),
    /// Sent in chunks, without a length.
    Chunked(Bytes),
    /// A file, sent in chunks, without a length.
    File(PathBuf),
    /// Whatever comes, without a length.
    Stream(Chunks),
}

impl Body {
    /// How many bytes are announced.
    pub(crate) fn announced(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            _ => None,
        }
    }

    pub(crate) async fn chunks(self) -> io::Result<Chunks> {
        Ok(match self {
            Self::Whole(bytes) | Self::Chunked(bytes) => pieces(bytes),
            Self::File(path) => read(tokio::fs::File::open(path).await?),
            Self::Stream(chunks) => chunks,
        })
    }
}

fn pieces(bytes: Bytes) -> Chunks {
    stream::unfold(bytes, |mut left| async move {
        if left.is_empty() {
            return None;
        }
        let now = left.split_to(left.len().min(CHUNK));
        Some((Ok(now), left))
    })
    .boxed()
}

/// Everything that `source` gives, in chunks.
pub(crate) fn read(source: impl AsyncRead + Send + Unpin + 'static) -> Chunks {
    stream::unfold(source, |mut source| async move {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        match source.read_buf(&mut buffer).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(buffer.freeze()), source)),
            Err(error) => Some((Err(error), source)),
        }
    })
    .boxed()
}

/// An answer of a forge.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names and values; `Content-Length` follows from the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl Answer {
    /// An answer with a body of known length.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type".into(), content_type.into())], body: Body::Whole(body.into()) }
    }

    /// A JSON document.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    /// Plain text.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.to_owned())
    }

    /// A page for people.
    #[must_use]
    pub fn html(status: u16, body: &str) -> Self {
        let page = format!("<!DOCTYPE html>\n<html><body>{body}</body></html>\n");
        Self::new(status, "text/html; charset=utf-8", page)
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", "").header("location", location)
    }

    /// A gzip archive in a file, sent without a length as forges do.
    #[must_use]
    pub fn archive(content_type: &str, file_name: &str, file: PathBuf) -> Self {
        Self {
            status: 200,
            headers: vec![
                ("content-type".into(), content_type.into()),
                ("content-disposition".into(), format!("attachment; filename={file_name}")),
            ],
            body: Body::File(file),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends the body in chunks, without a length.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        if let Body::Whole(bytes) = self.body {
            self.body = Body::Chunked(bytes);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn whatever_is_encoded_decodes_to_itself() {
        let every: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        let encoded = encode(&every);
        assert!(encoded.is_ascii() && !encoded.contains(['/', '?', '#', ' ']));
        assert_eq!(decode(&encoded), every.as_bytes());
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        assert_eq!(decode("%"), b"%");
        assert_eq!(decode("%2"), b"%2");
        assert_eq!(decode("%zz%\u{e9}%41"), "%zz%\u{e9}A".as_bytes());
        assert_eq!(decode("%ff"), b"\xff");
    }
}
