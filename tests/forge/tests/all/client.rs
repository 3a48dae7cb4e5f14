//! A client that shows what really went over the wire.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A request that is about to be sent.
pub struct Ask {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body ended as it should: the last chunk, or as long as announced.
    pub whole: bool,
}

pub fn get(url: impl Into<String>) -> Ask {
    Ask {
        method: "GET",
        url: url.into(),
        headers: vec![("user-agent".into(), "test".into()), ("connection".into(), "close".into())],
    }
}

impl Ask {
    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn basic(self, user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", &format!("Basic {pair}"))
    }

    /// Opens the connection and sends the request, without waiting for anything.
    pub fn open(&self) -> TcpStream {
        let rest = self.url.strip_prefix("http://").unwrap();
        let (host, target) = rest.split_once('/').unwrap_or((rest, ""));
        let mut stream = TcpStream::connect(host).unwrap();
        let mut head = format!("{} /{target} HTTP/1.1\r\nhost: {host}\r\n", self.method);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        stream
    }

    /// None when the connection ended without an answer.
    pub fn try_send(&self) -> Option<Reply> {
        let mut raw = Vec::new();
        // A connection that was cut may end in an error; what came before counts.
        let _ = self.open().read_to_end(&mut raw);
        parse(&raw)
    }

    pub fn send(&self) -> Reply {
        self.try_send().expect("an answer")
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn location(&self) -> String {
        self.header("location").expect("a location").to_owned()
    }

    /// The unpacked tar, after checking that transfer and gzip are whole.
    pub fn tar(&self) -> Vec<u8> {
        assert_eq!(self.status, 200, "{}", self.text());
        assert!(self.whole);
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut tar).unwrap();
        tar
    }
}

fn parse(raw: &[u8]) -> Option<Reply> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        })
        .collect();
    let rest = &raw[end + 4..];
    let value = |name| headers.iter().find(|(known, _)| known == name);
    let (body, whole) = match (value("transfer-encoding"), value("content-length")) {
        (Some(_), _) => unchunk(rest),
        (None, Some((_, length))) => {
            let length: usize = length.parse().unwrap();
            (rest.to_vec(), rest.len() == length)
        }
        (None, None) => (rest.to_vec(), rest.is_empty()),
    };
    Some(Reply { status, headers, body, whole })
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let start = line + 2;
        let end = (start + size).min(rest.len());
        body.extend_from_slice(&rest[start..end]);
        rest = &rest[(end + 2).min(rest.len())..];
    }
    (body, false)
}
