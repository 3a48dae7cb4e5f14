//! The servers: one thread with a runtime, one listener for each origin.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fault::{Fault, Faults};
use crate::log::Log;
use crate::message::{Answer, Body, Request};
use crate::minting;
use crate::registry::Registry;
use crate::tokens::Tokens;
use crate::{bitbucket, codeload, elsewhere, gitea, github, gitlab, smart_http};

/// The servers, each with an origin of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    /// GitHub's API; under `/api/v3` and `/_codeload` an Enterprise server without subdomain isolation.
    GithubApi,
    /// GitHub's archives (codeload) and git over HTTP.
    GithubWeb,
    /// GitLab, at the root and once more under `/gitlab`.
    Gitlab,
    /// Bitbucket Cloud's API.
    BitbucketApi,
    /// Bitbucket Cloud's archives and git over HTTP.
    BitbucketWeb,
    /// Gitea.
    Gitea,
    /// An origin that belongs to none of them, as a target of redirects.
    Elsewhere,
}

pub(crate) const SERVERS: [Server; 7] = [
    Server::GithubApi,
    Server::GithubWeb,
    Server::Gitlab,
    Server::BitbucketApi,
    Server::BitbucketWeb,
    Server::Gitea,
    Server::Elsewhere,
];

/// What can be set before a forge starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long every answer waits before its first byte.
    pub latency: Duration,
    /// GitHub's trees with more entries than this come truncated.
    pub tree_limit: usize,
    /// How many entries a page of Gitea's trees has at most.
    pub page_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { latency: Duration::ZERO, tree_limit: 100_000, page_limit: 1_000 }
    }
}

pub(crate) struct State {
    pub settings: Settings,
    pub registry: Registry,
    pub tokens: Tokens,
    pub faults: Faults,
    pub log: Log,
    pub links: codeload::Links,
    pub life: minting::Life,
    addresses: [SocketAddr; SERVERS.len()],
}

impl State {
    /// `http://127.0.0.1:PORT` of a server.
    pub fn origin(&self, server: Server) -> String {
        format!("http://{}", self.addresses[server as usize])
    }
}

/// Binds every listener, so that addresses are known before anything runs.
pub(crate) fn bind(settings: Settings) -> io::Result<(Arc<State>, Vec<std::net::TcpListener>)> {
    let mut listeners = Vec::new();
    let mut addresses = [SocketAddr::from(([127, 0, 0, 1], 0)); SERVERS.len()];
    for address in &mut addresses {
        let listener = std::net::TcpListener::bind(*address)?;
        listener.set_nonblocking(true)?;
        *address = listener.local_addr()?;
        listeners.push(listener);
    }
    let state = State {
        settings,
        registry: Registry::default(),
        tokens: Tokens::new(u64::from(addresses[0].port())),
        faults: Faults::default(),
        log: Log::default(),
        links: codeload::Links::default(),
        life: minting::Life::new(),
        addresses,
    };
    Ok((Arc::new(state), listeners))
}

/// Serves all listeners until the future is dropped.
pub(crate) async fn serve(state: Arc<State>, listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    for (server, listener) in SERVERS.into_iter().zip(listeners) {
        let listener = TcpListener::from_std(listener)?;
        tasks.spawn(accept(state.clone(), server, listener));
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn accept(state: Arc<State>, server: Server, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(state.clone(), server, stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(state: Arc<State>, server: Server, stream: TcpStream) {
    // Without it, small answers on a kept connection wait for the other side's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(state.clone(), server, request));
    // Clients that hang up, and faults that do so for us, end in an error here that concerns nobody.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Sent = Response<UnsyncBoxBody<Bytes, io::Error>>;

async fn handle(state: Arc<State>, server: Server, request: http::Request<Incoming>) -> io::Result<Sent> {
    let (head, body) = request.into_parts();
    let request = Request {
        server,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
        origin: state.origin(server),
    };
    let place = state.log.add(&request);
    if !state.settings.latency.is_zero() {
        tokio::time::sleep(state.settings.latency).await;
    }
    let fault = state.faults.take(&request);
    if let Some(Fault::Stall(gate)) = &fault {
        gate.pass().await;
    }
    let answer = match &fault {
        Some(Fault::Close) => return Err(io::Error::other("closed on demand")),
        Some(fault) => match instead(fault, &request) {
            Some(answer) => answer,
            None => truth(state.clone(), request).await?,
        },
        None => truth(state.clone(), request).await?,
    };
    state.log.answered(place, answer.status);
    send(answer, fault).await
}

/// What a fault answers without asking the forge.
fn instead(fault: &Fault, request: &Request) -> Option<Answer> {
    match fault {
        Fault::Answer { status, headers, body, chunked } => Some(Answer {
            status: *status,
            headers: headers.clone(),
            body: if *chunked { Body::Chunked(body.clone()) } else { Body::Whole(body.clone()) },
        }),
        Fault::Unauthorized => Some(match request.server {
            Server::GithubApi | Server::GithubWeb => github::bad_credentials(),
            Server::Gitlab => gitlab::unauthorized(),
            Server::BitbucketApi | Server::BitbucketWeb => bitbucket::unauthorized(),
            Server::Gitea | Server::Elsewhere => gitea::unauthorized(request),
        }),
        Fault::Instead(make) => Some(make(request)),
        Fault::Echo => Some(elsewhere::echo(request)),
        _ => None,
    }
}

/// Handlers run git and wait for it, so they get a thread of their own.
async fn truth(state: Arc<State>, request: Request) -> io::Result<Answer> {
    tokio::task::spawn_blocking(move || route(&state, &request)).await.map_err(io::Error::other)
}

fn route(state: &State, request: &Request) -> Answer {
    if let Some(answer) = smart_http::answer(state, request) {
        return answer;
    }
    if let Some(answer) = minting::answer(state, request) {
        return answer;
    }
    // Everything else here only reads, so that a client that tries to write is found out.
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Answer::text(405, "405: Method Not Allowed\n");
    }
    match request.server {
        Server::GithubApi => github::api(state, request),
        Server::GithubWeb => codeload::web(state, request),
        Server::Gitlab => gitlab::answer(state, request),
        Server::BitbucketApi => bitbucket::api(state, request),
        Server::BitbucketWeb => bitbucket::web(state, request),
        Server::Gitea => gitea::answer(state, request),
        Server::Elsewhere => elsewhere::answer(request),
    }
}

async fn send(answer: Answer, fault: Option<Fault>) -> io::Result<Sent> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = match (fault, answer.body) {
        (None, Body::Whole(bytes)) => Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync(),
        (fault, body) => {
            let (length, chunks) = match fault {
                Some(fault) => fault.spoil(body).await?,
                None => (body.announced(), body.chunks().await?),
            };
            if let Some(length) = length {
                response = response.header("content-length", length);
            }
            StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
        }
    };
    response.body(body).map_err(io::Error::other)
}
