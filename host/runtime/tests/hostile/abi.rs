//! Values that the canonical ABI does not allow: pointers, lengths, texts and discriminants.

use crate::bench::{Bench, Call, Case, Expect, case, limited};
use crate::guest::{Guest, Text, guest};
use forgeport_model::Limit;

/// No UTF-8: a lone continuation, an overlong slash, a surrogate, beyond Unicode, and cut off.
const NO_TEXT: [&[u8]; 5] = [b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"];
const NO_UTF8: Expect = Expect::Trap("utf-8");
const OUTSIDE: Expect = Expect::Trap("out of bounds");

fn logging(text: Text) -> Guest {
    guest().with("login", format!("(call $log (i32.const 1) {text}) (call $ok)"))
}

fn text(at: u32, length: u32) -> Text {
    Text { at, length }
}

/// The host's result is `out`, with these bytes at its beginning.
fn answering(part: &'static str, out: &[u8]) -> Guest {
    let mut guest = guest();
    let at = guest.put(out).at;
    let drop = if part == "download-files" { "(call $drop_directory (local.get $target))" } else { "" };
    guest.with(part, format!("{drop} (i32.const {at})"))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_outside_the_memory_are_traps_or_reach_a_limit() {
    let large = |length: u32| logging(text(0, length)).memory(r#"(memory (export "memory") 64)"#);
    Bench::new()
        .await
        .run(vec![
            case("one byte too long", Call::Login, logging(text(131_071, 2)), OUTSIDE),
            case("behind the memory", Call::Login, logging(text(131_073, 0)), OUTSIDE),
            case("2 GB", Call::Login, logging(text(0, 2_000_000_000)), OUTSIDE),
            case("4 GB less one", Call::Login, logging(text(1, u32::MAX)), OUTSIDE),
            case("an end beyond 32 bits", Call::Login, logging(text(u32::MAX, u32::MAX)), OUTSIDE),
            case("empty at the very end", Call::Login, logging(text(131_072, 0)), Expect::Fine),
            limited(
                "more than may be handed over",
                Call::Login,
                large(4 << 20),
                &["memory=8MiB", "call_bytes=1MiB"],
                Expect::Limit(Limit::CallBytes),
            ),
            limited(
                "zeros, as many as may be",
                Call::Login,
                large(1 << 20),
                &["memory=8MiB", "call_bytes=2MiB"],
                Expect::Fine,
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_utf8_is_a_trap_wherever_a_text_stands() {
    let mut cases: Vec<Case> = Vec::new();
    for bytes in NO_TEXT {
        let mut guest = guest();
        let text = guest.put(bytes);
        let body = format!("(call $log (i32.const 1) {text}) (call $ok)");
        cases.push(case("a log message", Call::Login, guest.with("login", body), NO_UTF8));
    }
    // The words of a request that are texts: method, url; the others need a list or a secret around them.
    for word in [0, 2] {
        let mut guest = guest();
        let mut ask = guest.ask("GET", "http://x/", &[]);
        let bad = guest.put(b"\xff");
        ask.0[word..word + 2].copy_from_slice(&[bad.at, bad.length]);
        cases.push(case(
            "a request's text",
            Call::Login,
            guest.with("login", format!("{} (call $sent)", ask.send())),
            NO_UTF8,
        ));
    }
    for header in [(b"\xff".as_slice(), b"value".as_slice()), (b"name".as_slice(), b"\xff".as_slice())] {
        let mut guest = guest();
        let ask = guest.ask("GET", "http://x/", &[header]);
        cases.push(case("a header", Call::Login, guest.with("login", format!("{} (call $sent)", ask.send())), NO_UTF8));
    }
    for (placement, good) in [(0, false), (1, true), (2, true)] {
        let mut guest = guest();
        let (bad, setting) = (guest.put(b"\xff"), guest.put("token"));
        let setting = if good { setting } else { bad };
        let ask = guest.ask("GET", "http://x/", &[]).secret(setting, placement, bad);
        cases.push(case(
            "a secret's text",
            Call::Login,
            guest.with("login", format!("{} (call $sent)", ask.send())),
            NO_UTF8,
        ));
    }
    for (index, part) in [(0, "name"), (1, "version"), (2, "summary")] {
        let mut guest = guest();
        let (good, bad) = (guest.put("a"), guest.put(b"\xff"));
        let texts: Vec<u32> =
            (0..3).map(|at| if at == index { bad.at } else { good.at }).flat_map(|at| [at, 1]).collect();
        let description = guest.put([words(&texts), vec![0; 32]].concat()).at;
        cases.push(case(part, Call::Describe, guest.with("describe", format!("(i32.const {description})")), NO_UTF8));
    }
    let mut bad = guest();
    let text = bad.put(b"\xff");
    let error = format!("(call $error (i32.const 8) {text})");
    cases.extend([case("an error's text", Call::Login, bad.clone().with("login", error), NO_UTF8)]);
    for (call, part, at) in [(Call::Resolve, "resolve", 8), (Call::CommitUrl, "commit-url", 4)] {
        let body = format!(
            "(drop (call $ok)) (i32.store8 (i32.const OUT) (i32.const {})) (i32.store offset={at} (i32.const OUT) (i32.const {})) (i32.store offset={} (i32.const OUT) (i32.const 1)) (i32.const OUT)",
            u8::from(part == "commit-url"),
            text.at,
            at + 4
        );
        cases.push(case(part, call, bad.clone().with(part, body), NO_UTF8));
    }
    for body in [
        "(call $write_file (local.get $target) TEXT (i32.const 0) (i32.const 0) (i32.const 0) (i32.const RET))",
        "(call $write_symlink (local.get $target) TEXT (i32.const 1100) (i32.const 4) (i32.const RET))",
        "(call $write_symlink (local.get $target) (i32.const 1100) (i32.const 4) TEXT (i32.const RET))",
        "(call $compare (local.get $target) TEXT (i32.const 0) (i32.const 0) (i32.const RET))",
    ] {
        let body = format!("{} unreachable", body.replace("TEXT", &text.to_string()));
        cases.push(case("a path", Call::Download, bad.clone().with("download-files", body), NO_UTF8));
    }
    Bench::new().await.run(cases).await;
}

/// The list's text has to be one of the guest that has the list, so it lies where every guest has something else than text.
/// A description with this list at an offset.
fn with_list(offset: usize, list: &[u8], count: u32) -> Guest {
    let mut guest = guest();
    let (text, list) = (guest.put("a"), guest.put(list));
    let mut description = [words(&[text.at, 1, text.at, 1, text.at, 1]), vec![0; 32]].concat();
    description[offset..offset + 8].copy_from_slice(&words(&[list.at, count]));
    let at = guest.put(description).at;
    guest.with("describe", format!("(i32.const {at})"))
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_impossible_lengths_are_traps() {
    let mut cases = Vec::new();
    // Settings, needs, credentials and remote hosts; lengths whose bytes exceed the memory, 32 bits, or just the end.
    for offset in [24, 32, 40, 48] {
        for count in [u32::MAX, 1 << 31, 1 << 29, 0x0aaa_aaab, 20_000] {
            cases.push(case("a list of the description", Call::Describe, with_list(offset, &[0; 8], count), OUTSIDE));
        }
    }
    for count in [u32::MAX, 1 << 28, 1 << 20] {
        let mut guest = guest();
        let mut ask = guest.ask("GET", "http://x/", &[]);
        ask.0[5] = count;
        cases.push(case(
            "headers",
            Call::Login,
            guest.clone().with("login", format!("{} (call $sent)", ask.send())),
            OUTSIDE,
        ));
        let ask = guest.ask("GET", "http://x/", &[]).body(8, count);
        cases.push(case("a body", Call::Login, guest.with("login", format!("{} (call $sent)", ask.send())), OUTSIDE));
    }
    for call in [
        "(call $fetch_files (local.get $target) (i32.const 0) (i32.const COUNT) (i32.const RET))",
        "(call $compare (local.get $target) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const COUNT) (i32.const RET))",
        "(call $write_file (local.get $target) (i32.const 1100) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const COUNT) (i32.const RET))",
    ] {
        let body = format!("{} unreachable", call.replace("COUNT", "0x10000000"));
        cases.push(case("a list for the directory", Call::Download, guest().with("download-files", body), OUTSIDE));
    }
    Bench::new().await.run(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn misaligned_and_stray_pointers_are_traps() {
    let aligned = Expect::Trap("aligned");
    let describing = |at: &str| guest().with("describe", format!("(i32.const {at})"));
    let mut odd = guest();
    let mut ask = odd.ask("GET", "http://x/", &[(b"a", b"b")]);
    ask.0[4] += 1;
    let send_to = |ret: &str| {
        let mut guest = guest();
        let ask = guest.ask("GET", "http://x/", &[]);
        guest.with(
            "login",
            format!("{} (call $sent)", ask.send().replace("(i32.const RET))", &format!("(i32.const {ret}))"))),
        )
    };
    let realloc = |part: Call, value: &str| (part, guest().with("realloc", format!("(i32.const {value})")));
    let (resolve, lost) = realloc(Call::Resolve, "-1");
    Bench::new()
        .await
        .run(vec![
            case("a description at an odd place", Call::Describe, describing("1025"), aligned),
            case("a description beyond the memory", Call::Describe, describing("131072"), OUTSIDE),
            case("a description at the end", Call::Describe, describing("-4"), OUTSIDE),
            case(
                "headers at an odd place",
                Call::Login,
                odd.with("login", format!("{} (call $sent)", ask.send())),
                aligned,
            ),
            case("an answer to an odd place", Call::Login, send_to("33025"), aligned),
            case("an answer beyond the memory", Call::Login, send_to("-8"), OUTSIDE),
            case("realloc gives -1", resolve, lost, Expect::Trap("realloc return")),
            case("realloc gives an odd place", Call::Login, realloc(Call::Login, "40961").1, aligned),
            case(
                "realloc gives what is beyond",
                Call::Resolve,
                realloc(Call::Resolve, "131071").1,
                Expect::Trap("realloc return"),
            ),
            // Nothing is at 0 but the guest's own memory: it may damage itself.
            case("realloc gives 0", Call::Resolve, realloc(Call::Resolve, "0").1, Expect::Fine),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discriminants_that_do_not_exist_are_traps() {
    let unknown = Expect::Trap("discriminant");
    let mut listed = guest();
    let entry = listed.put(words(&[1100, 4, 9, 1100, 4]));
    let compare = format!(
        "(call $compare (local.get $target) (i32.const 0) (i32.const 0) (i32.const {}) (i32.const 1) (i32.const RET)) unreachable",
        entry.at
    );
    let mut unpacking = guest();
    let ask = unpacking.ask("GET", "http://x/", &[]);
    let unpack = format!("{} unreachable", ask.unpack(&mut unpacking, 9));
    let word = |word: usize, value: u32| {
        let mut guest = guest();
        let setting = guest.put("token");
        let mut ask = guest.ask("GET", "http://x/", &[]);
        if word == 12 {
            ask = ask.secret(setting, 0, setting);
        }
        ask.0[word] = value;
        guest.with("login", format!("{} (call $sent)", ask.send()))
    };
    let setting = |flag: u32, default: u32| with_list(24, &words(&[1100, 4, 1100, 4, flag, default, 0, 0]), 1);
    Bench::new()
        .await
        .run(vec![
            case(
                "a result of login",
                Call::Login,
                answering(
                    "login",
                    &[
                        2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                        0, 0, 0, 0, 0, 0, 0, 0,
                    ],
                ),
                unknown,
            ),
            case(
                "an error of login",
                Call::Login,
                answering("login", &words(&[1, 0, 9, 0, 0, 0, 0, 0, 0, 0])),
                unknown,
            ),
            case(
                "an option in an error",
                Call::Login,
                answering("login", &words(&[1, 0, 3, 0, 1100, 4, 5, 0, 0, 0])),
                unknown,
            ),
            case(
                "an option in an identity",
                Call::Login,
                answering("login", &words(&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0])),
                unknown,
            ),
            case(
                "a result of open",
                Call::Login,
                answering("open", &words(&[255, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
                unknown,
            ),
            case(
                "a result of resolve",
                Call::Resolve,
                answering("resolve", &words(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
                unknown,
            ),
            case(
                "a result of download-files",
                Call::Download,
                answering("download-files", &words(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
                unknown,
            ),
            case("an option of commit-url", Call::CommitUrl, answering("commit-url", &words(&[2, 0, 0])), unknown),
            case(
                "a level",
                Call::Login,
                guest().with("login", "(call $log (i32.const 3) (i32.const 0) (i32.const 0)) (call $ok)"),
                unknown,
            ),
            case(
                "a level far off",
                Call::Login,
                guest().with("login", "(call $log (i32.const -1) (i32.const 0) (i32.const 0)) (call $ok)"),
                unknown,
            ),
            case("an option of a body", Call::Login, word(6, 2), unknown),
            case("an option of a secret", Call::Login, word(9, 77), unknown),
            case("a placement", Call::Login, word(12, 3), unknown),
            case("a kind", Call::Download, listed.with("download-files", compare), unknown),
            case("a format", Call::Download, unpacking.with("download-files", unpack), unknown),
            case("an option of a setting", Call::Describe, setting(0, 2), unknown),
            case("a condition", Call::Describe, condition(9), unknown),
            // Any bits but 0 are true.
            case("a bool of 7", Call::OwnsRemote, guest().with("owns-remote", "(i32.const 7)"), Expect::Fine),
            case("a bool of 255 in a record", Call::Describe, setting(0xffff, 0), Expect::Fine),
        ])
        .await;
}

/// A need with one condition of this kind.
fn condition(kind: u32) -> Guest {
    let mut guest = guest();
    let conditions = guest.put(words(&[kind, 1100, 4, 0, 0])).at;
    let need = guest.put(words(&[1100, 4, 0, 0, 0, 0, conditions, 1])).at;
    let description = guest.put(words(&[1100, 4, 1100, 4, 1100, 4, 0, 0, need, 1, 0, 0, 0, 0])).at;
    guest.with("describe", format!("(i32.const {description})"))
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_may_not_be_called_where_the_component_must_not_be_left() {
    let leave = Expect::Trap("cannot leave");
    let log = "(call $log (i32.const 1) (i32.const 1100) (i32.const 4))";
    let mut sending = guest();
    let ask = sending.ask("GET", "http://x/", &[]);
    Bench::new()
        .await
        .run(vec![
            case("in realloc", Call::Resolve, guest().with("realloc", format!("{log} (i32.const 40960)")), leave),
            case(
                "a request in realloc",
                Call::Resolve,
                sending.clone().with("realloc", format!("{} (i32.const 40960)", ask.send())),
                leave,
            ),
            case(
                "in post-return",
                Call::Describe,
                guest().item(&format!("(func (export \"cabi_post_PROVIDER#describe\") (param i32) {log})")),
                leave,
            ),
            case(
                "in the module's start",
                Call::Login,
                guest().item(&format!("(start $s) (func $s {log})")),
                Expect::Trap(""),
            ),
            case("in _initialize", Call::Login, guest().with("start", log), Expect::Fine),
            case("a request in _initialize", Call::Login, sending.with("start", ask.send()), Expect::Fine),
        ])
        .await;
}
