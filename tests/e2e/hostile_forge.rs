//! Forges that mean harm, as raw bytes on a socket.

use crate::scene::{Ran, Scene};
use forgeport_forge::samples;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";
const TOKEN: &str = "ghp_0f9e8d7c6b5a49382716aBcDeFgHiJkLmNoP";

type Answer = Arc<dyn Fn(&str, &mut TcpStream) + Send + Sync>;

/// Answers like GitHub until it is told what to do with requests for the commit or the archive.
struct Hostile {
    scene: Scene,
    url: String,
    harm: Arc<Mutex<Option<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn json(text: &str) -> Vec<u8> {
    answer("200 OK", "content-type: application/json\r\n", text.as_bytes())
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn serve(mut stream: TcpStream, harm: Option<Answer>, asked: &Mutex<Vec<String>>) {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while lines.read_line(&mut head).unwrap_or(0) > 2 {}
    if head.is_empty() {
        // A call that ended while it connected, because one beside it had failed, asks nothing any more.
        return;
    }
    asked.lock().unwrap().push(head.clone());
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let commit = format!(r#"{{"sha":"{COMMIT}","commit":{{"tree":{{"sha":"{COMMIT}"}}}}}}"#);
    match harm {
        Some(harm) if path.contains("/tarball/") || path.contains("/commits/") || path.contains("/again") => {
            harm(&path, &mut stream)
        }
        _ if path.contains("/commits/") => drop(stream.write_all(&json(&commit))),
        _ => drop(stream.write_all(&json(r#"{"full_name":"acme/demo","default_branch":"main"}"#))),
    }
}

impl Hostile {
    /// Registered, and harmless so far.
    fn new(limits: &[&str]) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (harm, asked) = (Arc::new(Mutex::new(None::<Answer>)), Arc::new(Mutex::new(Vec::new())));
        let (behaves, log) = (harm.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (harm, log) = (behaves.lock().unwrap().clone(), log.clone());
                std::thread::spawn(move || serve(stream, harm, &log));
            }
        });
        let hostile = Hostile { scene: Scene::with(&samples::small()), url, harm, asked };
        let options = [
            format!("--api_url={}", hostile.url),
            format!("--codeload_url={}", hostile.url),
            format!("--token={TOKEN}"),
            "--allow-private".to_owned(),
        ];
        let words = ["code-repository", "register", "demo", "--type=github", "--owner=acme", "--repository=demo"];
        let mut words: Vec<String> = words.map(str::to_owned).into_iter().chain(options).collect();
        for limit in ["call_time=3s", "download_time=3s"].iter().chain(limits) {
            words.extend(["--limit".to_owned(), (*limit).to_owned()]);
        }
        hostile.scene.run(&words).good();
        hostile
    }

    fn harm(&self, harm: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) {
        *self.harm.lock().unwrap() = Some(Arc::new(harm));
    }

    fn says(&self, bytes: Vec<u8>) {
        self.harm(move |_, stream| drop(stream.write_all(&bytes)));
    }

    /// A download that must fail in time with one line, and leave nothing.
    #[track_caller]
    fn fails(&self) -> String {
        let start = Instant::now();
        let ran: Ran = self.scene.download(COMMIT, "out", &[]);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN));
        let error = ran.bad();
        let left = fs::read_dir(self.scene.path(".")).unwrap().flatten().map(|entry| entry.file_name());
        let left: Vec<_> = left.filter(|name| name != "home" && name != "checkout").collect();
        assert!(left.is_empty(), "{left:?}");
        error
    }

    /// How many requests were refused; equal ones are one entry.
    fn refused(&self) -> u64 {
        let entries = self.scene.run(&["audit", "--refused", "--output=json"]).good().json();
        entries.as_array().unwrap().iter().map(|entry| entry["count"].as_u64().unwrap()).sum()
    }
}

fn redirect(to: &str) -> Vec<u8> {
    answer("302 Found", &format!("location: {to}\r\n"), b"")
}

#[test]
fn no_redirect_leads_where_nothing_was_granted() {
    let hostile = Hostile::new(&[]);
    for to in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "https://evil.example/",
        "https://api.github.com.evil.example/",
        "//evil.example/x",
        "http://localhost:1/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "ftp://evil.example/",
        "javascript:alert(1)",
        "http://me:pw@127.0.0.1:1/",
        "http:",
        "http://",
    ] {
        hostile.says(redirect(to));
        let before = hostile.refused();
        let error = hostile.fails();
        assert!(!error.contains("pw@"), "{error}");
        // Of the commit's and the archive's, which are asked for at the same time, the first one ends the download.
        // What names no other place leads back to where it came from.
        assert!(hostile.refused() > before || error.contains("circle"), "{to}: {error}");
    }
    let here = hostile.url.trim_start_matches("http://").to_owned();
    let asked = hostile.asked.lock().unwrap();
    let elsewhere: Vec<_> =
        asked.iter().filter(|head| !head.to_lowercase().contains(&format!("host: {here}"))).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn circles_end_and_the_way_back_has_no_credential() {
    let hostile = Hostile::new(&[]);
    hostile.says(redirect("/again"));
    assert!(hostile.fails().contains("circle"));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let back = redirect(&format!("{}/again", hostile.url));
    let away = format!("http://{}/x", other.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            let _ = stream.write_all(&back);
        }
    });
    hostile.says(redirect(&away));
    // Not granted, so it is not even contacted.
    assert!(hostile.fails().contains("refused"));
}

#[test]
fn what_comes_slowly_or_never_ends_with_the_time() {
    let hostile = Hostile::new(&[]);
    let drip = |first: &'static [u8]| {
        move |_: &str, stream: &mut TcpStream| {
            if stream.write_all(first).is_err() {
                return;
            }
            let mut gone = stream.try_clone().unwrap();
            // Reading is only a way to wait that ends when the client has gone.
            gone.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            while stream.write_all(b"x").is_ok() {
                if matches!(gone.read(&mut [0]), Ok(0)) {
                    return;
                }
            }
        }
    };
    hostile.harm(drip(b"HTTP/1.1 200 OK\r\nx-slow: "));
    assert!(hostile.fails().contains("_time"));
    hostile.harm(drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n\x1f\x8b"));
    hostile.fails();
    hostile.harm(drip(b""));
    hostile.fails();
    hostile.harm(|_, stream| drop(stream.read(&mut [0])));
    hostile.fails();
}

#[test]
fn answers_that_are_no_http_or_lie_about_their_length_are_errors() {
    let hostile = Hostile::new(&[]);
    let many: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
    for bytes in [
        b"".to_vec(),
        b"220 mail.example ESMTP\r\n".to_vec(),
        b"<html>HTTP/0.9</html>".to_vec(),
        b"\x16\x03\x01\x02\x00".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n123456".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nshort".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nxx\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab".to_vec(),
        b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000),
        b"HTTP/1.1 999 What\r\n\r\n".to_vec(),
        answer("200 OK", &many, b""),
        answer("200 OK", &format!("x: {}\r\n", "y".repeat(10 << 20)), b""),
        answer("204 No Content", "", b""),
        answer("206 Partial Content", "content-range: bytes 0-1/9\r\n", b"ab"),
        answer("304 Not Modified", "", b""),
        answer("200 OK", "content-type: text/html\r\n", b"<html>log in</html>"),
    ] {
        hostile.says(bytes);
        hostile.fails();
    }
}

#[test]
fn a_wait_that_no_clock_holds_is_an_error_and_no_crash() {
    let hostile = Hostile::new(&[]);
    for wait in [
        "retry-after: 18446744073709551615",
        "retry-after: Fri, 31 Dec 9999 23:59:59 GMT",
        "x-ratelimit-reset: 18446744073709551615",
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable", "403 Forbidden"] {
            hostile.says(answer(status, &format!("x-ratelimit-remaining: 0\r\n{wait}\r\n"), b""));
            let error = hostile.fails();
            assert!(!error.contains("18446744073709551615") && !error.contains("Forgeport failed"), "{error}");
        }
    }
}

#[test]
fn bombs_end_at_the_limits_that_the_error_names() {
    let hostile = Hostile::new(&["body=1MiB", "archive_bytes=4MiB", "archive_entries=500", "bytes_in=64MiB"]);
    hostile.harm(|path, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n");
        if path.contains("/commits/") {
            while stream.write_all(&[b' '; 65536]).is_ok() {}
        }
    });
    assert!(hostile.scene.download("main", "out", &[]).bad().contains("`body` of 1 MiB"));
    let zeros = Arc::new(gzip_of_zeros(32 << 20));
    assert!(zeros.len() < 200_000);
    let bomb = zeros.clone();
    let commit = format!(r#"{{"sha":"{COMMIT}","commit":{{"tree":{{"sha":"{COMMIT}"}}}}}}"#);
    hostile.harm(move |path, stream| {
        let body = if path.contains("/tarball/") { bomb.as_slice() } else { commit.as_bytes() };
        let _ = stream.write_all(&answer("200 OK", "", body));
    });
    let error = hostile.fails();
    assert!(error.contains("archive_bytes"), "{error}");
}

/// A tar of one file of zeros.
fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("root")).unwrap();
    fs::write(directory.path().join("root/zeros"), vec![0; length]).unwrap();
    let packed = directory.path().join("x.tar.gz");
    let done =
        std::process::Command::new("tar").arg("-C").arg(directory.path()).arg("-czf").arg(&packed).arg("root").status();
    assert!(done.unwrap().success());
    fs::read(packed).unwrap()
}

#[test]
fn nonsense_in_json_is_an_error_of_one_line_that_steers_no_terminal() {
    let hostile = Hostile::new(&[]);
    let evil = r#""\u001b[31m\u202e\u0007""#;
    for text in [
        "[".repeat(100_000),
        "{\"sha\":".repeat(10_000),
        format!("{{\"sha\":{evil},\"commit\":{{\"tree\":{{\"sha\":{evil}}}}}}}"),
        "{\"sha\":1e999999}".to_owned(),
        "{\"sha\":null}".to_owned(),
        "\u{feff}{}".to_owned(),
        "{\"sha\":\"main\",\"commit\":{\"tree\":{\"sha\":\"x\"}}}".to_owned(),
        format!("{{\"sha\":\"{}\",\"commit\":{{\"tree\":{{\"sha\":\"{COMMIT}\"}}}}}}", COMMIT.replace('c', "d")),
        format!("{{\"message\":{evil}}}"),
    ] {
        for status in ["200 OK", "422 No", "500 No"] {
            hostile.says(answer(status, "content-type: application/json\r\n", text.as_bytes()));
            let ran = hostile.scene.run(&[
                "--verbose",
                "code-repository",
                "download",
                "demo",
                "--commit=main",
                "--directory=out",
            ]);
            assert_eq!(ran.code, 1, "{}", ran.stderr);
            let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!ran.stderr.contains(steers), "{:?}", ran.stderr);
            if status == "500 No" {
                break;
            }
        }
    }
}
