//! Guests that do not end.

use crate::bench::{Bench, Call, Expect, case, limited};
use crate::guest::guest;
use forgeport_model::Limit;

const LOOP: &str = "(loop (br 0)) unreachable";
const DEEP: &str = "(drop (call $recurse (i64.const 0))) unreachable";
const ENDED: Expect = Expect::Limit(Limit::CpuTime);
const EXHAUSTED: Expect = Expect::Limit(Limit::Stack);

/// A part, and the call that reaches it.
const REACHED_BY: [(&str, Call); 9] = [
    ("start", Call::Login),
    ("realloc", Call::Resolve),
    ("describe", Call::Describe),
    ("open", Call::Login),
    ("login", Call::Login),
    ("resolve", Call::Resolve),
    ("owns-remote", Call::OwnsRemote),
    ("download-files", Call::Download),
    ("commit-url", Call::CommitUrl),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_in_any_function_ends_by_its_computing_time() {
    let cases = REACHED_BY.map(|(part, call)| case(part, call, guest().with(part, LOOP), ENDED));
    Bench::new().await.run(cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_where_nothing_was_called_yet_or_any_more_ends_too() {
    let ends = |what: &str| {
        let item = format!("(func $endless (export \"cabi_post_PROVIDER#{what}\") (param i32) {LOOP})");
        guest().item(&item)
    };
    let dropping = |body: &str| {
        guest().with("login", "(call $drop_repository (call $new (i32.const 9))) (call $ok)").with("destructor", body)
    };
    Bench::new()
        .await
        .run(vec![
            case("the module's start", Call::Describe, guest().item(&format!("(start $s) (func $s {LOOP})")), ENDED),
            case("_initialize", Call::Describe, guest().with("start", LOOP), ENDED),
            case("post-return of describe", Call::Describe, ends("describe"), ENDED),
            case("post-return of open", Call::Login, ends("[static]repository.open"), ENDED),
            case("post-return of login", Call::Login, ends("[method]repository.login"), ENDED),
            case("post-return of download-files", Call::Download, ends("[method]repository.download-files"), ENDED),
            case("destructor", Call::Login, dropping(LOOP), ENDED),
            case("recursion in the destructor", Call::Login, dropping(DEEP), EXHAUSTED),
            case("trap in the destructor", Call::Login, dropping("unreachable"), Expect::Trap("unreachable")),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_recursion_in_any_function_ends_by_its_stack() {
    let cases = REACHED_BY.map(|(part, call)| case(part, call, guest().with(part, DEEP), EXHAUSTED));
    Bench::new().await.run(cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_is_as_large_as_its_limit_says() {
    // Each level takes some dozen bytes.
    let deep = |levels: u32| {
        let item = "(func $dive (param i32) (result i32) (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $dive (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))";
        guest().item(item).with("login", format!("(drop (call $dive (i32.const {levels}))) (call $ok)"))
    };
    Bench::new()
        .await
        .run(vec![
            case("a little", Call::Login, deep(1000), Expect::Fine),
            case("more than usual", Call::Login, deep(100_000), EXHAUSTED),
            limited("more than usual, and allowed", Call::Login, deep(100_000), &["stack=16MiB"], Expect::Fine),
            limited("less than there is, which is rounded up", Call::Login, deep(5000), &["stack=4KiB"], Expect::Fine),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_limits_of_the_stack_do_not_use_up_the_address_space() {
    let (bench, component) = (Bench::new().await, guest().encode());
    let mut held = Vec::new();
    for number in 1..33 {
        let stack = format!("stack={}KiB", number * 2000);
        held.push(bench.load_bytes(&component, &[&stack]).await.unwrap());
    }
    // In pages (proc(5)); a process has 128 TiB.
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    assert!(pages < 4 << 30, "{} TiB", pages >> 28);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_any_function_is_told_as_one() {
    let cases =
        REACHED_BY.map(|(part, call)| case(part, call, guest().with(part, "unreachable"), Expect::Trap("unreachable")));
    Bench::new().await.run(cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_trap_is_told_as_one() {
    let login = |name, body: &str, words| {
        let guest = guest().item("(type $t (func)) (table 1 funcref) (func $nothing)");
        case(name, Call::Login, guest.with("login", format!("{body} unreachable")), Expect::Trap(words))
    };
    Bench::new()
        .await
        .run(vec![
            login("division by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divide by zero"),
            login("overflow", "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "overflow"),
            login("a float that is no integer", "(drop (i32.trunc_f32_s (f32.const nan)))", "conversion"),
            login("a read beyond the memory", "(drop (i32.load (i32.const -4)))", "out of bounds memory"),
            login(
                "a fill beyond the memory",
                "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))",
                "out of bounds",
            ),
            login("a table's empty place", "(call_indirect (type $t) (i32.const 0))", "uninitialized element"),
            login("a place beyond the table", "(call_indirect (type $t) (i32.const 9))", "out of bounds"),
        ])
        .await;
}
