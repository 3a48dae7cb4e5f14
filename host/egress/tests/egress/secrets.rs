//! Secrets and what stands for them: sent where they belong, and nowhere else.

use crate::support::*;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use forgeport_egress::{Budget, Call, Credential, EgressError, Placeholder, Request, SecretUse, Session};
use forgeport_model::{Grant, Outcome, Placement};
use http::Method;
use std::sync::Arc;

fn held(call: Call) -> (Call, String) {
    let placeholder = Placeholder::new("token".into(), *b"\x13\x37some-randombyt");
    let text = placeholder.text().to_owned();
    (with_session(call, |session| Session { placeholders: vec![placeholder], ..session }), text)
}

fn with(home: &Server, name: &'static str, value: &str) -> Request {
    let mut request = get(home.url("/"));
    request.headers.insert(name, value.parse().unwrap());
    request
}

#[tokio::test]
async fn a_placeholder_that_is_the_whole_credential_is_swapped() {
    let home = Server::start(vec![ok("")]);
    let (call, text) = held(call_to(&[&home]));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("me:{text}")));
    for value in [format!("Bearer {text}"), format!("token {text}"), basic] {
        gate().fetch(&call, with(&home, "authorization", &value)).await.unwrap();
    }
    let asked = home.asked();
    assert!(asked[0].contains("authorization: Bearer hunter2\r\n"), "{}", asked[0]);
    assert!(asked[1].contains("authorization: token hunter2\r\n"), "{}", asked[1]);
    assert!(asked[2].contains(&format!("Basic {}", BASE64_STANDARD.encode("me:hunter2"))), "{}", asked[2]);
    assert!(asked.iter().all(|asked| !asked.contains(&text)));
}

#[tokio::test]
async fn a_credential_is_sent_only_for_the_beginnings_that_were_consented_to_in_whatever_way_it_is_asked_for() {
    let home = Server::start(vec![ok("")]);
    let (call, text) = held(call_to(&[&home]));
    let begins = |beginning: &str, placement| Credential {
        beginnings: vec![beginning.to_owned()],
        placement,
        ..bearer(&home.origin, "hunter2")
    };
    let other = begins("other-", Placement::Bearer);
    let only = with_session(call.clone(), |session| Session { credentials: vec![other.clone()], ..session });
    gate().fetch(&only, get(home.url("/"))).await.unwrap();
    let named = SecretUse { setting: "token".into(), placement: Placement::Bearer };
    let named = Request { secret: Some(named), ..get(home.url("/")) };
    assert!(matches!(gate().fetch(&only, named).await, Err(EgressError::Improper(_))));
    let swapped = with(&home, "authorization", &format!("Bearer {text}"));
    assert!(matches!(gate().fetch(&only, swapped).await, Err(EgressError::Leak { .. })));
    let fitting = begins("hunter", Placement::Header("x-token".into()));
    let first = with_session(call, |session| Session {
        credentials: vec![other, fitting, bearer(&home.origin, "hunter2")],
        ..session
    });
    gate().fetch(&first, get(home.url("/"))).await.unwrap();
    let asked = home.asked();
    assert_eq!(asked.len(), 2);
    assert!(!asked[0].contains("hunter2") && asked[1].contains("x-token: hunter2\r\n"), "{asked:?}");
    assert!(!asked[1].contains("authorization"), "{asked:?}");
}

#[tokio::test]
async fn a_placeholder_anywhere_else_is_refused_and_written_down() {
    let (home, other) = (Server::start(vec![ok("")]), Server::start(vec![ok("")]));
    let kept = Arc::new(MemoryAuditor::default());
    let (call, text) = held(call_to(&[&home, &other]));
    let post = |server: &Server| Grant { methods: vec!["GET".into(), "POST".into()], ..local(&server.origin) };
    let call = with_session(call, |session| Session {
        auditor: kept.clone(),
        authority: authority([post(&home), post(&other)]),
        ..session
    });
    let percent: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let json: String = text.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let url = |path: String| get(home.url(&path));
    let body = |text: String| Request { method: Method::POST, body: Some(text.into()), ..get(home.url("/")) };
    let attempts = vec![
        url(format!("/?t={text}")),
        url(format!("/{}", text.to_uppercase())),
        url(format!("/?t={percent}")),
        url(format!("/{}", BASE64_STANDARD.encode(format!("x{text}")))),
        url(format!("/#{text}")),
        body(text.clone()),
        body(format!("{{\"t\":\"{json}\"}}")),
        body(BASE64_STANDARD.encode(format!("some text before {text}"))),
        with(&home, "x-copy", &text),
        with(&home, "x-copy", &BASE64_STANDARD.encode(&text)),
        with(&home, "authorization", &format!("Bearer a{text}")),
        with(&home, "authorization", &format!("Bearer {text} x")),
        with(&home, "authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!("{text}:x")))),
        with(&other, "authorization", &format!("Bearer {text}")),
        with(&home, "private-token", &text),
    ];
    let count = attempts.len();
    for (number, attempt) in attempts.into_iter().enumerate() {
        let error = gate().fetch(&call, attempt).await.unwrap_err();
        assert!(matches!(error, EgressError::Leak { .. }), "{number}: {error}");
        assert!(!error.to_string().contains("randombyt") && error.to_string().contains("--token"), "{error}");
    }
    assert!(home.asked().is_empty() && other.asked().is_empty());
    let records = kept.records();
    assert!(records.len() == count && records.iter().all(|record| record.outcome == Outcome::Refused));
    let core = text.rsplit('-').next().unwrap();
    assert!(!format!("{records:?}").to_lowercase().contains(core));
}

#[tokio::test]
async fn a_header_in_which_the_secret_belongs_may_hold_the_placeholder() {
    let home = Server::start(vec![ok("")]);
    let placement = Placement::Header("private-token".into());
    let credentials = vec![Credential { placement, ..bearer(&home.origin, "hunter2") }];
    let (call, text) = held(with_session(call_to(&[&home]), |session| Session { credentials, ..session }));
    gate().fetch(&call, with(&home, "private-token", &text)).await.unwrap();
    assert!(home.asked()[0].contains("private-token: hunter2\r\n"));
    let error = gate().fetch(&call, with(&home, "authorization", &format!("Bearer {text}"))).await.unwrap_err();
    assert!(matches!(error, EgressError::Leak { .. }));
}

#[tokio::test]
async fn a_request_may_say_where_its_secret_goes_but_not_to_whom() {
    let (home, other) = (Server::start(vec![ok("")]), Server::start(vec![ok("")]));
    let call = call_to(&[&home, &other]);
    let asking = |server: &Server, setting: &str, placement| {
        let secret = SecretUse { setting: setting.into(), placement };
        Request { secret: Some(secret), ..get(server.url("/")) }
    };
    gate().fetch(&call, asking(&home, "token", Placement::Header("x-key".into()))).await.unwrap();
    gate().fetch(&call, asking(&home, "token", Placement::Basic("me".into()))).await.unwrap();
    let asked = home.asked();
    assert!(asked[0].contains("x-key: hunter2") && !asked[0].contains("authorization"), "{}", asked[0]);
    assert!(asked[1].contains(&BASE64_STANDARD.encode("me:hunter2")), "{}", asked[1]);
    for refused in [
        asking(&other, "token", Placement::Bearer),
        asking(&home, "password", Placement::Bearer),
        asking(&home, "token", Placement::Header("host".into())),
        asking(&home, "token", Placement::Header("not a name".into())),
        asking(&home, "token", Placement::Basic("a\nb".into())),
    ] {
        let result = gate().fetch(&call, refused).await;
        assert!(matches!(result, Err(EgressError::Improper(_))) || asked.len() == 2, "{result:?}");
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn an_echo_in_any_usual_form_does_not_come_back() {
    let secret = "s3cr/t\"with+odd=signs";
    let json = secret.replace('"', "\\\"").replace('/', "\\/");
    let percent: String = secret
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let forms = [secret.to_owned(), json, percent, hex, BASE64_STANDARD.encode(secret)];
    let body = forms.join(" and ");
    let home = Server::start(vec![answer("200 OK", &format!("x-echo: {secret}\r\n"), &body)]);
    let credentials = vec![bearer(&home.origin, secret)];
    let call = with_session(call_to(&[&home]), |session| Session { credentials, ..session });
    let fetched = gate().fetch(&call, get(home.url("/"))).await.unwrap();
    let text = String::from_utf8_lossy(fetched.body()).into_owned();
    for form in forms {
        assert!(!text.contains(form.trim_end_matches('=')), "{form}: {text}");
    }
    assert!(!fetched.headers()["x-echo"].to_str().unwrap().contains("cr/t"));
    assert_eq!(fetched.headers()["content-length"], fetched.body().len().to_string());
}

#[tokio::test]
async fn an_answer_cannot_be_had_in_a_form_that_hides_an_echo() {
    let gzipped = answer("200 OK", "content-encoding: gzip\r\n", "whatever it is");
    let home = Server::start(vec![ok("plain"), answer("200 OK", "content-encoding: Identity\r\n", ""), gzipped]);
    let call = call_to(&[&home]);
    gate().fetch(&call, with(&home, "accept-encoding", "gzip, br")).await.unwrap();
    assert!(home.asked()[0].contains("accept-encoding: identity\r\n"), "{}", home.asked()[0]);
    gate().fetch(&call, get(home.url("/"))).await.unwrap();
    let error = gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
    assert!(matches!(&error, EgressError::Coded { coding, .. } if *coding == "gzip"), "{error}");
    for (name, value) in [("range", "bytes=3-9"), ("if-range", "x")] {
        let error = gate().fetch(&call, with(&home, name, value)).await.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(home.asked().len(), 3);
}

#[tokio::test]
async fn no_coding_passes_by_being_told_in_another_way() {
    let secret = "hunter2-hunter2";
    let transfer =
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: gzip, chunked\r\n\r\n4\r\ncode\r\n0\r\n\r\n";
    for (answered, told) in [
        (answer("200 OK", "content-encoding: identity\r\ncontent-encoding: br\r\n", ""), "br"),
        (answer("200 OK", "content-encoding: X-GZip\r\n", ""), "gzip"),
        (answer("200 OK", "content-encoding: identity, zstd\r\n", ""), "zstd"),
        (answer("404 Not Found", &format!("content-encoding: {secret}\r\n"), ""), "without a known name"),
        (transfer.to_owned(), "gzip"),
    ] {
        let home = Server::start(vec![answered]);
        let call = with_session(call_to(&[&home]), |session| Session {
            credentials: vec![bearer(&home.origin, secret)],
            ..session
        });
        let error = gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
        assert!(matches!(&error, EgressError::Coded { coding, .. } if *coding == told), "{error}");
        let begins = gate().open(&call, get(home.url("/"))).await.unwrap().beginning_for_provider(100).await;
        assert!(matches!(begins, Err(EgressError::Coded { .. })), "{told}");
        assert!(gate().open(&call, get(home.url("/"))).await.unwrap().for_disk().1.coded().is_some(), "{told}");
    }
}

/// Guesses of a password, each in a form of its own.
fn guesses(number: usize) -> String {
    let forms = ["password", "PASSWORD", "cGFzc3dvcmQx", "%70assword", "70617373776f7264"];
    (0..number).map(|number| format!("{}{number}\n", forms[number % forms.len()])).collect()
}

#[tokio::test]
async fn the_answer_of_an_origin_that_is_sent_nothing_tells_nothing_of_a_secret() {
    let secret = "password123456";
    let body = format!("{}{secret}", guesses(200_000));
    let (home, other) = (
        Server::start(vec![ok(&body)]),
        Server::start(vec![answer("200 OK", &format!("x-guess: {secret}\r\n"), &body)]),
    );
    let call = with_session(call_to(&[&home, &other]), |session| Session {
        credentials: vec![bearer(&home.origin, secret)],
        ..session
    });
    let call = Call { budget: Budget::new(limits(&["body=64MiB"])), ..call };
    let told = gate().fetch(&call, get(other.url("/"))).await.unwrap();
    assert!(told.body() == body.as_bytes() && told.headers()["x-guess"] == secret);
    let refusal =
        gate().open(&call, get(other.url("/"))).await.unwrap().beginning_for_provider(body.len()).await.unwrap();
    assert!(refusal.body() == body.as_bytes());
    let words = format!("it begins with `{secret}`");
    assert_eq!(gate().open(&call, get(other.url("/"))).await.unwrap().for_disk().1.words(&words), words);
    // The origin that is sent the secret could echo it, and learns nothing: it was told.
    let told = gate().fetch(&call, get(home.url("/"))).await.unwrap();
    assert!(!String::from_utf8_lossy(told.body()).contains(secret));
    assert_eq!(
        gate().open(&call, get(home.url("/"))).await.unwrap().for_disk().1.words(&words),
        "it begins with `********`"
    );
}

#[tokio::test]
async fn the_beginning_of_a_refusal_does_not_end_within_an_echo() {
    let secret = "hunter2-hunter2-hunter2";
    let home = Server::start(vec![answer("403 Forbidden", "", &format!("{}{secret} and more", "x".repeat(90)))]);
    let call = with_session(call_to(&[&home]), |session| Session {
        credentials: vec![bearer(&home.origin, secret)],
        ..session
    });
    for most in 85..115 {
        let refusal = gate().open(&call, get(home.url("/"))).await.unwrap().beginning_for_provider(most).await.unwrap();
        let text = String::from_utf8_lossy(refusal.body()).into_owned();
        assert!(refusal.body().len() <= most && !text.contains("hunter2"), "{most}: {text}");
        assert_eq!(refusal.headers()["content-length"], refusal.body().len().to_string());
    }
}
