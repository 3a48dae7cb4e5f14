//! A program that can be started as a child, with jobs that try what a child must not be able to do.
#![allow(clippy::unwrap_used)]

use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::{fs, net, process::Command, time::Duration};

fn main() {
    forgeport_child::serve(&[
        ("echo", |request| request.to_vec()),
        ("allocate", |_| vec![1; 1 << 40]),
        ("allocate little by little", |_| {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 1 << 16]);
            }
        }),
        ("compute", |_| {
            loop {
                std::hint::spin_loop();
            }
        }),
        ("compute in threads", |_| {
            let spin = || loop {
                std::hint::spin_loop();
            };
            let threads: Vec<std::thread::JoinHandle<()>> = (0..4).map(|_| std::thread::spawn(spin)).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            Vec::new()
        }),
        ("sleep", |_| {
            std::thread::sleep(Duration::from_secs(3600));
            Vec::new()
        }),
        ("panic", |request| panic!("at {}\nin two lines\u{1b}[2J", String::from_utf8_lossy(request))),
        ("abort", |_| std::process::abort()),
        ("recurse", |request| vec![recurse(request.len() as u64) as u8]),
        ("exit", |_| std::process::exit(0)),
        ("answer in pieces", |_| {
            // The beginning of an answer that is longer than what follows.
            rustix::io::write(std::io::stdin(), &[9, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
            std::process::exit(0)
        }),
        ("answer without end", |_| {
            rustix::io::write(std::io::stdin(), &[0xff; 8]).unwrap();
            std::process::exit(0)
        }),
        ("what it can do", |parent| what_it_can_do(&String::from_utf8_lossy(parent)).into_bytes()),
    ]);
    eprintln!("this is for tests");
}

/// Ends with numbers that nobody has.
fn recurse(deep: u64) -> u64 {
    match std::hint::black_box(deep) {
        u64::MAX => 0,
        _ => std::hint::black_box([deep; 64]).iter().sum::<u64>() ^ recurse(deep + 1),
    }
}

/// Names what succeeds, of all that would harm somebody.
fn what_it_can_do(parent: &str) -> String {
    let process = Pid::from_raw(parent.parse().unwrap()).unwrap();
    let more = Rlimit { current: Some(9), maximum: Some(9) };
    let tried = [
        ("read a file", fs::read("/etc/passwd").is_ok()),
        ("write a file", fs::write("/tmp/forgeport-child-wrote-this", "x").is_ok()),
        ("list a directory", fs::read_dir("/").is_ok()),
        ("read its parent's environment", fs::read(format!("/proc/{parent}/environ")).is_ok()),
        ("connect", net::TcpStream::connect("127.0.0.1:9").is_err_and(|error| error.raw_os_error() != Some(1))),
        ("listen", net::TcpListener::bind("127.0.0.1:0").is_ok()),
        ("send a datagram", net::UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("make a socket of the machine", std::os::unix::net::UnixDatagram::unbound().is_ok()),
        ("start a program", Command::new("/bin/true").status().is_ok()),
        ("send its parent a signal", rustix::process::kill_process(process, Signal::CONT).is_ok()),
        ("lift its bounds", rustix::process::setrlimit(Resource::Nofile, more).is_ok()),
    ];
    tried.into_iter().filter(|(_, done)| *done).map(|(what, _)| what).collect::<Vec<_>>().join(", ")
}
