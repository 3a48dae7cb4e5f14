//! What the gate adds to one request: everything between a provider's call and the HTTP client.

use crate::timing::{median, shown};
use anyhow::{Context, Result, ensure};
use forgeport_egress::{Auditor, Call, Credential, Gate, GateSettings, Placeholder, Request, Secret, Session};
use forgeport_model::{AuditRecord, Authority, CallOf, Grant, Grants, Limits, Origin, Placement, deadline};
use forgeport_store::{Intents, KeySource, Store};
use http::{HeaderMap, Method};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};
use url::Url;

const ROUNDS: usize = 3000;
/// As GitHub answers for one commit.
const BODY: usize = 4 << 10;

/// Records what leaves, and hands on what has ended, as the host's audit writer does.
struct AuditWriter {
    intents: Arc<Intents>,
    ended: Mutex<mpsc::Sender<AuditRecord>>,
}

impl Auditor for AuditWriter {
    fn leaving(&self, record: &AuditRecord) -> Result<(), String> {
        self.intents.announce(record).map_err(|error| error.to_string())
    }

    fn record(&self, record: AuditRecord) {
        if let Ok(sender) = self.ended.lock() {
            let _ = sender.send(record);
        }
    }
}

pub fn measure() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = Url::parse(&format!("http://{}/repos/acme/demo/commits/main?per_page=1", listener.local_addr()?))?;
    std::thread::spawn(move || serve(&listener));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The gate brings its own; this client would use the process' one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = tempfile::tempdir()?;
        let bare = reqwest::Client::builder().tcp_nodelay(true).build()?;
        let (gate, call) = (gate()?, call(&url, home.path()).await?);
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let start = Instant::now();
            let body = bare.get(url.clone()).send().await?.bytes().await?;
            let bare = start.elapsed();
            let start = Instant::now();
            let fetched = gate.fetch(&call, request(&url)).await?;
            let gated = start.elapsed();
            ensure!(fetched.body() == &body && body.len() == BODY, "the answers differ");
            // The first ones open connections.
            if round >= ROUNDS / 10 {
                without.push(bare);
                with.push(gated);
            }
        }
        print(median(without), median(with));
        Ok(())
    })
}

fn print(without: Duration, with: Duration) {
    println!("\n| one request on loopback | median |\n| --- | --- |");
    println!("| the HTTP client alone | {} |", shown(without));
    println!("| through the gate: grants, address, credential, leaks, limits, redaction, audit | {} |", shown(with));
    println!("| what the gate adds | {} |", shown(with.saturating_sub(without)));
}

fn gate() -> Result<Gate> {
    Ok(Gate::new(GateSettings::default())?)
}

fn request(url: &Url) -> Request {
    let accept = http::HeaderValue::from_static("application/vnd.github+json");
    let headers = HeaderMap::from_iter([(http::header::ACCEPT, accept)]);
    Request { method: Method::GET, url: url.clone(), headers, body: None, secret: None }
}

async fn call(url: &Url, home: &Path) -> Result<Call> {
    let origin = Origin::of(url)?;
    let grant = Grant { private: true, ..Grant::reading(origin.clone()) };
    let grants: Grants = [grant].into_iter().collect();
    let authority =
        Authority { requested: grants.clone(), granted: grants.clone(), policy: Some(grants), of: CallOf::Nobody };
    let secret = Secret::new(format!("github_pat_{:082}", 7).into());
    let (sender, receiver) = mpsc::channel();
    let intents = Arc::new(Store::open(home, KeySource::File).await?.audit().intents());
    let written = intents.clone();
    std::thread::spawn(move || {
        receiver.iter().for_each(|record: AuditRecord| written.written(&[record.id]));
    });
    let session = Session {
        credentials: vec![Credential {
            setting: "token".into(),
            origin,
            placement: Placement::Bearer,
            beginnings: Vec::new(),
            secret,
        }],
        placeholders: vec![Placeholder::new("token".into(), [7; 16])],
        auditor: Arc::new(AuditWriter { intents, ended: Mutex::new(sender) }),
        ..Session::new(authority)
    };
    Ok(Call::new(session, Limits::default(), deadline(Duration::from_secs(600))))
}

/// Answers every request on every connection.
fn serve(listener: &TcpListener) -> Result<()> {
    for stream in listener.incoming() {
        let mut stream = stream?;
        std::thread::spawn(move || -> Result<()> {
            stream.set_nodelay(true)?;
            let mut lines = BufReader::new(stream.try_clone()?);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n{}", "x".repeat(BODY));
            loop {
                let mut line = String::new();
                while lines.read_line(&mut line).context("the client is gone")? > 2 {
                    line.clear();
                }
                ensure!(!line.is_empty(), "the client is gone");
                stream.write_all(answer.as_bytes())?;
            }
        });
    }
    Ok(())
}
