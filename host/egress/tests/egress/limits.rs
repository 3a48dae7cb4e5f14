//! What a call may use up on the network, and what is written down of it.

use crate::support::*;
use forgeport_egress::{Auditor, Budget, Call, EgressError, Request, Session};
use forgeport_model::{AuditRecord, Grant, Limit, Outcome};
use futures_util::FutureExt;
use http::{HeaderName, Method};
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

async fn reached(call: &Call, request: Request) -> Limit {
    match gate().fetch(call, request).await {
        Err(EgressError::Limit(reached)) => reached.limit,
        other => panic!("{other:?}"),
    }
}

fn limited(home: &Server, texts: &[&str]) -> Call {
    let grant = Grant { methods: vec!["GET".into(), "POST".into()], ..local(&home.origin) };
    Call::new(Session::new(authority([grant])), limits(texts), soon())
}

#[tokio::test]
async fn requests_are_counted_with_redirects_and_repetitions() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let home = Server::on(listener, vec![answer("503 Busy", "", ""), redirect(&url), ok("")]);
    let call = limited(&home, &["requests=3"]);
    gate().fetch(&call, get(url.clone())).await.unwrap();
    assert_eq!(reached(&call, get(url)).await, Limit::Requests);
    assert_eq!(home.asked().len(), 3);
}

#[tokio::test]
async fn what_is_refused_counts_as_a_request_and_beyond_the_limit_nothing_is_told_of_it() {
    let home = Server::start(vec![ok("")]);
    let kept = Arc::new(MemoryAuditor::default());
    let call = with_session(limited(&home, &["requests=3"]), |session| Session { auditor: kept.clone(), ..session });
    let elsewhere = Url::parse("https://ungranted.example/secret-path").unwrap();
    for _ in 0..3 {
        let refused = gate().fetch(&call, get(elsewhere.clone())).await;
        assert!(matches!(refused, Err(EgressError::Refused(_))), "{refused:?}");
    }
    assert_eq!(reached(&call, get(elsewhere)).await, Limit::Requests);
    assert_eq!(reached(&call, get(home.url("/"))).await, Limit::Requests);
    assert!(home.asked().is_empty());
    let told: Vec<_> = kept.records().into_iter().map(|record| (record.outcome, record.origin, record.path)).collect();
    let named = (Outcome::Refused, "https://ungranted.example".to_owned(), "/secret-path".to_owned());
    let beyond = (Outcome::Refused, String::new(), String::new());
    assert_eq!(told, [named.clone(), named.clone(), named, beyond.clone(), beyond]);
}

#[tokio::test]
async fn what_is_sent_is_counted_before_it_leaves() {
    let home = Server::start(vec![ok("")]);
    let call = limited(&home, &["bytes_out=2000"]);
    let post = |length| Request { method: Method::POST, body: Some(vec![b'x'; length].into()), ..get(home.url("/")) };
    gate().fetch(&call, post(1000)).await.unwrap();
    assert_eq!(reached(&call, post(1000)).await, Limit::BytesOut);
    assert_eq!(home.asked().len(), 1);
}

#[tokio::test]
async fn what_is_received_is_counted_over_all_requests() {
    let home = Server::start(vec![ok(&"x".repeat(600))]);
    let call = limited(&home, &["bytes_in=1000"]);
    gate().fetch(&call, get(home.url("/"))).await.unwrap();
    assert_eq!(reached(&call, get(home.url("/"))).await, Limit::BytesIn);
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    // Not on the test's own thread, on which the connection is closed.
    let server = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        std::io::Write::write_all(&mut stream, head).unwrap();
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        let mut sent = 0u64;
        while std::io::Write::write_all(&mut stream, chunk.as_bytes()).is_ok() {
            sent += 0x1000;
        }
        sent
    });
    let origin = forgeport_model::Origin::of(&url).unwrap();
    let call = Call::new(Session::new(authority([local(&origin)])), limits(&["body=100KiB"]), soon());
    assert_eq!(reached(&call, get(url)).await, Limit::Body);
    // Only what the sockets' buffers hold has been sent beyond it.
    assert!(server.await.unwrap() < 64 << 20);
}

#[tokio::test]
async fn answers_that_are_held_count_together_and_no_longer_when_they_are_dropped() {
    let home = Server::start(vec![ok(&"x".repeat(600))]);
    let call = limited(&home, &["body=1000"]);
    let held = gate().fetch(&call, get(home.url("/"))).await.unwrap();
    let part = held.body().slice(..1);
    drop(held);
    assert_eq!(reached(&call, get(home.url("/"))).await, Limit::Body);
    drop(part);
    gate().fetch(&call, get(home.url("/"))).await.unwrap();
}

#[tokio::test]
async fn headers_are_counted_and_measured_on_the_way_out_and_back() {
    let many: String = (0..90).map(|number| format!("x-{number}: y\r\n")).collect();
    let home =
        Server::start(vec![answer("200 OK", &many, ""), answer("200 OK", &format!("x: {}\r\n", "y".repeat(3000)), "")]);
    assert_eq!(reached(&limited(&home, &["headers=50"]), get(home.url("/"))).await, Limit::Headers);
    assert_eq!(reached(&limited(&home, &["header_bytes=2000"]), get(home.url("/"))).await, Limit::HeaderBytes);
    let mut request = get(home.url("/"));
    for number in 0..60 {
        request.headers.insert(HeaderName::try_from(format!("x-{number}")).unwrap(), "y".parse().unwrap());
    }
    assert_eq!(reached(&limited(&home, &["headers=50"]), request).await, Limit::Headers);
    assert_eq!(home.asked().len(), 2);
}

#[tokio::test]
async fn as_many_headers_as_no_map_holds_are_an_error() {
    let home = Server::start(vec![ok("")]);
    let mut request = get(home.url("/"));
    for number in 0..24_576 {
        // The map takes no more, and panics at the next.
        let _ = request.headers.try_append(HeaderName::try_from(format!("x-{number}")).unwrap(), "y".parse().unwrap());
    }
    let mut most = limits(&["headers=10000", "header_bytes=1GiB"]);
    assert_eq!(reached(&limited(&home, &["header_bytes=1GiB"]), request.clone()).await, Limit::Headers);
    most.set(Limit::Headers, u64::MAX);
    let call = Call { budget: Budget::new(most), ..limited(&home, &[]) };
    assert_eq!(reached(&call, request).await, Limit::Headers);
    assert!(home.asked().is_empty());
}

#[tokio::test]
async fn a_url_counts_as_a_part_of_the_headers() {
    let home = Server::start(vec![ok("")]);
    let long = home.url(&format!("/{}", "x".repeat(70_000)));
    assert_eq!(reached(&limited(&home, &[]), get(long.clone())).await, Limit::HeaderBytes);
    // The client takes none that is longer than 65,534 bytes, and says so.
    let error = gate().fetch(&limited(&home, &["header_bytes=1MiB"]), get(long)).await.unwrap_err();
    assert!(matches!(error, EgressError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_body_that_is_refused_counts_as_sent() {
    let home = Server::start(vec![ok("")]);
    let placeholder = forgeport_egress::Placeholder::new("token".into(), [7; 16]);
    let body = format!("{}{}", "%25".repeat(100_000), placeholder.text());
    let call = with_session(limited(&home, &["bytes_out=700000"]), |session| Session {
        placeholders: vec![placeholder],
        ..session
    });
    let post = || Request { method: Method::POST, body: Some(body.clone().into()), ..get(home.url("/")) };
    for _ in 0..2 {
        let error = gate().fetch(&call, post()).await.unwrap_err();
        assert!(matches!(error, EgressError::Leak { .. }), "{error}");
    }
    assert_eq!(reached(&call, post()).await, Limit::BytesOut);
}

#[tokio::test]
async fn no_more_requests_than_allowed_are_on_their_way_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = accepted.clone();
    // It accepts whoever comes, for as long as the test lasts, and lets each wait for its body.
    let server = tokio::spawn(async move {
        let mut waiting = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Relaxed);
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").await.unwrap();
            waiting.push(stream);
        }
    });
    let origin = forgeport_model::Origin::of(&url).unwrap();
    let departures = Arc::new(Departures::default());
    let session = Session { auditor: departures.clone(), ..Session::new(authority([local(&origin)])) };
    let call = Call::new(session, limits(&["concurrent_requests=2"]), soon());
    let gate = gate();
    let (one, two) = tokio::join!(gate.open(&call, get(url.clone())), gate.open(&call, get(url.clone())));
    let mut third = std::pin::pin!(gate.open(&call, get(url)));
    // It takes a slot in its first poll if it takes one at all, and whatever it had sent would be accepted meanwhile.
    for _ in 0..100 {
        assert!(third.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!((departures.0.load(Relaxed), accepted.load(Relaxed)), (2, 2));
    drop(one);
    third.await.unwrap();
    assert_eq!((departures.0.load(Relaxed), accepted.load(Relaxed)), (3, 3));
    drop(two);
    server.abort();
}

/// Counts requests that leave.
#[derive(Default)]
struct Departures(AtomicUsize);

impl Auditor for Departures {
    fn leaving(&self, _record: &AuditRecord) -> Result<(), String> {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }

    fn record(&self, _record: AuditRecord) {}
}

#[tokio::test]
async fn a_credential_that_a_redirect_leads_to_is_not_written_down() {
    let secret = "Hunter2-in-an-address";
    for to in [
        format!("http://{secret}.evil.example/"),
        format!("http://evil.example/{secret}"),
        format!("http://evil.example/?{secret}"),
    ] {
        let home = Server::start(vec![redirect(&Url::parse(&to).unwrap())]);
        let kept = Arc::new(MemoryAuditor::default());
        let call = with_session(call_to(&[&home]), |session| Session {
            auditor: kept.clone(),
            credentials: vec![bearer(&home.origin, secret)],
            ..session
        });
        gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
        let records = kept.records();
        assert!(records.len() == 2 && !format!("{records:?}").to_lowercase().contains("in-an-address"), "{records:?}");
    }
}

#[tokio::test]
async fn every_request_is_written_down_without_what_may_be_secret() {
    let home = Server::start(vec![ok("12345")]);
    let kept = Arc::new(MemoryAuditor::default());
    let call = with_session(call_to(&[&home]), |session| Session { auditor: kept.clone(), ..session });
    gate().fetch(&call, get(home.url("/a/b?ref=main&token=hunter3"))).await.unwrap();
    let mut stranger = home.url("/");
    stranger.set_username("me").unwrap();
    stranger.set_password(Some("hunter4")).unwrap();
    gate().fetch(&call, get(stranger)).await.unwrap_err();
    let records = kept.records();
    let [answered, refused] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((answered.path.as_str(), answered.status), ("/a/b?ref=...&token=...", Some(200)));
    assert_eq!((answered.outcome, answered.secrets.as_slice()), (Outcome::Answered, &["token".to_owned()][..]));
    assert!(answered.received >= 5 && answered.sent > 10 && answered.rule.contains(&home.origin.to_string()));
    assert_eq!((refused.outcome, refused.status, refused.secrets.len()), (Outcome::Refused, None, 0));
    assert!(!format!("{records:?}").contains("hunter"));
}
