//! Guests that make their requests, and whatever else they try, through WASI.

use crate::bench::{Bench, Call, Case, Expect, case, limited, placeholder};
use crate::calls::dropped_while_it_waits;
use crate::guest::{Guest, guest};
use crate::server::Server;
use forgeport_egress::{Credential, Secret, Session};
use forgeport_model::{Limit, Outcome, Placement};
use forgeport_runtime::Connection;
use std::net::TcpListener;
use std::sync::Arc;

const INTERFACES: [&str; 3] = ["wasi:http/types@0.2.12", "wasi:http/outgoing-handler@0.2.12", "wasi:io/streams@0.2.12"];

const IMPORTS: &str = r#"
(import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
(import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
(import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
(import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method" (func $set_method (param i32 i32 i32 i32) (result i32)))
(import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme" (func $set_scheme (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority" (func $set_authority (param i32 i32 i32 i32) (result i32)))
(import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query" (func $set_path (param i32 i32 i32 i32) (result i32)))
(import "wasi:http/types@0.2.12" "[method]outgoing-request.body" (func $body (param i32 i32)))
(import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $write_to (param i32 i32)))
(import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
(import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
(import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
(import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume (param i32 i32)))
(import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
(import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
(import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
(import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
(import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $close (param i32)))
"#;

/// Waits for the answer to the request, and passes its body on, or the number of the error.
const ANSWERED: &str = r#"
(func $answered (param $future i32) (result i32)
  (call $block (call $subscribe (local.get $future)))
  (call $get (local.get $future) (i32.const RET))
  (if (i32.load8_u offset=16 (i32.const RET)) (then (return (call $code (i32.load8_u offset=24 (i32.const RET))))))
  (call $consume (i32.load offset=24 (i32.const RET)) (i32.const RET))
  (call $stream (i32.load offset=4 (i32.const RET)) (i32.const RET))
  (call $read (i32.load offset=4 (i32.const RET)) (i64.const 4096) (i32.const RET))
  (if (i32.load8_u (i32.const RET)) (then (return (call $ok))))
  (call $error (i32.const HOST) (i32.load offset=4 (i32.const RET)) (i32.load offset=8 (i32.const RET))))
(func $code (param $code i32) (result i32)
  (i32.store8 (i32.const 1200) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
  (i32.store8 (i32.const 1201) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
  (call $error (i32.const HOST) (i32.const 1194) (i32.const 8)))
(func $sent_on (param $request i32) (result i32)
  (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const RET))
  (if (result i32) (i32.load8_u (i32.const RET))
    (then (call $code (i32.load8_u offset=8 (i32.const RET))))
    (else (call $answered (i32.load offset=8 (i32.const RET))))))
"#;

/// The variant `error-code` of `wasi:http/types`.
const ADDRESS_PROHIBITED: Expect = Expect::Told("error 04");
const UNAVAILABLE: Expect = Expect::Told("error 03");
const DENIED: Expect = Expect::Told("error 15");
const OTHER: Expect = Expect::Told("error 38");

const GET: u32 = 0;
const POST: u32 = 2;
const CONNECT: u32 = 5;

/// What a request is made of; the scheme is 0 for http, 1 for https.
struct Ask<'a> {
    method: u32,
    scheme: u32,
    authority: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
}

impl<'a> Ask<'a> {
    fn of(server: &'a Server, path: &'a str) -> Ask<'a> {
        let authority = server.authority.as_str();
        Ask { method: GET, scheme: 0, authority, path, headers: &[], body: "" }
    }
}

fn wasi() -> Guest {
    let mut guest = guest().wasi(&INTERFACES).import(IMPORTS).item(ANSWERED);
    guest.data(1194, b"error 00");
    guest
}

/// Makes the request, and leaves it on the stack; `write` is done to its body.
fn request(guest: &mut Guest, ask: &Ask<'_>, write: &str) -> String {
    let mut put = |text: &str| guest.put(text).to_string();
    let fields: String = ask
        .headers
        .iter()
        .map(|(name, value)| format!("(call $append (local.get $h) {} {} (i32.const RET))", put(name), put(value)))
        .collect();
    let (authority, path) = (put(ask.authority), put(ask.path));
    let body = match (ask.body, write) {
        ("", "") => String::new(),
        (text, "") => {
            let text = put(text);
            format!("{BODY} (call $write (local.get $s) {text} (i32.const RET)) {END}")
        }
        (_, write) => format!("{BODY} {write} {END}"),
    };
    format!(
        "(local $h i32) (local $r i32) (local $b i32) (local $s i32) (local.set $h (call $fields)) {fields}
        (local.set $r (call $request (local.get $h)))
        (drop (call $set_method (local.get $r) (i32.const {}) (i32.const 0) (i32.const 0)))
        (drop (call $set_scheme (local.get $r) (i32.const 1) (i32.const {}) (i32.const 0) (i32.const 0)))
        (drop (call $set_authority (local.get $r) (i32.const 1) {authority}))
        (drop (call $set_path (local.get $r) (i32.const 1) {path})) {body}",
        ask.method, ask.scheme
    )
}

const BODY: &str = "(call $body (local.get $r) (i32.const RET)) (local.set $b (i32.load offset=4 (i32.const RET)))
    (call $write_to (local.get $b) (i32.const RET)) (local.set $s (i32.load offset=4 (i32.const RET)))";
const END: &str =
    "(call $close (local.get $s)) (call $finish (local.get $b) (i32.const 0) (i32.const 0) (i32.const RET))";

fn asking(ask: &Ask<'_>) -> Guest {
    let mut guest = wasi();
    let request = request(&mut guest, ask, "");
    guest.with("login", format!("{request} (call $sent_on (local.get $r))"))
}

fn told(name: &str, ask: &Ask<'_>, expect: Expect) -> Case {
    case(name, Call::Login, asking(ask), expect)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_granted_is_answered() {
    let server = Server::start("the answer");
    let bench = Bench::granting(&server.origin, &["GET", "POST"]).await;
    let plain = Ask::of(&server, "/a?b=c");
    // Ordinary libraries say how they are called, what they decode and how long their body is.
    let headers = [("user-agent", "lib/1"), ("accept-encoding", "gzip"), ("content-length", "5")];
    let posting = Ask { method: POST, headers: &headers, body: "hello", ..Ask::of(&server, "/") };
    bench
        .run(vec![
            told("a request", &plain, Expect::Told("the answer")),
            told("a request with a body", &posting, Expect::Told("the answer")),
        ])
        .await;
    let records = bench.kept.records();
    assert!(records.len() == 2 && records.iter().all(|record| record.outcome == Outcome::Answered), "{records:?}");
    assert_eq!((records[0].path.as_str(), records[1].method.as_str()), ("/a?b=...", "POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_granted_is_refused_and_written_down() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET", "POST"]).await;
    let here = || Ask::of(&server, "/");
    let elsewhere = |scheme, authority| Ask { scheme, authority, ..here() };
    let header = |header| Ask { headers: header, ..here() };
    let placed = placeholder().text().to_owned();
    let url = format!("/?{placed}");
    let with_user = format!("me:pw@{}", server.authority);
    let bearer = format!("Bearer {placed}");
    bench
        .run(vec![
            told("another origin", &elsewhere(1, "evil.example"), DENIED),
            told("another port", &elsewhere(0, "127.0.0.1:1"), DENIED),
            told("another scheme", &elsewhere(1, &server.authority), DENIED),
            told("a metadata service", &elsewhere(0, "169.254.169.254"), DENIED),
            told("a user in the URL", &elsewhere(0, &with_user), DENIED),
            told("CONNECT", &Ask { method: CONNECT, ..here() }, DENIED),
            told("DELETE", &Ask { method: 4, ..here() }, DENIED),
            told("a cookie", &header(&[("cookie", "a=b")]), DENIED),
            told("a part of the answer", &header(&[("range", "bytes=0-3")]), DENIED),
            told("an authorization of its own", &header(&[("authorization", "Bearer x")]), DENIED),
            told("a placeholder that is sent nowhere", &header(&[("authorization", &bearer)]), DENIED),
            told("a placeholder in the URL", &Ask { path: &url, ..here() }, DENIED),
            told("a placeholder in the body", &Ask { method: POST, body: &placed, ..here() }, DENIED),
        ])
        .await;
    assert_eq!(server.asked(), 0);
    let records = bench.kept.records();
    assert!(records.len() == 13 && records.iter().all(|record| record.outcome == Outcome::Refused), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_frame_a_message_cannot_be_set() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    // The library does not append them; the request leaves without.
    let framing = [("host", "evil.example"), ("connection", "x"), ("transfer-encoding", "chunked"), ("x:y", "z")];
    bench.run(vec![told("framing", &Ask { headers: &framing, ..Ask::of(&server, "/") }, Expect::Told("here"))]).await;
    let asked = server.requests().concat();
    assert!(asked.contains(&format!("host: {}\r\n", server.authority)) && !asked.contains("evil"), "{asked}");
    assert!(!asked.contains("chunked"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_placeholder_of_a_secret_is_swapped_and_its_echo_is_masked() {
    let server = Server::start("you said s3cret-t0ken-of-mine");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    let bearer = format!("Bearer {}", placeholder().text());
    let provider =
        bench.load(&asking(&Ask { headers: &[("authorization", &bearer)], ..Ask::of(&server, "/") })).await.unwrap();
    let secret = Secret::new("s3cret-t0ken-of-mine".to_owned().into());
    let (setting, origin) = ("token".to_owned(), server.origin.clone());
    let credentials =
        vec![Credential { setting, origin, placement: Placement::Bearer, beginnings: Vec::new(), secret }];
    let session = Arc::new(Session { credentials, ..bench.session() });
    let connection = Connection { session, ..bench.connection(&[]) };
    let error = provider.repository(connection).login().await.unwrap_err().to_string();
    assert!(error.contains("you said ********"), "{error}");
    let asked = server.requests().concat();
    assert!(asked.contains("authorization: Bearer s3cret-t0ken-of-mine\r\n"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_granted_while_a_provider_describes_itself_through_wasi_either() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    let mut guest = wasi();
    let request = request(&mut guest, &Ask::of(&server, "/"), "");
    let asks = format!("{request} (drop (call $sent_on (local.get $r))) (i32.const 1024)");
    bench.run(vec![case("a request", Call::Describe, guest.with("describe", asks), Expect::Fine)]).await;
    assert!(server.asked() == 0 && bench.kept.records().is_empty());
}

/// Traps if a request takes a word of 50,000 letters; the library alone would keep it as long as the request.
fn long_word(setter: &str, case: u32) -> Guest {
    let request = "(call $request (call $fields))";
    let refused = format!("(call {setter} {request} (i32.const {case}) (i32.const 70000) (i32.const 50000))");
    let fill = "(memory.fill (i32.const 70000) (i32.const 65) (i32.const 50000))";
    wasi().with("login", format!("{fill} (if (i32.eqz {refused}) (then unreachable)) (call $ok)"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wasi_takes_of_the_host_is_bounded() {
    let server = Server::start("x".repeat(3000));
    let closed = Server::closed();
    let bench = Bench::granting(&server.origin, &["GET", "POST"]).await;
    let refused = Bench::granting(&closed.origin, &["GET"]).await;
    let flood = |body: &str| wasi().with("login", format!("(loop {body} (br 0)) unreachable"));
    let random = |length: u64| {
        let import = r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $random (param i64 i32)))"#;
        let body = format!("(call $random (i64.const {length}) (i32.const RET)) (call $ok)");
        guest().wasi(&["wasi:random/random@0.2.12"]).import(import).with("login", body)
    };
    // A body that never ends; nothing takes it before it is whole.
    let mut endless = wasi();
    let chunk = "(call $write (local.get $s) (i32.const 0) (i32.const 4096) (i32.const RET))
        (br_if 0 (i32.eqz (i32.load8_u (i32.const RET))))";
    let ask = Ask { method: POST, ..Ask::of(&server, "/") };
    let started = "(call $handle (local.get $r) (i32.const 0) (i32.const 0) (i32.const RET))";
    let request_body = request(&mut endless, &ask, &format!("{started} (loop {chunk})"));
    let endless = endless.with("login", format!("{request_body} (call $ok)"));
    let mut many = wasi();
    let asked = request(&mut many, &Ask::of(&server, "/"), "");
    let (locals, asked) = asked.split_at(asked.find("(local.set").unwrap());
    let many = many.with("login", format!("{locals} (loop {asked} {started} (br 0)) unreachable"));
    let fields = "(local $h i32) (local.set $h (call $fields))
        (loop (call $append (local.get $h) (i32.const 1100) (i32.const 4) (i32.const 0) (i32.const 4096) (i32.const RET))
        (br_if 0 (i32.eqz (i32.load8_u (i32.const RET))))) (call $ok)";
    let handles = Expect::Limit(Limit::Handles);
    bench
        .run(vec![
            case("a method without end", Call::Login, long_word("$set_method", 9), Expect::Fine),
            case("an authority without end", Call::Login, long_word("$set_authority", 1), Expect::Fine),
            case("headers without end", Call::Login, wasi().with("login", fields), Expect::Fine),
            case("fields without end", Call::Login, flood("(drop (call $fields))"), handles),
            case("requests that are never sent", Call::Login, flood("(drop (call $request (call $fields)))"), handles),
            limited("requests whose answers nobody reads", Call::Login, many, &["cpu_time=10s"], handles),
            limited("a body without end", Call::Login, endless, &["body=100KiB", "cpu_time=5s"], Expect::Fine),
            limited("a long answer", Call::Login, asking(&ask), &["body=1KiB"], Expect::Told("error 28")),
            limited("no request left", Call::Login, asking(&ask), &["bytes_out=1"], OTHER),
            case("random bytes without end", Call::Login, random(u64::MAX), Expect::Trap("exceeds limit")),
            case("random bytes for a page", Call::Login, random(4096), Expect::Fine),
        ])
        .await;
    refused.run(vec![told("nobody answers", &Ask::of(&closed, "/"), UNAVAILABLE)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_may_not_be_dialled_is_not() {
    let server = Server::start("here");
    let bench = Bench::granting_public(&server.origin).await;
    bench.run(vec![told("this machine", &Ask::of(&server, "/"), ADDRESS_PROHIBITED)]).await;
    assert_eq!(server.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_without_end_ends_with_the_call_and_exits_are_told() {
    let interface = ["wasi:clocks/monotonic-clock@0.2.12", "wasi:io/poll@0.2.12", "wasi:cli/exit@0.2.12"];
    let imports = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $later (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
        (import "wasi:cli/exit@0.2.12" "exit" (func $exit (param i32)))"#;
    let with = |body: &str| guest().wasi(&interface).import(imports).with("login", body);
    Bench::new()
        .await
        .run(vec![
            limited(
                "a sleep of centuries",
                Call::Login,
                with("(call $block (call $later (i64.const -1))) (call $ok)"),
                &["call_time=200ms"],
                Expect::Limit(Limit::CallTime),
            ),
            case("an exit", Call::Login, with("(call $exit (i32.const 1)) (call $ok)"), Expect::Trap("exit status 1")),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_closes_the_connection_of_its_library_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let ask = Ask { method: GET, scheme: 0, authority: &authority, path: "/", headers: &[], body: "" };
    dropped_while_it_waits(listener, asking(&ask)).await;
}

const PROCESS: &str = r#"
(import "wasi:cli/stdout@0.2.12" "get-stdout" (func $stdout (result i32)))
(import "wasi:cli/stdin@0.2.12" "get-stdin" (func $stdin (result i32)))
(import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.write-zeroes" (func $zeroes (param i32 i64 i32)))
(import "wasi:sockets/instance-network@0.2.12" "instance-network" (func $network (result i32)))
(import "wasi:sockets/ip-name-lookup@0.2.12" "resolve-addresses" (func $lookup (param i32 i32 i32 i32)))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_and_the_network_of_a_process_lead_nowhere() {
    let interfaces = [
        "wasi:cli/stdin@0.2.12",
        "wasi:cli/stdout@0.2.12",
        "wasi:io/streams@0.2.12",
        "wasi:sockets/instance-network@0.2.12",
        "wasi:sockets/ip-name-lookup@0.2.12",
    ];
    let with = |body: &str| guest().wasi(&interfaces).import(PROCESS).with("login", format!("{body} (call $ok)"));
    let is = |offset: u32, byte: u32| {
        format!("(if (i32.ne (i32.load8_u offset={offset} (i32.const RET)) (i32.const {byte})) (then unreachable))")
    };
    let mut looking = guest();
    let name = looking.put("localhost");
    let lookup = format!("(call $lookup (call $network) {name} (i32.const RET)) {} (call $ok)", is(0, 1));
    let looking = looking.wasi(&interfaces).import(PROCESS).with("login", lookup);
    let closed = format!("(call $read (call $stdin) (i64.const 9) (i32.const RET)) {} {}", is(0, 1), is(4, 1));
    let endless = "(local $n i32) (loop
        (call $write (call $stdout) (i32.const 0) (i32.const 4096) (i32.const RET))
        (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $n) (i32.const 2000))))";
    Bench::new()
        .await
        .run(vec![
            case("a name is looked up", Call::Login, looking, Expect::Fine),
            case("standard input is read", Call::Login, with(&closed), Expect::Fine),
            limited("much is written", Call::Login, with(endless), &["cpu_time=5s", "handles=3000"], Expect::Fine),
            case(
                "more zeros are written than may be",
                Call::Login,
                with("(call $zeroes (call $stdout) (i64.const -1) (i32.const RET))"),
                Expect::Trap("check_write"),
            ),
        ])
        .await;
}
