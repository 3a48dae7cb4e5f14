//! Guests that fill the directory of a download with what nobody wants.

use crate::bench::{Bench, Call, Case, Expect, case, limited};
use crate::guest::{Guest, Text, guest};
use crate::server::Server;
use std::time::Duration;

const FILE: &str = "(i32.const 0) (i32.const 0) (i32.const 3)";

fn downloading(guest: Guest, body: &str) -> Guest {
    guest.with("download-files", format!("{body} (call $drop_directory (local.get $target)) (call $done)"))
}

fn write(path: Text) -> String {
    format!("(call $write_file (local.get $target) {path} {FILE} (i32.const RET))")
}

fn link(path: Text, target: Text) -> String {
    format!("(call $write_symlink (local.get $target) {path} {target} (i32.const RET))")
}

/// Writes these one after the other; the last one is judged.
fn writing(steps: &[(&str, Option<&str>)]) -> Guest {
    let mut guest = guest();
    let mut body = String::new();
    for (path, target) in steps {
        let path = guest.put(path);
        let target = target.map(|target| guest.put(target));
        body += &target.map_or_else(|| write(path), |target| link(path, target));
    }
    downloading(guest, &body)
}

fn rejected(name: &'static str, steps: &[(&str, Option<&str>)], words: &'static str) -> Case {
    case(name, Call::Download, writing(steps), Expect::Told(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_outside_over_or_through_anything() {
    let deep = "d/".repeat(300) + "x";
    let long = "n".repeat(300);
    let endless = "n/".repeat(3000) + "x";
    Bench::new()
        .await
        .run(vec![
            rejected("a step up", &[("../x", None)], "`..`"),
            rejected("a step up within", &[("a/../../x", None)], "`..`"),
            rejected("absolute", &[("/etc/passwd", None)], "absolute"),
            rejected("a device", &[("/dev/null", None)], "absolute"),
            rejected("git's own", &[(".git/config", None)], ".git"),
            rejected("git's own, as others spell it", &[("GIT~1/hooks/x", None)], ".git"),
            rejected("an empty path", &[("", None)], ""),
            rejected("an empty name", &[("a//b", None)], "empty"),
            rejected("a NUL", &[("a\0b", None)], "NUL"),
            rejected("a deep path", &[(&deep, None)], "deep"),
            rejected("a long name", &[(&long, None)], "255"),
            rejected("a long path", &[(&endless, None)], ""),
            rejected("through a link", &[("l", Some("d")), ("l/x", None)], "would lie in"),
            rejected("a file in a file", &[("f", None), ("f/x", None)], "would lie in"),
            rejected("a link as a directory", &[("d/x", None), ("d", Some("e"))], ""),
            rejected("a link to nowhere", &[("l", Some(""))], ""),
            // It takes the link's place, and does not follow it.
            case("over a link", Call::Download, writing(&[("l", Some("d")), ("l", None)]), Expect::Fine),
            case("upper and lower case", Call::Download, writing(&[("A", None), ("a", None)]), Expect::Fine),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_of_anything_ends_at_its_limit() {
    let mut flooding = guest();
    let path = flooding.put("00000000");
    // Three letters of it are the number, to the base of 26.
    let letter = |at: u32, size: u32| {
        format!(
            "(i32.store8 offset={at} (i32.const {}) (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const {size})) (i32.const 26))))",
            path.at
        )
    };
    let next = format!(
        "(local.set $n (i32.add (local.get $n) (i32.const 1))) {} {} {}",
        letter(0, 1),
        letter(1, 26),
        letter(2, 676)
    );
    let wrong = "(br_if 1 (i32.load8_u (i32.const RET)))";
    let flood = format!("(local $n i32) (block (loop {next} {} {wrong} (br 0)))", write(path));
    let mut large = guest();
    let name = large.put("large");
    let large = large.memory(r#"(memory (export "memory") 200)"#);
    let whole = format!(
        "(call $write_file (local.get $target) {name} (i32.const 0) (i32.const 0) (i32.const 12000000) (i32.const RET))"
    );
    Bench::new()
        .await
        .run(vec![
            limited(
                "many files",
                Call::Download,
                downloading(flooding, &flood),
                &["cpu_time=10s"],
                Expect::Told("`archive_entries`"),
            ),
            limited(
                "a large file",
                Call::Download,
                downloading(large, &whole),
                &["memory=20MiB", "call_bytes=16MiB", "cpu_time=10s"],
                Expect::Told("`archive_bytes`"),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_fails_half_way_leaves_nothing() {
    let server = Server::start(tar_of("root/a"));
    let page = Server::start("<html>no archive</html>");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    let unpacking = |origin: &dyn std::fmt::Display, then: &str| {
        let mut guest = guest();
        let unpack = guest.ask("GET", format!("{origin}/x.tar"), &[]).unpack(&mut guest, 0);
        guest.with("download-files", format!("{unpack} {then}"))
    };
    let done = "(call $drop_directory (local.get $target)) (call $done)";
    bench
        .run(vec![
            case(
                "it traps after it has unpacked",
                Call::Download,
                unpacking(&server.origin, "unreachable"),
                Expect::Trap("unreachable"),
            ),
            case(
                "it loops after it has unpacked",
                Call::Download,
                unpacking(&server.origin, "(loop (br 0)) unreachable"),
                Expect::Limit(forgeport_model::Limit::CpuTime),
            ),
            case("it asks elsewhere", Call::Download, unpacking(&page.origin, done), Expect::Told("refused")),
            case(
                "it says that all is well",
                Call::Download,
                unpacking(&server.origin, "(call $drop_directory (local.get $target)) (call $ok)"),
                Expect::Fine,
            ),
        ])
        .await;
    assert_eq!(page.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_cannot_be_searched_for_credentials_is_not_handed_over() {
    let server = Server::answering("403 Forbidden\r\ncontent-encoding: gzip", "an echo, coded", Duration::ZERO);
    let mut guest = guest();
    let unpack = guest.ask("GET", format!("{}/x.tar", server.origin), &[]).unpack(&mut guest, 0);
    Bench::granting(&server.origin, &["GET"])
        .await
        .run(vec![case("a coded refusal", Call::Download, downloading(guest, &unpack), Expect::Told("content coding"))])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_is_not_handed_over_where_it_cannot_be_searched_for_credentials() {
    // Where it can be, the provider gets the answer itself, of which this one says nothing.
    let answers = [("200 OK\r\ncontent-encoding: gzip", "content coding"), ("200 OK", "")];
    for (status, words) in answers {
        let server = Server::answering(status, "no archive", Duration::ZERO);
        let mut guest = guest();
        let unpack = guest.ask("GET", format!("{}/x.git", server.origin), &[]).unpack(&mut guest, 2);
        Bench::granting(&server.origin, &["GET"])
            .await
            .run(vec![case("no archive", Call::Download, downloading(guest, &unpack), Expect::Told(words))])
            .await;
    }
}

/// A tar archive of one small file.
fn tar_of(name: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, &b"x"[..]).unwrap();
    builder.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_archive_that_breaks_off_does_not_take_the_first_with_it() {
    for (beside, expect) in [(false, Expect::Fine), (true, Expect::Told(""))] {
        let server = Server::breaking_once(tar_of("b"), 512);
        let bench = Bench::granting(&server.origin, &["GET"]).await;
        let mut guest = guest();
        let file = guest.put("a");
        let unpack = guest.ask("GET", format!("{}/b.tar", server.origin), &[]).unpack(&mut guest, 0);
        let body = if beside { format!("{} {unpack}", write(file)) } else { unpack };
        let name = if beside { "beside a file" } else { "alone" };
        bench.run(vec![case(name, Call::Download, downloading(guest, &body), expect)]).await;
        assert_eq!(server.asked(), if beside { 1 } else { 2 }, "{name}");
    }
}

/// Completes from a URL, without a secret.
fn completing(url: impl AsRef<[u8]>) -> Guest {
    let mut guest = guest();
    let url = guest.put(url);
    let none = "(i32.const 0) ".repeat(6);
    downloading(guest, &format!("(call $complete (local.get $target) {url} {none} (i32.const RET))"))
}

#[tokio::test(flavor = "multi_thread")]
async fn git_is_asked_where_that_was_granted_and_nothing_is_taken_from_what_is_not_git() {
    let lines = |texts: &[&str]| {
        let line = |text: &&str| format!("{:04x}{text}\n", text.len() + 5);
        texts.iter().map(line).collect::<String>() + "0000"
    };
    let able = Server::start(lines(&["version 2", "fetch=shallow filter"]));
    let page = Server::start("<html>Sign in</html>");
    let endless = Server::start(lines(&["version 2"]).trim_end_matches('0').to_owned() + &"0009more\n".repeat(1000));
    let coded = Server::answering("200 OK\r\ncontent-encoding: gzip", "what may be an echo", Duration::ZERO);
    let told = |name: &'static str, server: &Server, words| {
        case(name, Call::Download, completing(format!("{}/a/b.git", server.origin)), Expect::Told(words))
    };
    let elsewhere = Server::start("");
    for (server, methods, words) in [
        (&able, &["GET"][..], "refused"),
        // The introduction is no answer to a question.
        (&able, &["GET", "POST"][..], "ends before the pack begins"),
        (&page, &["GET", "POST"][..], "begins with `<htm`"),
        (&endless, &["GET", "POST"][..], "does not end"),
        (&coded, &["GET", "POST"][..], "content coding"),
    ] {
        let mut secret = guest();
        let url = secret.put(format!("{}/a/b.git", server.origin));
        let setting = secret.put("token");
        let unknown = format!(
            "(call $complete (local.get $target) {url} (i32.const 1) {setting} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const RET))"
        );
        Bench::granting(&server.origin, methods)
            .await
            .run(vec![
                told("as granted", server, words),
                told("elsewhere", &elsewhere, "refused"),
                case(
                    "a secret that was not given",
                    Call::Download,
                    downloading(secret, &unknown),
                    Expect::Told("--token"),
                ),
                case("no URL", Call::Download, completing("a/b"), Expect::Told("URL")),
                case("no path", Call::Download, completing("data:,x"), Expect::Told("")),
                case("no text", Call::Download, completing(b"\xff"), Expect::Trap("")),
            ])
            .await;
    }
    assert_eq!(elsewhere.asked(), 0);
    let asked = able.requests();
    let posted = asked.iter().filter(|head| head.starts_with("POST /a/b.git/git-upload-pack HTTP/1.1"));
    assert_eq!(posted.count(), 1);
    for head in asked {
        assert!(head.to_lowercase().contains("git-protocol: version=2"), "{head}");
        assert!(
            head.starts_with("POST ") || head.starts_with("GET /a/b.git/info/refs?service=git-upload-pack "),
            "{head}"
        );
    }
}
