//! Components that would say one thing to the person who consents and another one later, by the clock or by chance.

use crate::bench::{Bench, Call, Expect, case, limits};
use crate::guest::{Guest, guest};
use forgeport_model::Limit;

const INTERFACES: [&str; 6] = [
    "wasi:clocks/wall-clock@0.2.12",
    "wasi:clocks/monotonic-clock@0.2.12",
    "wasi:io/poll@0.2.12",
    "wasi:random/random@0.2.12",
    "wasi:random/insecure@0.2.12",
    "wasi:random/insecure-seed@0.2.12",
];

const IMPORTS: &str = r#"
(import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))
(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $later (param i64) (result i32)))
(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-instant" (func $then (param i64) (result i32)))
(import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
(import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
(import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))
(import "wasi:random/insecure@0.2.12" "get-insecure-random-u64" (func $insecure (result i64)))
(import "wasi:random/insecure-seed@0.2.12" "insecure-seed" (func $seed (param i32)))
"#;

/// Every source of time and chance that a component has; each leaves a number.
const SOURCES: [(&str, &str); 8] = [
    ("the time of day", "(call $wall (i32.const RET)) (i64.load (i32.const RET))"),
    ("nanoseconds of the time of day", "(call $wall (i32.const RET)) (i64.load32_u offset=8 (i32.const RET))"),
    ("the monotonic clock", "(call $monotonic)"),
    ("the monotonic clock after a wait", "(call $block (call $later (i64.const 1000))) (call $monotonic)"),
    ("random numbers", "(call $random)"),
    ("random bytes", "(call $bytes (i64.const 8) (i32.const RET)) (i64.load (i32.load (i32.const RET)))"),
    ("insecure random numbers", "(call $insecure)"),
    ("the seed of hash tables", "(call $seed (i32.const RET)) (i64.load (i32.const RET))"),
];

/// Spells a number in 16 letters at [`SPELLED`].
const SPELL: &str = "(func $spell (param $n i64) (local $i i32)
  (loop
    (i32.store8 (i32.add (i32.const 20000) (local.get $i))
      (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $n) (i64.const 15)))))
    (local.set $n (i64.shr_u (local.get $n) (i64.const 4)))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if 0 (i32.lt_u (local.get $i) (i32.const 16)))))";
const SPELLED: u32 = 20_000;

/// Names itself, and the repository, by what a source gives.
fn named_by(source: &str) -> Guest {
    let spelled = format!("(call $spell (block (result i64) {source}))");
    let described = format!(
        "{spelled} (i32.store (i32.const 1024) (i32.const {SPELLED})) (i32.store (i32.const 1028) (i32.const 16)) (i32.const 1024)"
    );
    let seen = format!(
        "{spelled} (drop (call $ok)) (i32.store offset=20 (i32.const OUT) (i32.const {SPELLED}))
         (i32.store offset=24 (i32.const OUT) (i32.const 16)) (i32.const OUT)"
    );
    guest().wasi(&INTERFACES).import(IMPORTS).item(SPELL).with("describe", described).with("login", seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_clock_and_no_randomness_is_real_while_a_component_describes() {
    let bench = Bench::new().await;
    for (what, source) in SOURCES {
        let named = named_by(source);
        let provider = bench.load(&named).await.unwrap();
        let first = provider.describe().await.unwrap().name;
        let again = bench.load_bytes(&named.encode(), &[]).await.unwrap().describe().await.unwrap().name;
        assert_eq!(first, again, "{what}");
        // A call that has a session sees the real one, which no two calls see alike, but for the seconds of the day.
        let seen = || async { bench.repository(&named, &[]).await.login().await.unwrap().repository };
        let (one, other) = (seen().await, seen().await);
        assert_ne!(one, first, "{what}");
        assert!(one != other || what == "the time of day", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_describes_itself_waits_for_no_clock_and_for_nothing_without_end() {
    let with = |body: &str| {
        let body = format!("{body} (i32.const 1024)");
        guest().wasi(&INTERFACES).import(IMPORTS).with("describe", body)
    };
    let century = "(i64.const 3000000000000000000)";
    let until = "(loop (br_if 0 (i64.lt_u (call $monotonic) (i64.const 5000000))))";
    Bench::new()
        .await
        .run(vec![
            case("a century", Call::Describe, with(&format!("(call $block (call $later {century}))")), Expect::Fine),
            case("a moment", Call::Describe, with(&format!("(call $block (call $then {century}))")), Expect::Fine),
            case("the end of time", Call::Describe, with("(call $block (call $later (i64.const -1)))"), Expect::Fine),
            case("the next moment", Call::Describe, with(until), Expect::Fine),
            case(
                "a day that never comes",
                Call::Describe,
                with("(loop (call $wall (i32.const RET)) (br_if 0 (i64.eqz (i64.load (i32.const RET)))))"),
                Expect::Limit(Limit::CpuTime),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_the_options_alone_gets_neither_time_nor_chance() {
    let bench = Bench::new().await;
    for (what, source) in SOURCES {
        let spelled = format!("(call $spell (block (result i64) {source}))");
        let link = format!(
            "{spelled} (drop (call $ok)) (i32.store8 (i32.const OUT) (i32.const 1))
             (i32.store offset=4 (i32.const OUT) (i32.const {SPELLED})) (i32.store offset=8 (i32.const OUT) (i32.const 16))
             (i32.const OUT)"
        );
        let guest = guest().wasi(&INTERFACES).import(IMPORTS).item(SPELL).with("commit-url", link);
        let provider = bench.load(&guest).await.unwrap();
        let link = || async {
            let offline = provider.offline(Default::default(), limits(&[]));
            offline.commit_url(crate::bench::COMMIT).await.unwrap().unwrap()
        };
        assert_eq!(link().await, link().await, "{what}");
    }
}
