//! Encrypted connections: whom they trust, what is spoken on them, and servers that do not keep to the rules.

use crate::support::*;
use bytes::Bytes;
use forgeport_egress::{Call, EgressError, Gate, GateSettings, Session};
use forgeport_model::{AuditContext, Origin};
use http::{Response, Version};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// An authority of one's own.
struct Authority {
    pem: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem().into_bytes();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A server's side, for this name and until this year.
    fn server(&self, name: &str, until: i32, protocols: &[&str]) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What a server saw: connections, and of each request its version and its authorization.
#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<(Version, String)>,
}

/// Speaks HTTP/2 or 1.1, as was agreed, and answers everything with its authorization.
async fn start(tls: TlsAcceptor) -> (Url, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = local_url(&listener);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            log.lock().unwrap().connections += 1;
            tokio::spawn(serve(tls.clone(), stream, log.clone()));
        }
    });
    (url, seen)
}

async fn serve(tls: TlsAcceptor, stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let is_2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request: http::Request<Incoming>| {
        let sent = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        seen.lock().unwrap().requests.push((request.version(), sent.unwrap_or_default()));
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"well")))) }
    });
    let stream = TokioIo::new(stream);
    let _ = if is_2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
    } else {
        hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await
    };
}

fn local_url(listener: &TcpListener) -> Url {
    Url::parse(&format!("https://localhost:{}/", listener.local_addr().unwrap().port())).unwrap()
}

fn gate_trusting(authority: Option<&Authority>) -> Gate {
    let certificates = authority.map(|authority| authority.pem.clone());
    Gate::new(GateSettings { certificates, ..patient() }).unwrap()
}

fn permit_for(url: &Url, workspace: &str) -> Call {
    let origin = Origin::of(url).unwrap();
    let call = Call::new(Session::new(authority([local(&origin)])), limits(&[]), soon());
    let context = Arc::new(AuditContext { workspace: workspace.to_owned(), ..AuditContext::default() });
    with_session(call, |session| Session { credentials: vec![bearer(&origin, "hunter2")], context, ..session })
}

/// What a person is told.
async fn unreachable(gate: &Gate, url: &Url) -> String {
    match gate.open(&permit_for(url, "a"), get(url.clone())).await {
        Err(error @ EgressError::Unreachable { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was answered"),
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_where_it_is_named_and_nowhere_else() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (url, seen) = start(ours.server("localhost", 2100, &[])).await;
    let fetched = gate_trusting(Some(&ours)).fetch(&permit_for(&url, "a"), get(url.clone())).await.unwrap();
    assert_eq!(&fetched.body()[..], b"well");
    // The two authorities have one name.
    for (gate, words) in [
        (gate_trusting(None), "an authority that is not known on this machine"),
        (gate_trusting(Some(&theirs)), "another key than the one that its authority is known by"),
    ] {
        let why = unreachable(&gate, &url).await;
        assert!(why.contains(words), "{why}");
        assert!(why.ends_with("name that one's certificate: FORGEPORT_CA_FILE=ca.pem"), "{why}");
        assert!(!why.contains("UnknownIssuer") && !why.contains("Connect"), "{why}");
    }
    let requests = &seen.lock().unwrap().requests;
    assert_eq!(*requests, [(Version::HTTP_11, "Bearer hunter2".to_owned())]);
}

#[tokio::test]
async fn a_certificate_of_another_name_or_an_old_one_gets_no_request() {
    let ours = Authority::new();
    for (tls, words) in [
        (ours.server("forge.example", 2100, &[]), "its certificate is for another name (forge.example)"),
        (ours.server("localhost", 2001, &[]), "its certificate has ended; set this machine's clock"),
    ] {
        let (url, seen) = start(tls).await;
        let why = unreachable(&gate_trusting(Some(&ours)), &url).await;
        // What only an authority is good for is not advised.
        assert!(why.contains(words) && !why.contains("FORGEPORT_CA_FILE"), "{why}");
        assert!(seen.lock().unwrap().requests.is_empty());
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered_and_no_connection_is_shared_between_workspaces() {
    let ours = Authority::new();
    let (url, seen) = start(ours.server("localhost", 2100, &["h2", "http/1.1"])).await;
    let gate = gate_trusting(Some(&ours));
    let fetch = async |workspace: &str| gate.fetch(&permit_for(&url, workspace), get(url.clone())).await.unwrap();
    fetch("a").await;
    tokio::join!(fetch("a"), fetch("a"), fetch("a"));
    assert_eq!(seen.lock().unwrap().connections, 1);
    fetch("b").await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.connections, 2);
    assert!(seen.requests.len() == 5 && seen.requests.iter().all(|(version, _)| *version == Version::HTTP_2));
    assert!(seen.requests.iter().all(|(_, sent)| sent == "Bearer hunter2"));
}

/// How a server may behave before anything was agreed.
#[derive(Clone, Copy, Debug)]
enum Handshake {
    /// It says nothing.
    Silent,
    /// It begins a record of TLS, and says no more.
    Half,
    /// It begins one, and hangs up.
    HangsUp,
    /// It speaks no TLS.
    Plain,
    /// It says that it will send more than there may be in a record.
    Endless,
}

impl Handshake {
    async fn serve(self, mut stream: TcpStream) {
        let mut hello = [0; 1024];
        let _ = stream.read(&mut hello).await;
        let said: &[u8] = match self {
            Handshake::Silent => b"",
            Handshake::Half | Handshake::HangsUp => b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03",
            Handshake::Plain => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
            Handshake::Endless => b"\x16\x03\x03\xff\xff\x02\xff\xff\xff",
        };
        let _ = stream.write_all(said).await;
        if matches!(self, Handshake::Silent | Handshake::Half) {
            // Until the other side gives up.
            while stream.read(&mut hello).await.is_ok_and(|read| read > 0) {}
        }
    }
}

#[tokio::test]
async fn half_a_handshake_ends_in_time_and_with_an_error() {
    let patient_gate = gate_trusting(None);
    let impatient_gate = Gate::new(GateSettings { connect: Duration::from_millis(300), ..patient() }).unwrap();
    for handshake in [Handshake::Silent, Handshake::Half, Handshake::HangsUp, Handshake::Plain, Handshake::Endless] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = local_url(&listener);
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            handshake.serve(stream).await;
        });
        // Only these two end by the timeout; of the others the reason is told, however busy the machine is.
        let ends_by_time = matches!(handshake, Handshake::Silent | Handshake::Half);
        let gate = if ends_by_time { &impatient_gate } else { &patient_gate };
        let started = Instant::now();
        let why = unreachable(gate, &url).await;
        assert!(started.elapsed() < Duration::from_secs(15) && !why.contains("hunter2"), "{handshake:?}: {why}");
        let says_no_tls = why.contains("speaks no TLS");
        assert_eq!(says_no_tls, matches!(handshake, Handshake::Plain | Handshake::Endless), "{handshake:?}: {why}");
        // The connection is gone on this side too.
        server.await.unwrap();
    }
}
