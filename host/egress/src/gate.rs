//! The gate: the one place where requests leave.

use crate::{
    EgressError,
    error::causes,
    permit::Permit,
    redact::redact,
    retry::{self, Failed, Verdict},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use forgeport_grants::{Denial, Origin, Placement, Scheme};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{self, AUTHORIZATION, LOCATION, USER_AGENT},
};
use std::{sync::Arc, time::Duration};
use url::Url;

/// Redirects that are followed before it is taken for a circle; GitHub's archives need one, a renamed repository two.
const HOPS: usize = 5;

/// Headers that frame a message, belong to the connection, or speak for somebody: a provider sets none of them.
const RESERVED: [HeaderName; 13] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::COOKIE,
    header::USER_AGENT,
    header::AUTHORIZATION,
];

/// How patient the gate is.
#[derive(Clone, Copy, Debug)]
pub struct GateSettings {
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
}

/// What a provider asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The provider's own headers.
    pub headers: HeaderMap,
    /// What is sent, whole.
    pub body: Option<Bytes>,
}

/// An answer whose body is still coming.
pub struct Answer {
    /// The last hop's status.
    pub status: StatusCode,
    /// The last hop's headers.
    pub headers: HeaderMap,
    /// Who answered in the end.
    pub origin: Origin,
    /// The body, as it comes.
    pub body: BoxStream<'static, Result<Bytes, EgressError>>,
}

/// An answer in memory.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// The only way to the network. Clones share their connections.
#[derive(Clone)]
pub struct Gate {
    client: reqwest::Client,
    user_agent: HeaderValue,
}

impl Default for GateSettings {
    fn default() -> Self {
        GateSettings { connect: Duration::from_secs(10), idle: Duration::from_secs(30) }
    }
}

impl Gate {
    /// A gate of this patience.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: GateSettings) -> Result<Gate, EgressError> {
        let broken = |error: &dyn std::fmt::Display| EgressError::Client(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Another part of the process may have chosen already; either choice is good.
        let _ = rustls::crypto::CryptoProvider::install_default((*provider).clone());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(settings.connect)
            .read_timeout(settings.idle)
            .build()
            .map_err(|error| broken(&error))?;
        let user_agent = HeaderValue::from_static(concat!("forgeport/", env!("CARGO_PKG_VERSION")));
        Ok(Gate { client, user_agent })
    }

    /// Sends a request and follows redirects, every hop checked anew. One attempt; the body is not read.
    ///
    /// # Errors
    /// When the gate refuses a hop, or nobody answers.
    pub async fn open(&self, permit: &Permit, request: Request) -> Result<Answer, EgressError> {
        check_headers(&request.headers)?;
        let mut request = request;
        // Once a redirect has led elsewhere, no credential is sent again, also not after a way back.
        let mut at_home = true;
        for _ in 0..=HOPS {
            let answer = self.pass(permit, &request, at_home).await?;
            let Some(next) = next_hop(&request.url, &answer)? else {
                return Ok(answer);
            };
            at_home &= Origin::of(&next).is_ok_and(|origin| origin == answer.origin);
            request = redirected(request, next, answer.status, at_home);
        }
        Err(EgressError::Improper(format!("more than {HOPS} redirects, it may be a circle")))
    }

    /// Sends a request, waits and repeats as the forge wants it, and reads the whole answer.
    ///
    /// # Errors
    /// As [`Gate::open`], and when the body is longer than the permit allows.
    pub async fn fetch(&self, permit: &Permit, request: Request) -> Result<Fetched, EgressError> {
        let repeatable = matches!(request.method, Method::GET | Method::HEAD);
        let request = &request;
        retry::run(permit, |_| async move {
            let answer = self.open(permit, request.clone()).await.map_err(|error| once(error, repeatable))?;
            let origin = answer.origin.clone();
            let fetched = read(answer, permit.body).await.map_err(|error| once(error, repeatable))?;
            let fetched = redact(permit, fetched);
            match retry::judge(fetched.status, &fetched.headers, &fetched.body) {
                Verdict::RateLimited(wait) => {
                    let error = EgressError::RateLimited { origin, retry_after: wait };
                    Err(Failed::RateLimited { wait, error: Err(error) })
                }
                Verdict::Transient if repeatable => Err(Failed::Transient(Ok(fetched))),
                _ => Ok(fetched),
            }
        })
        .await
        // When no attempt did better, the forge's own words are the answer.
        .or_else(|last| last)
    }

    /// Every request of every provider goes through here and nowhere else.
    async fn pass(&self, permit: &Permit, request: &Request, at_home: bool) -> Result<Answer, EgressError> {
        permit.grants.allows(request.method.as_str(), &request.url)?;
        let origin = Origin::of(&request.url).map_err(Denial::Url)?;
        if origin.scheme() == Scheme::Http && !origin.is_loopback() {
            return Err(EgressError::Improper(format!("{origin} is not encrypted; use https")));
        }
        let mut headers = request.headers.clone();
        headers.insert(USER_AGENT, self.user_agent.clone());
        if at_home {
            add_credential(&mut headers, permit, &origin)?;
        }
        let outgoing = self.client.request(request.method.clone(), request.url.clone()).headers(headers);
        let outgoing = match &request.body {
            Some(body) => outgoing.body(body.clone()),
            None => outgoing,
        };
        let unreachable = |why: String| EgressError::Unreachable { origin: origin.clone(), why };
        let answer = tokio::time::timeout_at(permit.deadline.into(), outgoing.send()).await;
        let answer = answer.map_err(|_| unreachable("no answer in time".into()))?;
        let answer = answer.map_err(|error| unreachable(causes(error)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let from = origin.clone();
        let broken = move |error| EgressError::Broken { origin: from.clone(), why: causes(error) };
        let body = answer.bytes_stream().map_err(broken).boxed();
        Ok(Answer { status, headers, origin, body })
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), EgressError> {
    match headers.keys().find(|name| RESERVED.contains(name)) {
        Some(name) => {
            Err(EgressError::Improper(format!("the header {name} is the host's own, a provider cannot set it")))
        }
        None => Ok(()),
    }
}

fn add_credential(headers: &mut HeaderMap, permit: &Permit, origin: &Origin) -> Result<(), EgressError> {
    let Some(credential) = permit.credentials.iter().find(|credential| credential.origin == *origin) else {
        return Ok(());
    };
    let secret = credential.secret.expose();
    let (name, value) = match &credential.placement {
        Placement::Bearer => (AUTHORIZATION, zeroize::Zeroizing::new(format!("Bearer {secret}"))),
        Placement::Basic(user) => {
            let pair = zeroize::Zeroizing::new(format!("{user}:{secret}"));
            (AUTHORIZATION, zeroize::Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair))))
        }
        Placement::Header(name) => {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| EgressError::Improper("a credential's header has no valid name".into()))?;
            (name, credential.secret.clone().into_inner())
        }
    };
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| EgressError::Improper("the credential has a character that no header can hold".into()))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Where a redirect leads (RFC 9110, section 15.4).
fn next_hop(from: &Url, answer: &Answer) -> Result<Option<Url>, EgressError> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get(LOCATION) else {
        return Ok(None);
    };
    let improper = || EgressError::Improper(format!("{} redirects to something that is no URL", answer.origin));
    let next = from.join(location.to_str().map_err(|_| improper())?).map_err(|_| improper())?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(EgressError::Improper(format!("{} redirects from https to {}", answer.origin, next.scheme())));
    }
    Ok(Some(next))
}

/// The request for the next hop. Elsewhere it carries no header of the provider's but what tells the wanted form.
fn redirected(request: Request, url: Url, status: StatusCode, at_home: bool) -> Request {
    let Request { method, mut headers, body, .. } = request;
    if !at_home {
        let accept = headers.remove(header::ACCEPT);
        headers.clear();
        headers.extend(accept.map(|accept| (header::ACCEPT, accept)));
    }
    let keeps_method = matches!(status.as_u16(), 307 | 308) || matches!(method, Method::GET | Method::HEAD);
    match keeps_method {
        true => Request { method, url, headers, body: body.filter(|_| at_home) },
        false => Request { method: Method::GET, url, headers, body: None },
    }
}

async fn read(answer: Answer, limit: usize) -> Result<Fetched, EgressError> {
    let Answer { status, headers, mut body, .. } = answer;
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        if whole.len() + chunk.len() > limit {
            return Err(EgressError::Limit { name: "answers in memory", value: limit });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Fetched { status, headers, body: whole.freeze() })
}

/// An error of a request that must not be sent twice is final.
fn once(error: EgressError, repeatable: bool) -> Failed<Result<Fetched, EgressError>> {
    match error.is_transient() && repeatable {
        true => Failed::Transient(Err(error)),
        false => Failed::Final(Err(error)),
    }
}
