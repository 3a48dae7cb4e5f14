//! Servers on loopback that answer what they are told to, and calls to them.

use forgeport_egress::{Auditor, Call, Credential, Gate, GateSettings, Request, Secret, Session};
use forgeport_model::{AuditRecord, AuditedRequest, Authority, CallOf, Grant, Grants, Limits, Origin, Placement};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use url::Url;

/// Answers each connection with the next of its answers, the last one for ever, and keeps what was asked.
pub struct Server {
    pub origin: Origin,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(answers: Vec<String>) -> Server {
        Server::on(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    pub fn on(listener: TcpListener, answers: Vec<String>) -> Server {
        let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let request = read_request(&stream);
                log.lock().unwrap().push(request);
                let answer = &answers[number.min(answers.len() - 1)];
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Server { origin, asked }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.origin)).unwrap()
    }
}

pub fn read_request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream);
    let mut request = String::new();
    while lines.read_line(&mut request).unwrap_or(0) > 2 {}
    let length = request.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = lines.read_exact(&mut body);
    request
}

pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

pub fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

pub fn redirect(to: &Url) -> String {
    answer("302 Found", &format!("location: {to}\r\n"), "")
}

pub fn get(url: Url) -> Request {
    Request::get(url)
}

/// A gate that waits longer than any busy machine takes.
pub fn gate() -> Gate {
    Gate::new(patient()).unwrap()
}

/// Settings for what has to succeed. Who tests a timeout makes just that one short.
pub fn patient() -> GateSettings {
    GateSettings { connect: Duration::from_secs(20), idle: Duration::from_secs(20), ..GateSettings::default() }
}

pub fn soon() -> Instant {
    forgeport_model::deadline(Duration::from_secs(20))
}

/// To read from an origin on this machine.
pub fn local(origin: &Origin) -> Grant {
    Grant { private: true, ..Grant::reading(origin.clone()) }
}

pub fn authority(grants: impl IntoIterator<Item = Grant>) -> Authority {
    let grants: Grants = grants.into_iter().collect();
    Authority { requested: grants.clone(), granted: grants, policy: None, of: CallOf::Nobody }
}

pub fn limits(texts: &[&str]) -> Limits {
    let mut limits = Limits::default();
    texts.iter().for_each(|text| limits.set_text(text).unwrap());
    limits
}

pub fn bearer(origin: &Origin, secret: &str) -> Credential {
    let secret = Secret::new(secret.to_owned().into());
    Credential {
        setting: "token".into(),
        origin: origin.clone(),
        placement: Placement::Bearer,
        beginnings: Vec::new(),
        secret,
    }
}

/// A call for which all servers may be read; the token goes to the first.
pub fn call_to(servers: &[&Server]) -> Call {
    let authority = authority(servers.iter().map(|server| local(&server.origin)));
    let session = Session { credentials: vec![bearer(&servers[0].origin, "hunter2")], ..Session::new(authority) };
    Call::new(session, limits(&["body=1000"]), soon())
}

/// The same call with another session.
pub fn with_session(call: Call, change: impl FnOnce(Session) -> Session) -> Call {
    Call { session: change(Session::clone(&call.session)).into(), ..call }
}

/// Keeps records in memory.
#[derive(Default)]
pub struct MemoryAuditor(Mutex<Vec<AuditedRequest>>);

impl Auditor for MemoryAuditor {
    fn record(&self, record: AuditRecord) {
        self.0.lock().unwrap().extend(record.request().cloned());
    }
}

impl MemoryAuditor {
    pub fn records(&self) -> Vec<AuditedRequest> {
        self.0.lock().unwrap().clone()
    }
}
