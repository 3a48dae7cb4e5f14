//! Floods of calls, and calls that nobody waits for any more.

use crate::bench::{Bench, Call, Expect, case, limited};
use crate::guest::{Guest, guest};
use crate::server::{Server, read_request};
use forgeport_egress::{Auditor, Session};
use forgeport_model::{AuditRecord, Limit, Origin};
use forgeport_runtime::{CallError, Connection, ProviderError};
use std::{io::Read, net::TcpListener, sync::Arc, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_calls_end_by_time() {
    let flood = |body: &str| guest().with("login", format!("(loop {body} (br 0)) unreachable"));
    Bench::new()
        .await
        .run(vec![
            limited(
                "messages",
                Call::Login,
                flood("(call $log (i32.const 0) (i32.const 0) (i32.const 100))"),
                &["call_time=2s", "cpu_time=60s"],
                Expect::Limit(Limit::CallTime),
            ),
            limited(
                "empty messages",
                Call::Login,
                flood("(call $log (i32.const 2) (i32.const 0) (i32.const 0))"),
                &["call_time=2s", "cpu_time=60s"],
                Expect::Limit(Limit::CallTime),
            ),
            case(
                "a few messages",
                Call::Login,
                guest().with("login", "(call $log (i32.const 2) (i32.const 0) (i32.const 100)) (call $ok)"),
                Expect::Fine,
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_computes_for_a_call_counts_as_its_computing() {
    // The gate looks for placeholders in every encoding of it, before it is refused.
    let mut asking = guest().memory(r#"(memory (export "memory") 130)"#);
    let ask = asking.ask("POST", "http://127.0.0.1:1/", &[]).body(65536, 8 << 20);
    let fill = "(local $at i32) (local.set $at (i32.const 65536)) (loop
        (i32.store (local.get $at) (i32.const 0x35323525)) (local.set $at (i32.add (local.get $at) (i32.const 3)))
        (br_if 0 (i32.lt_u (local.get $at) (i32.const 8454140))))";
    let asking = asking.with("login", format!("{fill} (loop {} (br 0)) unreachable", ask.send()));
    let limits = &["cpu_time=500ms", "call_time=60s", "memory=16MiB", "call_bytes=16MiB"];
    Bench::new().await.run(vec![limited("bodies", Call::Login, asking, limits, Expect::Limit(Limit::CpuTime))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_closes_its_connection_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut asking = guest();
    let send = asking.ask("GET", &url, &[]).send();
    dropped_while_it_waits(listener, asking.with("login", format!("{send} (call $ok)"))).await;
}

/// Drops a call that asks a server which never answers.
pub async fn dropped_while_it_waits(listener: TcpListener, guest: Guest) {
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (arrived, waiting) = tokio::sync::oneshot::channel();
    let server = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        arrived.send(()).unwrap();
        // What comes next is the end.
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read(&mut [0]).unwrap()
    });
    let bench = Bench::granting(&origin, &["GET"]).await;
    let repository = bench.repository(&guest, &[]).await;
    let call = tokio::spawn(async move { repository.login().await });
    waiting.await.unwrap();
    call.abort();
    assert_eq!(server.await.unwrap(), 0);
}

/// What goes wrong in it is the host's own fault.
struct Panicking;

impl Auditor for Panicking {
    fn record(&self, record: AuditRecord) {
        panic!("with a secret in {:?}", record.request());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_call_and_no_other_and_what_it_said_is_not_repeated() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    let mut asking = guest();
    let send = asking.ask("GET", format!("{}/s3cret", server.origin), &[]).send();
    let provider = bench.load(&asking.with("login", format!("{send} (call $ok)"))).await.unwrap();
    let login = |auditor: Arc<dyn Auditor>| {
        let session = Arc::new(Session { auditor, ..bench.session() });
        let repository = provider.repository(Connection { session, ..bench.connection(&[]) });
        async move { repository.login().await }
    };
    let (one, other) = tokio::join!(login(Arc::new(Panicking)), login(bench.kept.clone()));
    let error = one.unwrap_err();
    assert_eq!(error, CallError::Failed { call: "login" });
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    assert!(other.is_ok() && login(bench.kept.clone()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_of_centuries_that_a_provider_tells_is_a_day() {
    let body = "(drop (call $ok)) (i32.store8 (i32.const OUT) (i32.const 1)) (i32.store8 offset=8 (i32.const OUT) (i32.const 3))
        (i32.store8 offset=24 (i32.const OUT) (i32.const 1)) (i64.store offset=32 (i32.const OUT) (i64.const -1)) (i32.const OUT)";
    let bench = Bench::new().await;
    let error = bench.repository(&guest().with("login", body), &[]).await.login().await.unwrap_err();
    let CallError::Provider(ProviderError::RateLimited { retry_after, .. }) = &error else { panic!("{error}") };
    assert_eq!(*retry_after, Some(Duration::from_secs(86_400)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_that_loop_do_not_keep_others_from_their_turn() {
    let bench = Bench::new().await;
    let hostile = bench.load(&guest().with("login", "(loop (br 0)) unreachable")).await.unwrap();
    let good = bench.load(&guest()).await.unwrap();
    let mut calls = Vec::new();
    for number in 0..200 {
        let (provider, ends) = if number % 20 == 0 { (&hostile, false) } else { (&good, true) };
        let repository = provider.repository(bench.connection(&["cpu_time=100ms"]));
        calls.push((ends, tokio::spawn(async move { repository.login().await.is_ok() })));
    }
    for (ends, call) in calls {
        assert_eq!(call.await.unwrap(), ends);
    }
}
