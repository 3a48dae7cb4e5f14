//! The gate against servers on loopback that answer what they are told to.
#![allow(clippy::unwrap_used)]

use forgeport_egress::{Credential, EgressError, Gate, GateSettings, Permit, Quiet, Request, Secret};
use forgeport_grants::{Grant, Origin, Placement};
use futures_util::StreamExt;
use http::{HeaderMap, Method};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use url::Url;

/// Answers each connection with the next of its answers, the last one for ever, and keeps what was asked.
struct Server {
    origin: Origin,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Vec<String>) -> Server {
        Server::on(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    fn on(listener: TcpListener, answers: Vec<String>) -> Server {
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

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.origin)).unwrap()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream);
    let mut request = String::new();
    while lines.read_line(&mut request).unwrap_or(0) > 2 {}
    let length = request.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = lines.read_exact(&mut body);
    request
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

fn redirect(to: &Url) -> String {
    answer("302 Found", &format!("location: {to}\r\n"), "")
}

fn get(url: Url) -> Request {
    Request { method: Method::GET, url, headers: HeaderMap::new(), body: None }
}

fn gate() -> Gate {
    Gate::new(GateSettings { connect: Duration::from_secs(5), idle: Duration::from_millis(300) }).unwrap()
}

/// All servers may be read; the token goes to the first.
fn permit(servers: &[&Server]) -> Permit {
    let grants = servers.iter().map(|server| Grant { origin: server.origin.clone(), methods: vec![] }).collect();
    let secret = Secret::new("hunter2".to_owned().into());
    let credential = Credential { origin: servers[0].origin.clone(), placement: Placement::Bearer, secret };
    Permit {
        grants,
        credentials: vec![credential],
        deadline: Instant::now() + Duration::from_secs(20),
        body: 1000,
        notices: Arc::new(Quiet),
    }
}

#[tokio::test]
async fn a_credential_goes_to_its_origin_and_not_along_a_redirect() {
    let other = Server::start(vec![ok("there")]);
    let home = Server::start(vec![redirect(&other.url("/archive?token=short"))]);
    let fetched = gate().fetch(&permit(&[&home, &other]), get(home.url("/"))).await.unwrap();
    assert_eq!(&fetched.body[..], b"there");
    assert!(home.asked()[0].contains("authorization: Bearer hunter2"));
    assert!(other.asked()[0].starts_with("GET /archive?token=short"));
    assert!(!other.asked()[0].contains("hunter2"));
}

#[tokio::test]
async fn a_way_back_home_does_not_bring_the_credential_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home_url = Url::parse(&format!("http://{}/again", listener.local_addr().unwrap())).unwrap();
    let other = Server::start(vec![redirect(&home_url)]);
    let home = Server::on(listener, vec![redirect(&other.url("/")), ok("home")]);
    gate().fetch(&permit(&[&home, &other]), get(home.url("/"))).await.unwrap();
    assert!(home.asked()[0].contains("hunter2") && !home.asked()[1].contains("hunter2"));
}

#[tokio::test]
async fn the_providers_own_headers_stay_at_home_but_for_the_wanted_form() {
    let other = Server::start(vec![ok("")]);
    let home = Server::start(vec![redirect(&other.url("/"))]);
    let mut request = get(home.url("/"));
    request.headers.insert("private-token", "guess".parse().unwrap());
    request.headers.insert("accept", "text/x".parse().unwrap());
    gate().fetch(&permit(&[&home, &other]), request).await.unwrap();
    assert!(home.asked()[0].contains("private-token: guess"));
    assert!(!other.asked()[0].contains("guess") && other.asked()[0].contains("accept: text/x"));
}

#[tokio::test]
async fn what_is_not_granted_is_never_contacted_also_not_by_a_redirect() {
    let stranger = Server::start(vec![ok("")]);
    let home = Server::start(vec![redirect(&stranger.url("/"))]);
    let permit = permit(&[&home]);
    for url in [home.url("/"), stranger.url("/")] {
        assert!(matches!(gate().fetch(&permit, get(url)).await, Err(EgressError::Refused(_))));
    }
    let post = Request { method: Method::POST, ..get(home.url("/")) };
    assert!(matches!(gate().fetch(&permit, post).await, Err(EgressError::Refused(_))));
    assert_eq!((stranger.asked().len(), home.asked().len()), (0, 1));
}

#[tokio::test]
async fn a_provider_cannot_set_headers_that_speak_for_the_host() {
    let home = Server::start(vec![ok("")]);
    for name in ["host", "authorization", "cookie", "transfer-encoding", "proxy-authorization", "user-agent"] {
        let mut request = get(home.url("/"));
        request.headers.insert(name, "x".parse().unwrap());
        assert!(matches!(gate().fetch(&permit(&[&home]), request).await, Err(EgressError::Improper(_))), "{name}");
    }
    assert!(home.asked().is_empty());
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let home = Server::on(listener, vec![redirect(&url)]);
    let result = gate().fetch(&permit(&[&home]), get(url)).await;
    assert!(matches!(result, Err(EgressError::Improper(_))));
    assert_eq!(home.asked().len(), 6);
}

#[tokio::test]
async fn a_body_longer_than_the_permit_allows_is_an_error_that_names_the_limit() {
    let home = Server::start(vec![ok(&"x".repeat(1001))]);
    let error = gate().fetch(&permit(&[&home]), get(home.url("/"))).await.unwrap_err();
    assert!(error.to_string().contains("1000"), "{error}");
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again() {
    let cut = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\ncut";
    let limited = answer("429 Too Many Requests", "retry-after: 0\r\n", "");
    let answers = vec![answer("503 Service Unavailable", "", ""), cut.to_owned(), limited, ok("at last")];
    let home = Server::start(answers);
    let fetched = gate().fetch(&permit(&[&home]), get(home.url("/"))).await.unwrap();
    assert_eq!(&fetched.body[..], b"at last");
    assert_eq!(home.asked().len(), 4);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_an_error_at_once() {
    let home = Server::start(vec![answer("429 Too Many Requests", "retry-after: 3600\r\n", "")]);
    let error = gate().fetch(&permit(&[&home]), get(home.url("/"))).await.unwrap_err();
    assert!(matches!(error, EgressError::RateLimited { .. }) && error.to_string().contains("3600 s"), "{error}");
    assert_eq!(home.asked().len(), 1);
}

#[tokio::test]
async fn a_request_that_changes_something_is_sent_once() {
    let home = Server::start(vec![answer("503 Service Unavailable", "", "busy")]);
    let mut permit = permit(&[&home]);
    permit.grants = [Grant { origin: home.origin.clone(), methods: vec!["POST".into()] }].into_iter().collect();
    let post = Request { method: Method::POST, body: Some("x".into()), ..get(home.url("/")) };
    let fetched = gate().fetch(&permit, post).await.unwrap();
    assert_eq!((fetched.status.as_u16(), home.asked().len()), (503, 1));
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let grant = Grant { origin: Origin::of(&url).unwrap(), methods: vec![] };
    // The connection is held open until the client has given up.
    let server = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").unwrap();
        let _ = stream.read(&mut [0]);
    });
    let quiet: Arc<dyn forgeport_egress::Notices> = Arc::new(Quiet);
    let deadline = Instant::now() + Duration::from_secs(20);
    let permit =
        Permit { grants: [grant].into_iter().collect(), credentials: vec![], deadline, body: 1000, notices: quiet };
    let mut body = gate().open(&permit, get(url)).await.unwrap().body;
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b"half");
    assert!(matches!(body.next().await, Some(Err(EgressError::Broken { .. }))));
    drop(body);
    server.await.unwrap();
}

#[tokio::test]
async fn errors_tell_the_origin_and_neither_query_nor_credential() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/path?token=hunter3", closed.local_addr().unwrap())).unwrap();
    drop(closed);
    let origin = Origin::of(&url).unwrap();
    let secret = Secret::new("hunter2".to_owned().into());
    let permit = Permit {
        grants: [Grant { origin: origin.clone(), methods: vec![] }].into_iter().collect(),
        credentials: vec![Credential { origin: origin.clone(), placement: Placement::Bearer, secret }],
        deadline: Instant::now() + Duration::from_secs(2),
        body: 1000,
        notices: Arc::new(Quiet),
    };
    let error = gate().fetch(&permit, get(url)).await.unwrap_err();
    let all = format!("{error} {error:?} {:?}", permit.credentials);
    assert!(all.contains(&origin.to_string()) && !all.contains("hunter"), "{all}");
}

#[tokio::test]
async fn a_credential_that_the_forge_echoes_does_not_come_back() {
    let echo = answer(
        "401 Unauthorized",
        "x-echo: Bearer hunter2hunter2\r\n",
        "you sent hunter2hunter2, twice hunter2hunter2",
    );
    let home = Server::start(vec![echo]);
    let mut permit = permit(&[&home]);
    permit.credentials[0].secret = Secret::new("hunter2hunter2".to_owned().into());
    let fetched = gate().fetch(&permit, get(home.url("/"))).await.unwrap();
    assert_eq!(fetched.headers["x-echo"], "Bearer ********");
    assert_eq!(&fetched.body[..], b"you sent ********, twice ********");
}
