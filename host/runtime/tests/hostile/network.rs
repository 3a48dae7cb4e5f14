//! Requests that the gate does not let out, whatever they look like.

use crate::bench::{Bench, Call, Case, Expect, case, limited};
use crate::guest::{Ask, Guest, guest};
use crate::server::Server;
use forgeport_model::{Limit, Outcome};

/// Sends, and passes on what it is told.
fn sending(make: impl FnOnce(&mut Guest) -> Ask) -> Guest {
    let mut guest = guest();
    let ask = make(&mut guest);
    let send = ask.send();
    guest.with("login", format!("{send} (call $sent)"))
}

fn get(url: &str) -> Guest {
    sending(|guest| guest.ask("GET", url, &[]))
}

fn told(name: &'static str, guest: Guest, words: &'static str) -> Case {
    case(name, Call::Login, guest, Expect::Told(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_is_refused_in_every_form() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET", "POST"]).await;
    let at = |rest: &str| format!("{}{rest}", server.origin);
    let with_user = at("/").replace("http://", "http://me:pw@");
    let header = |name: &'static [u8], value: &'static [u8]| {
        let url = at("/");
        sending(move |guest| guest.ask("GET", url, &[(name, value)]))
    };
    let method = |method: &str| {
        let url = at("/");
        sending(|guest| guest.ask(method, url, &[]))
    };
    let placed = crate::bench::placeholder().text().to_owned();
    let secret = sending(|guest| {
        let (setting, none) = (guest.put("token"), guest.put(""));
        guest.ask("GET", at("/"), &[]).secret(setting, 0, none)
    });
    let leaked = sending(|guest| {
        let body = guest.put(&placed);
        guest.ask("POST", at("/"), &[]).body(body.at, body.length)
    });
    bench
        .run(vec![
            told("another origin", get("https://evil.example/"), "refused"),
            told("another port", get("http://127.0.0.1:1/"), "refused"),
            told("a metadata service", get("http://169.254.169.254/latest/"), "refused"),
            told("a file", get("file:///etc/passwd"), "refused"),
            told("no URL", get("nonsense"), "URL"),
            told("an empty URL", get(""), "URL"),
            told("a user in the URL", get(&with_user), "user name"),
            told("CONNECT", method("CONNECT"), "refused"),
            told("DELETE", method("DELETE"), "refused"),
            told("no method", method(""), "method"),
            told("a method with a space", method("GET /x"), "method"),
            told("a cookie", header(b"cookie", b"a=b"), "cookie"),
            told("another path", header(b"X-Original-URL", b"/other"), "x-original-url"),
            told("another path, as IIS takes it", header(b"X-Rewrite-Url", b"/other"), "x-rewrite-url"),
            told("another method", header(b"X-HTTP-Method-Override", b"DELETE"), "x-http-method-override"),
            told("another host", header(b"X-Forwarded-Host", b"evil.example"), "x-forwarded-host"),
            told("another asker", header(b"X-Forwarded-For", b"127.0.0.1"), "x-forwarded-for"),
            told("another user", header(b"X-WebAuth-User", b"admin"), "x-webauth-user"),
            told("a standard header of proxies", header(b"Forwarded", b"for=127.0.0.1"), "forwarded"),
            told("a dash in another spelling", header(b"X-Forwarded_Host", b"evil.example"), "x-forwarded_host"),
            told("a credential of its own", header(b"private-token", b"x"), "private-token"),
            told("whose rights", header(b"Sudo", b"root"), "sudo"),
            told("a part of the answer", header(b"range", b"bytes=0-3"), "range"),
            told("a coding", header(b"transfer-encoding", b"chunked"), "transfer-encoding"),
            told("an authorization of its own", header(b"authorization", b"Bearer x"), "authorization"),
            told("a header within a header", header(b"x", b"a\r\nhost: evil"), "x"),
            told("a name with a colon", header(b"x: y\r\nz", b"a"), "header"),
            told("a secret that was not given", secret, "--token is not sent"),
            told("a placeholder in the URL", get(&at(&format!("/?{placed}"))), "only be sent as the credential"),
            told("a placeholder in the body", leaked, "only be sent as the credential"),
        ])
        .await;
    assert_eq!(server.asked(), 0);
    // What is no request at all never gets as far as the gate.
    let records = bench.kept.records();
    assert!(records.len() > 20 && records.iter().all(|record| record.outcome == Outcome::Refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_libraries_set_by_themselves_is_left_out_and_private_headers_arrive() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    let url = format!("{}/", server.origin);
    let headers: &[(&[u8], &[u8])] = &[
        (b"Host", b"evil.example"),
        (b"Content-Length", b"5"),
        (b"Connection", b"upgrade"),
        (b"User-Agent", b"lib/1"),
        (b"Accept-Encoding", b"gzip"),
        (b"Git-Protocol", b"version=2"),
        (b"X-GitHub-Api-Version", b"2022-11-28"),
    ];
    bench.run(vec![case("headers", Call::Login, sending(|guest| guest.ask("GET", &url, headers)), Expect::Fine)]).await;
    let asked = server.requests().concat();
    for own in ["evil", "content-length", "upgrade", "lib/1", "gzip"] {
        assert!(!asked.contains(own), "{asked}");
    }
    assert!(
        asked.contains("git-protocol: version=2\r\n") && asked.contains("x-github-api-version: 2022-11-28\r\n"),
        "{asked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_granted_as_the_most_lenient_server_would_read_it() {
    let server = Server::start("here");
    let below = vec![forgeport_model::PathPrefix::parse("/rest/acme").unwrap()];
    let mut bench = Bench::granting(&server.origin, &["GET"]).await;
    bench.granted =
        bench.granted.iter().map(|grant| forgeport_model::Grant { paths: below.clone(), ..grant.clone() }).collect();
    let at = |rest: &str| get(&format!("{}/rest/acme{rest}", server.origin));
    let outside = [
        "/..;/other",
        "/..;x=1/other",
        "/%2e%2e;/other",
        "/..%3b/other",
        "/..%20/other",
        "/%252e%252e%3b/x",
        "/%u002e%u002e/x",
        "/.../x",
    ];
    bench.run(outside.iter().map(|path| told("a step out", at(path), "refused")).collect()).await;
    assert_eq!(server.asked(), 0);
    bench.run(vec![case("below", Call::Login, at("/repos;a=b/x%20y"), Expect::Fine)]).await;
    assert_eq!(server.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_answers_and_floods_of_them_end_at_their_limits() {
    let server = Server::start("x".repeat(5000));
    let bench = Bench::granting(&server.origin, &["GET", "POST"]).await;
    let url = format!("{}/", server.origin);
    let body = sending(|guest| guest.ask("POST", &url, &[]).body(34_000, 30_000));
    let headers: Vec<(&[u8], &[u8])> = vec![(b"x-many", b"y"); 60];
    let many = sending(|guest| guest.ask("GET", &url, &headers));
    // What each answer says has to go somewhere, so that the memory ends first.
    let flood = |url: &str| {
        let mut guest = guest();
        let send = guest.ask("GET", url, &[]).send();
        guest.with("login", format!("(loop {send} (br 0)) unreachable"))
    };
    let refusals = "https://evil.example/";
    // As many headers as fit into 16 MB, each of them nameless.
    let mut million = sending(|guest| {
        let mut ask = guest.ask("GET", &url, &[]);
        ask.0[4..6].copy_from_slice(&[1 << 17, 1_000_000]);
        ask
    });
    million = million.memory(r#"(memory (export "memory") 260)"#);
    let mut long_url = sending(|guest| {
        let mut ask = guest.ask("GET", &url, &[]);
        ask.0[3] = 15_000_000;
        ask
    });
    long_url = long_url.memory(r#"(memory (export "memory") 260)"#);
    bench
        .run(vec![
            limited("a long answer", Call::Login, get(&url), &["body=1KiB"], Expect::Told("`body`")),
            limited("answers together", Call::Login, get(&url), &["bytes_in=1KiB"], Expect::Told("`bytes_in`")),
            limited("a long body", Call::Login, body, &["bytes_out=10KiB"], Expect::Told("`bytes_out`")),
            limited("many headers", Call::Login, many.clone(), &["headers=50"], Expect::Told("`headers`")),
            limited(
                "a million headers",
                Call::Login,
                million.clone(),
                &["memory=20MiB", "call_bytes=8MiB"],
                Expect::Limit(Limit::CallBytes),
            ),
            limited(
                "a million headers, handed over",
                Call::Login,
                million,
                &["memory=20MiB", "call_bytes=1GiB", "cpu_time=10s"],
                Expect::Told("header"),
            ),
            limited(
                "a long URL",
                Call::Login,
                long_url,
                &["memory=20MiB", "call_bytes=1GiB"],
                Expect::Told("`header_bytes`"),
            ),
            limited("long headers", Call::Login, many, &["header_bytes=100"], Expect::Told("`header_bytes`")),
            limited(
                "a flood of refusals",
                Call::Login,
                flood(refusals),
                &["call_time=3s", "cpu_time=60s"],
                Expect::Limit(Limit::Memory),
            ),
            limited(
                "a flood of requests",
                Call::Login,
                flood(&url),
                &["call_time=3s", "cpu_time=60s", "requests=20"],
                Expect::Limit(Limit::Memory),
            ),
        ])
        .await;
    assert!(server.asked() < 40, "{}", server.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_counts_as_a_request_and_beyond_the_limit_only_its_number_is_kept() {
    let bench = Bench::new().await;
    let mut flooding = guest();
    let send = flooding.ask("GET", "https://evil.example/", &[]).send();
    let count = "(local.set $n (i32.add (local.get $n) (i32.const 1)))";
    let again = "(br_if 0 (i32.lt_u (local.get $n) (i32.const 1000)))";
    let flooding = flooding.with("login", format!("(local $n i32) (loop {send} {count} {again}) (call $sent)"));
    bench.run(vec![limited("a flood", Call::Login, flooding, &["requests=50"], Expect::Told("`requests`"))]).await;
    let records = bench.kept.records();
    let named = records.iter().filter(|record| record.origin == "https://evil.example").count();
    let beyond = records.iter().filter(|record| record.origin.is_empty() && record.path.is_empty()).count();
    assert_eq!((named, beyond, records.len()), (50, 950, 1000));
}
