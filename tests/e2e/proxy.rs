//! Proxies that the environment names.

use crate::scene::{Kind, Scene};
use forgeport_forge::samples;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::Stdio,
};

/// Refuses whoever comes, and tells what the first one asked for.
fn refusing_proxy() -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        head
    });
    (address, asked)
}

#[test]
fn https_goes_through_the_proxy_which_sees_the_host_and_no_token() {
    let scene = Scene::with(&samples::faithful());
    let (proxy, asked) = refusing_proxy();
    let register = ["code-repository", "register", "demo", "--type=github", "--owner=acme", "--repository=demo"];
    // The proxy answers once: a second attempt would find nobody, so that time is short.
    let more = ["--token=ghp_proxied", "--limit=call_time=1s"];
    let mut command = scene.command(&[&register[..], &more].concat());
    let output = command.env("HTTPS_PROXY", &proxy).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let asked = asked.join().unwrap();
    assert_eq!(asked[0], "CONNECT api.github.com:443 HTTP/1.1");
    assert!(asked.iter().all(|line| !line.contains("ghp_proxied")), "{asked:?}");
}

#[test]
fn what_is_not_encrypted_never_leaves_for_a_proxy() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    let download = ["code-repository", "download", "demo", "--commit=main", "--directory=out"];
    // Nobody listens there.
    let mut command = scene.command(&download);
    command
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
