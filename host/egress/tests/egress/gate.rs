//! The gate against servers on loopback that answer what they are told to.

use crate::support::*;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use forgeport_egress::{Budget, Call, EgressError, Gate, GateSettings, Notices, Request, Session};
use forgeport_model::{Grant, Origin, Outcome};
use futures_util::StreamExt;
use http::Method;
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};
use url::Url;

#[tokio::test]
async fn a_credential_goes_to_its_origin_and_not_along_a_redirect() {
    let other = Server::start(vec![ok("there")]);
    let home = Server::start(vec![redirect(&other.url("/archive?token=short"))]);
    let fetched = gate().fetch(&call_to(&[&home, &other]), get(home.url("/"))).await.unwrap();
    assert_eq!(&fetched.body()[..], b"there");
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
    gate().fetch(&call_to(&[&home, &other]), get(home.url("/"))).await.unwrap();
    assert!(home.asked()[0].contains("hunter2") && !home.asked()[1].contains("hunter2"));
}

#[tokio::test]
async fn the_providers_own_headers_stay_at_home_but_for_the_wanted_form() {
    let other = Server::start(vec![ok("")]);
    let home = Server::start(vec![redirect(&other.url("/"))]);
    let mut request = get(home.url("/"));
    request.headers.insert("x-private", "guess".parse().unwrap());
    request.headers.insert("accept", "text/x".parse().unwrap());
    gate().fetch(&call_to(&[&home, &other]), request).await.unwrap();
    assert!(home.asked()[0].contains("x-private: guess"));
    assert!(!other.asked()[0].contains("guess") && other.asked()[0].contains("accept: text/x"));
}

#[tokio::test]
async fn what_is_not_granted_is_never_contacted_also_not_by_a_redirect() {
    let stranger = Server::start(vec![ok("")]);
    let home = Server::start(vec![redirect(&stranger.url("/"))]);
    let call = call_to(&[&home]);
    let redirected = gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
    assert!(redirected.to_string().starts_with(&format!("{} redirects elsewhere", home.origin)), "{redirected}");
    assert!(matches!(gate().fetch(&call, get(stranger.url("/"))).await, Err(EgressError::Refused(_))));
    let post = Request { method: Method::POST, ..get(home.url("/")) };
    assert!(matches!(gate().fetch(&call, post).await, Err(EgressError::Refused(_))));
    assert_eq!((stranger.asked().len(), home.asked().len()), (0, 1));
}

#[tokio::test]
async fn a_provider_cannot_set_headers_that_speak_for_somebody_or_lead_elsewhere() {
    let home = Server::start(vec![ok("")]);
    for name in [
        "authorization",
        "cookie",
        "transfer-encoding",
        "proxy-authorization",
        "private-token",
        "x-original-url",
        "x-http-method-override",
        "x-forwarded-host",
    ] {
        let mut request = get(home.url("/"));
        request.headers.insert(name, "x".parse().unwrap());
        let error = gate().fetch(&call_to(&[&home]), request).await.unwrap_err();
        assert!(matches!(&error, EgressError::Improper(why) if why.contains(name)), "{error}");
    }
    assert!(home.asked().is_empty());
}

#[tokio::test]
async fn what_libraries_set_by_themselves_is_left_out_and_what_is_private_arrives() {
    let home = Server::start(vec![ok("")]);
    let mut request = get(home.url("/"));
    let own = [
        ("host", "evil.example"),
        ("connection", "close"),
        ("user-agent", "lib/1"),
        ("content-length", "7"),
        ("sec-fetch-mode", "cors"),
    ];
    let passing = [
        ("accept", "text/x"),
        ("git-protocol", "version=2"),
        ("if-none-match", "\"a\""),
        ("x-github-api-version", "1"),
    ];
    for (name, value) in own.iter().chain(&passing) {
        request.headers.insert(*name, value.parse().unwrap());
    }
    gate().fetch(&call_to(&[&home]), request).await.unwrap();
    let asked = home.asked().concat();
    assert!(own.iter().all(|(name, value)| !asked.contains(&format!("{name}: {value}\r\n"))), "{asked}");
    assert!(passing.iter().all(|(name, value)| asked.contains(&format!("{name}: {value}\r\n"))), "{asked}");
    assert!(asked.contains(&format!("host: {}\r\n", home.origin.to_string().replace("http://", ""))), "{asked}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let home = Server::on(listener, vec![redirect(&url)]);
    let result = gate().fetch(&call_to(&[&home]), get(url)).await;
    assert!(matches!(result, Err(EgressError::Improper(_))));
    assert_eq!(home.asked().len(), 6);
}

#[tokio::test]
async fn a_redirect_that_holds_the_credential_is_not_followed_and_is_written_down() {
    let other = Server::start(vec![ok("")]);
    let secret = "Hunter2-hunter2";
    let deep = "%2548%2575%256e%2574%2565%25722-hunter2";
    for holding in [secret, &secret.to_uppercase(), "%48unter2-hunte%722", deep, &BASE64_STANDARD.encode(secret)] {
        for to in [other.url(&format!("/landed?t=Bearer%20{holding}")), other.url(&format!("/{holding}#x"))] {
            let home = Server::start(vec![redirect(&to)]);
            let kept = Arc::new(MemoryAuditor::default());
            let credentials = vec![bearer(&home.origin, secret)];
            let call = with_session(call_to(&[&home, &other]), |session| Session {
                credentials,
                auditor: kept.clone(),
                ..session
            });
            let error = gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
            assert!(
                matches!(&error, EgressError::Improper(why) if why.contains("holds the credential")),
                "{to}: {error}"
            );
            let records = kept.records();
            let ended = |outcome| records.iter().filter(|record| record.outcome == outcome).count();
            assert_eq!((ended(Outcome::Answered), ended(Outcome::Refused)), (1, 1), "{to}");
        }
    }
    assert!(other.asked().is_empty());
    // What only resembles it is followed.
    let home = Server::start(vec![redirect(&other.url("/hunter2-"))]);
    let call = with_session(call_to(&[&home, &other]), |session| Session {
        credentials: vec![bearer(&home.origin, secret)],
        ..session
    });
    gate().fetch(&call, get(home.url("/"))).await.unwrap();
}

#[tokio::test]
async fn a_body_longer_than_the_permit_allows_is_an_error_that_names_the_limit() {
    let home = Server::start(vec![ok(&"x".repeat(1001))]);
    let error = gate().fetch(&call_to(&[&home]), get(home.url("/"))).await.unwrap_err();
    assert!(error.to_string().contains("1000"), "{error}");
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again() {
    let cut = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\ncut";
    let limited = answer("429 Too Many Requests", "retry-after: 0\r\n", "");
    let answers = vec![answer("503 Service Unavailable", "", ""), cut.to_owned(), limited, ok("at last")];
    let home = Server::start(answers);
    let fetched = gate().fetch(&call_to(&[&home]), get(home.url("/"))).await.unwrap();
    assert_eq!(&fetched.body()[..], b"at last");
    assert_eq!(home.asked().len(), 4);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_an_error_at_once() {
    let home = Server::start(vec![answer("429 Too Many Requests", "retry-after: 3600\r\n", "")]);
    let error = gate().fetch(&call_to(&[&home]), get(home.url("/"))).await.unwrap_err();
    assert!(matches!(error, EgressError::AskedToWait { .. }) && error.to_string().contains("3600 s"), "{error}");
    assert_eq!(home.asked().len(), 1);
}

/// Shorter ones are not masked.
const LONG: &str = "correct-horse-battery";

/// Hears what a person is told.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Notices for Heard {
    fn waiting(&self, why: &str, _how_long: Duration) {
        self.0.lock().unwrap().push(why.to_owned());
    }
}

#[tokio::test]
async fn what_a_forge_says_of_a_wait_is_told_while_waiting_and_after_without_the_credential() {
    let body = r#"{"message":{"error":"This archive has been requested\ntoo many times by {LONG}. Try again later."}}"#
        .replace("{LONG}", LONG);
    let limited = |after| answer("429 Too Many Requests", &format!("retry-after: {after}\r\n"), &body);
    let home = Server::start(vec![limited(0), limited(900)]);
    let heard = Arc::new(Heard::default());
    let call = Call {
        notices: heard.clone(),
        ..with_session(call_to(&[&home]), |session| Session {
            credentials: vec![bearer(&home.origin, LONG)],
            ..session
        })
    };
    let error = gate().fetch(&call, get(home.url("/"))).await.unwrap_err().to_string();
    let said = heard.0.lock().unwrap().join("\n");
    for told in [&said, &error] {
        assert!(
            told.contains("limits the rate of requests (429: This archive has been requested too many times"),
            "{told}"
        );
        assert!(!told.contains(LONG), "{told}");
    }
    assert!(error.ends_with("; try again in 900 s (15 min)"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_still_being_prepared_is_asked_for_again() {
    let taken = |headers| answer("202 Accepted", headers, r#"{"message":"archive is being prepared"}"#);
    for headers in ["", "retry-after: 0\r\n"] {
        let home = Server::start(vec![taken(headers), taken(headers), ok("at last")]);
        let fetched = gate().fetch(&call_to(&[&home]), get(home.url("/"))).await.unwrap();
        assert_eq!((&fetched.body()[..], home.asked().len()), (&b"at last"[..], 3));
    }
    let home = Server::start(vec![taken("retry-after: 3600\r\n")]);
    let error = gate().fetch(&call_to(&[&home]), get(home.url("/"))).await.unwrap_err().to_string();
    assert!(
        error.contains("still preparing the answer (202: archive is being prepared); try again in 3600 s"),
        "{error}"
    );
}

#[tokio::test]
async fn what_was_sent_once_and_taken_is_not_sent_again() {
    let home = Server::start(vec![answer("202 Accepted", "", "taken")]);
    let post = Grant { methods: vec!["POST".into()], ..local(&home.origin) };
    let call = with_session(call_to(&[&home]), |session| Session { authority: authority([post]), ..session });
    let post = Request { method: Method::POST, body: Some("x".into()), ..get(home.url("/")) };
    let fetched = gate().fetch(&call, post).await.unwrap();
    assert_eq!((fetched.status().as_u16(), home.asked().len()), (202, 1));
}

#[tokio::test]
async fn what_is_no_file_is_told_to_a_provider_from_its_beginning_without_the_credential() {
    let page = format!("<html>{}{LONG} <p>end", "x".repeat(200_000));
    let home = Server::start(vec![
        ok(&page.replace("<html>", &format!("<html>{LONG} "))),
        answer("200 OK", "content-encoding: gzip\r\n", "x"),
    ]);
    let call = Call {
        budget: Budget::new(limits(&[])),
        ..with_session(call_to(&[&home]), |session| Session {
            credentials: vec![bearer(&home.origin, LONG)],
            ..session
        })
    };
    let (mut body, report) = gate().open(&call, get(home.url("/"))).await.unwrap().for_disk();
    // The unpacker has taken a piece, and given up.
    body.next().await.unwrap().unwrap();
    let told = body.beginning(&report).await.unwrap();
    assert_eq!((told.status().as_u16(), told.body().len()), (200, 64 << 10));
    assert!(told.body().starts_with(b"<html>") && !String::from_utf8_lossy(told.body()).contains(LONG));
    let (coded, report) = gate().open(&call, get(home.url("/"))).await.unwrap().for_disk();
    assert!(matches!(coded.beginning(&report).await, Err(EgressError::Coded { .. })));
}

#[tokio::test]
async fn a_wait_that_no_clock_holds_is_an_error_that_tells_a_day() {
    for wait in ["retry-after: 18446744073709551615", "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 999999999999"] {
        for status in ["403 Forbidden", "429 Too Many Requests"] {
            let home = Server::start(vec![answer(status, &format!("{wait}\r\n"), "")]);
            let error = gate().fetch(&call_to(&[&home]), get(home.url("/"))).await.unwrap_err();
            assert!(error.to_string().contains("try again in 86400 s"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_request_that_changes_something_is_sent_once() {
    let home = Server::start(vec![answer("503 Service Unavailable", "", "busy")]);
    let post = Grant { methods: vec!["POST".into()], ..local(&home.origin) };
    let call = with_session(call_to(&[&home]), |session| Session { authority: authority([post]), ..session });
    let post = Request { method: Method::POST, body: Some("x".into()), ..get(home.url("/")) };
    let fetched = gate().fetch(&call, post).await.unwrap();
    assert_eq!((fetched.status().as_u16(), home.asked().len()), (503, 1));
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    // The connection is held open until the client has given up.
    let server = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").unwrap();
        let _ = stream.read(&mut [0]);
    });
    let call = Call::new(Session::new(authority([local(&Origin::of(&url).unwrap())])), limits(&[]), soon());
    let gate = Gate::new(GateSettings { idle: Duration::from_millis(300), ..patient() }).unwrap();
    let mut body = gate.open(&call, get(url)).await.unwrap().for_disk().0;
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
    let call = Call::new(
        Session::new(authority([local(&origin)])),
        limits(&[]),
        forgeport_model::deadline(Duration::from_secs(2)),
    );
    let call = with_session(call, |session| Session { credentials: vec![bearer(&origin, "hunter2")], ..session });
    let error = gate().fetch(&call, get(url)).await.unwrap_err();
    let all = format!("{error} {error:?} {:?}", call.session.credentials);
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
    let credentials = vec![bearer(&home.origin, "hunter2hunter2")];
    let call = with_session(call_to(&[&home]), |session| Session { credentials, ..session });
    let fetched = gate().fetch(&call, get(home.url("/"))).await.unwrap();
    assert_eq!(fetched.headers()["x-echo"], "Bearer ********");
    assert_eq!(&fetched.body()[..], b"you sent ********, twice ********");
}

#[tokio::test]
async fn credentials_that_an_origin_does_not_take_are_told_and_no_others() {
    for (status, taken) in [("401 Unauthorized", false), ("403 Forbidden", true), ("200 OK", true)] {
        let home = Server::start(vec![answer(status, "", "")]);
        let call = call_to(&[&home]);
        gate().fetch(&call, get(home.url("/"))).await.unwrap();
        assert_eq!(call.session.unauthorized.take().is_empty(), taken, "{status}");
        assert!(call.session.unauthorized.take().is_empty());
    }
    // One that was sent nothing has refused nothing.
    let other = Server::start(vec![answer("401 Unauthorized", "", "")]);
    let home = Server::start(vec![redirect(&other.url("/"))]);
    let call = call_to(&[&home, &other]);
    gate().fetch(&call, get(home.url("/"))).await.unwrap();
    assert!(call.session.unauthorized.take().is_empty());
}
