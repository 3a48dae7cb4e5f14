//! A server on loopback that gives every request the same answer.

use forgeport_model::Origin;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

pub struct Server {
    pub origin: Origin,
    pub authority: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(body: impl Into<Vec<u8>>) -> Server {
        Server::slow(body, Duration::ZERO)
    }

    /// Takes its time for each answer.
    pub fn slow(body: impl Into<Vec<u8>>, time: Duration) -> Server {
        Server::answering("200 OK", body, time)
    }

    /// With a status, and after it more headers if need be.
    pub fn answering(status: &str, body: impl Into<Vec<u8>>, time: Duration) -> Server {
        let body = body.into();
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        Server::sending([head.into_bytes(), body].concat(), usize::MAX, time)
    }

    /// Breaks off the first answer after so many bytes of its body.
    pub fn breaking_once(body: impl Into<Vec<u8>>, after: usize) -> Server {
        let body = body.into();
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let after = head.len() + after;
        Server::sending([head.into_bytes(), body].concat(), after, Duration::ZERO)
    }

    fn sending(answer: Vec<u8>, first: usize, time: Duration) -> Server {
        let (listener, server) = Server::bound();
        let asked = server.asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                asked.lock().unwrap().push(read_request(&stream));
                std::thread::sleep(time);
                let is_first = asked.lock().unwrap().len() == 1;
                let length = if is_first { answer.len().min(first) } else { answer.len() };
                let _ = (&stream).write_all(&answer[..length]);
            }
        });
        server
    }

    /// Nobody listens there any more.
    pub fn closed() -> Server {
        Server::bound().1
    }

    fn bound() -> (TcpListener, Server) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let origin = Origin::parse(&format!("http://{authority}")).unwrap();
        (listener, Server { origin, authority, asked: Arc::default() })
    }

    pub fn asked(&self) -> usize {
        self.requests().len()
    }

    /// The heads of the requests, as they came.
    pub fn requests(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub fn read_request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream);
    let mut request = String::new();
    while lines.read_line(&mut request).unwrap_or(0) > 2 {}
    let length = request.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = lines.read_exact(&mut body);
    request
}
