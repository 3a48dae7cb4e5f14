//! Handles that were never given, are gone, or are of something else.

use crate::bench::{Bench, Call, Expect, case};
use crate::guest::guest;

const UNKNOWN: Expect = Expect::Trap("unknown handle");

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_can_be_used_only_while_it_is_lent() {
    let download = |name, body: &str, expect| case(name, Call::Download, guest().with("download-files", body), expect);
    let drop = "(call $drop_directory (local.get $target))";
    let write = |handle: &str| {
        format!(
            "(call $write_file ({handle}) (i32.const 1100) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const RET))"
        )
    };
    let used = |handle: &str| format!("{} {drop} (call $done)", write(handle));
    Bench::new()
        .await
        .run(vec![
            download("kept beyond the call", "(call $ok)", Expect::Trap("borrow")),
            download("dropped twice", &format!("{drop} {drop} (call $ok)"), UNKNOWN),
            download(
                "used after it was dropped",
                &format!("{drop} {} (call $done)", write("local.get $target")),
                UNKNOWN,
            ),
            download("the number 0", &used("i32.const 0"), UNKNOWN),
            download("a number never given", &used("i32.const 999"), UNKNOWN),
            download("the largest number", &used("i32.const -1"), UNKNOWN),
            download("a number with its top bit set", &used("i32.const 0x80000001"), UNKNOWN),
            download("a repository in its place", &used("call $new (i32.const 1)"), Expect::Trap("wrong type")),
            download(
                "dropped as a repository",
                "(call $drop_repository (local.get $target)) (call $ok)",
                Expect::Trap(""),
            ),
            download("asked for its repository", "(drop (call $rep (local.get $target))) (call $ok)", Expect::Trap("")),
            download("as it should be", &used("local.get $target"), Expect::Fine),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_what_the_guest_made_and_still_has() {
    let open = |name, handle: &str, expect| {
        let body = format!("(i32.store offset=8 (call $ok) {handle}) (i32.const OUT)");
        case(name, Call::Login, guest().with("open", body), expect)
    };
    let login = |name, body: &str, expect| case(name, Call::Login, guest().with("login", body), expect);
    let kept = "(global $kept (mut i32) (i32.const 0))";
    let keeping = "(global.set $kept (call $new (i32.const 7))) (i32.store offset=8 (call $ok) (global.get $kept)) (i32.const OUT)";
    let later = |body: &str| guest().item(kept).with("open", keeping).with("login", format!("{body} (call $ok)"));
    let dropped = "(local $h i32) (local.set $h (call $new (i32.const 7))) (call $drop_repository (local.get $h))";
    Bench::new()
        .await
        .run(vec![
            open("the number 0", "(i32.const 0)", UNKNOWN),
            open("a number never given", "(i32.const 12345)", UNKNOWN),
            open("the largest number", "(i32.const -1)", UNKNOWN),
            case(
                "dropped before it is returned",
                Call::Login,
                guest()
                    .with("open", format!("{dropped} (i32.store offset=8 (call $ok) (local.get $h)) (i32.const OUT)")),
                UNKNOWN,
            ),
            login("dropped twice", &format!("{dropped} (call $drop_repository (local.get $h)) (call $ok)"), UNKNOWN),
            login("a number never given is dropped", "(call $drop_repository (i32.const 77)) (call $ok)", UNKNOWN),
            login("a number never given is asked for", "(drop (call $rep (i32.const 77))) (call $ok)", UNKNOWN),
            case("given away, and dropped", Call::Login, later("(call $drop_repository (global.get $kept))"), UNKNOWN),
            case("given away, and asked for", Call::Login, later("(drop (call $rep (global.get $kept)))"), UNKNOWN),
            login(
                "never dropped",
                "(drop (call $new (i32.const 1))) (drop (call $new (i32.const 1))) (call $ok)",
                Expect::Fine,
            ),
        ])
        .await;
}
