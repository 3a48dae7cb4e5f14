//! Names that lead where no provider may go.

use crate::support::*;
use forgeport_egress::{Call, EgressError, Gate, GateSettings, Lookup, Session};
use forgeport_model::{AuditContext, Digest, Grant, Origin, Outcome};
use futures_util::future::BoxFuture;
use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};
use url::Url;

/// Answers every name with the next of its answers, the last one for ever, and keeps what was asked.
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Names> {
        let answers = answers.iter().map(|all| all.iter().map(|one| one.parse().unwrap()).collect()).collect();
        Arc::new(Names { answers, asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Lookup for Names {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(name.to_owned());
        let answer = self.answers[(asked.len() - 1).min(self.answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn gate_with(names: &Arc<Names>) -> Gate {
    Gate::new(GateSettings { lookup: names.clone(), ..patient() }).unwrap()
}

fn allowed(origin: &str, private: bool) -> Call {
    let grant = Grant { private, ..Grant::reading(Origin::parse(origin).unwrap()) };
    Call::new(Session::new(authority([grant])), limits(&[]), soon())
}

async fn refused(names: &Arc<Names>, call: &Call, url: &str) -> EgressError {
    gate_with(names).open(call, get(Url::parse(url).unwrap())).await.err().unwrap()
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_needs_a_grant_that_says_so() {
    for address in ["10.0.0.7", "127.0.0.1", "::1", "::ffff:192.168.0.1", "fd00::1", "100.64.1.1"] {
        let names = Names::new(&[&[address]]);
        let error = refused(&names, &allowed("https://git.example.com", false), "https://git.example.com/").await;
        let EgressError::Address(refused) = &error else { panic!("{address}: {error}") };
        assert!(refused.allowable, "{address}");
        assert!(error.to_string().contains("--allow-private=https://git.example.com"), "{error}");
    }
}

#[tokio::test]
async fn no_grant_leads_to_a_metadata_service() {
    for address in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "168.63.129.16"]
    {
        let names = Names::new(&[&[address]]);
        let error = refused(&names, &allowed("https://git.example.com", true), "https://git.example.com/").await;
        assert!(matches!(&error, EgressError::Address(refused) if !refused.allowable), "{address}: {error}");
    }
    let names = Names::new(&[&[]]);
    for url in [
        "https://169.254.169.254",
        "https://[fd00:ec2::254]",
        "https://[::ffff:a9fe:a9fe]",
        "https://0xa9fea9fe",
        "https://2852039166",
    ] {
        let error = refused(&names, &allowed(url, true), url).await;
        assert!(matches!(error, EgressError::Address(_)), "{url}: {error}");
    }
    assert_eq!(names.asked(), 0);
}

#[tokio::test]
async fn a_granted_private_address_is_dialled() {
    let home = Server::start(vec![ok("here")]);
    let url = home.url("/").as_str().replace("127.0.0.1", "localhost");
    let names = Names::new(&[&["127.0.0.1"]]);
    let call = allowed(url.trim_end_matches('/'), true);
    let fetched = gate_with(&names).fetch(&call, get(Url::parse(&url).unwrap())).await.unwrap();
    assert_eq!((&fetched.body()[..], names.asked()), (&b"here"[..], 1));
    let error = refused(&names, &allowed(url.trim_end_matches('/'), false), &url).await;
    assert!(matches!(error, EgressError::Address(_)), "{error}");
}

/// The second answer would have to be looked up by somebody who does not check it.
#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_for_every_new_connection() {
    let home = Server::start(vec![ok("once")]);
    let url = home.url("/").as_str().replace("127.0.0.1", "localhost");
    let call = allowed(url.trim_end_matches('/'), true);
    let names = Names::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let gate = gate_with(&names);
    let url = Url::parse(&url).unwrap();
    assert!(gate.open(&call, get(url.clone())).await.is_ok());
    assert!(matches!(gate.open(&call, get(url)).await.err(), Some(EgressError::Address(_))));
    assert_eq!((names.asked(), home.asked().len()), (2, 1));
}

#[tokio::test]
async fn http_stays_on_this_machine_wherever_its_name_leads() {
    let names = Names::new(&[&["140.82.121.4"]]);
    let error = refused(&names, &allowed("http://localhost:8080", true), "http://localhost:8080/").await;
    assert!(error.to_string().contains("https is needed"), "{error}");
    let error = refused(&names, &allowed("http://140.82.121.4", true), "http://140.82.121.4/").await;
    assert!(error.to_string().contains("https is needed"), "{error}");
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused_and_written_down() {
    let inner = Server::start(vec![ok("secret")]);
    let home = Server::start(vec![redirect(&inner.url("/latest/meta-data"))]);
    let kept = Arc::new(MemoryAuditor::default());
    let public = Grant { private: false, ..local(&inner.origin) };
    let call = with_session(
        Call::new(Session::new(authority([local(&home.origin), public])), limits(&[]), soon()),
        |session| Session { auditor: kept.clone(), ..session },
    );
    let error = gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
    assert!(matches!(error, EgressError::Address(_)), "{error}");
    assert!(inner.asked().is_empty());
    let outcomes: Vec<Outcome> = kept.records().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Answered, Outcome::Refused]);
    assert!(kept.records()[1].rule.contains("this machine") && kept.records()[1].path == "/latest/meta-data");
}

#[tokio::test]
async fn connections_of_one_provider_are_not_used_by_another() {
    // Two requests on one connection would be answered; the server closes nothing and accepts twice at most.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let accepted = std::thread::spawn(move || {
        let mut streams = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..if streams.is_empty() { 2 } else { 1 } {
                read_request(&stream);
                io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
            streams.push(stream);
        }
        streams.len()
    });
    let of = |digest: &str| {
        let context = AuditContext { digest: Some(Digest::of(digest.as_bytes())), ..AuditContext::default() };
        with_session(Call::new(Session::new(authority([local(&origin)])), limits(&[]), soon()), |session| Session {
            context: Arc::new(context),
            ..session
        })
    };
    let gate = gate();
    let url = Url::parse(&format!("{origin}/")).unwrap();
    for digest in ["one", "one", "two"] {
        gate.fetch(&of(digest), get(url.clone())).await.unwrap();
    }
    assert_eq!(accepted.join().unwrap(), 2);
}
