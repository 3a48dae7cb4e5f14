//! The gate: the one place where requests leave.

use crate::{
    EgressError,
    audit::{Entry, Outcome},
    clients::{Clients, Key},
    credential::{self, Dressed},
    error::{causes, refused_address},
    guard::{Guard, Lookup, SystemLookup},
    hop,
    permit::Permit,
    redact::redact,
    retry::{self, Failed, Verdict},
    usage::{Held, Usage},
};
use bytes::{Bytes, BytesMut};
use forgeport_grants::{Origin, Permission, Placement};
use futures_util::{StreamExt, stream::BoxStream};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, USER_AGENT},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

/// Redirects that are followed before it is taken for a circle; GitHub's archives need one, a renamed repository two.
const HOPS: usize = 5;

/// No content coding (RFC 9110, section 12.5.3).
const IDENTITY: &str = "identity";

/// How the gate is set up.
#[derive(Clone)]
pub struct GateSettings {
    /// Until a connection stands.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// Certificates in PEM that are trusted beside the system's.
    pub certificates: Option<Vec<u8>>,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
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
    /// A secret in another place than the description says.
    pub secret: Option<SecretUse>,
}

/// A secret option by name, and where in the request it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The option.
    pub setting: String,
    /// Where in the request.
    pub placement: Placement,
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

impl Answer {
    /// Whoever hands the body to a provider checks this first: a credential that is echoed in a content coding would not be recognised.
    ///
    /// # Errors
    /// When the body is in one; none was asked for.
    pub fn check_uncoded(&self) -> Result<(), EgressError> {
        match self.headers.get(CONTENT_ENCODING).filter(|coding| *coding != IDENTITY) {
            Some(coding) => {
                let coding = String::from_utf8_lossy(coding.as_bytes()).into_owned();
                Err(EgressError::Coded { origin: self.origin.clone(), coding })
            }
            None => Ok(()),
        }
    }
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
    clients: Arc<Clients>,
    user_agent: HeaderValue,
}

impl Default for GateSettings {
    fn default() -> Self {
        let lookup = Arc::new(SystemLookup);
        GateSettings { connect: Duration::from_secs(10), idle: Duration::from_secs(30), certificates: None, lookup }
    }
}

impl Gate {
    /// A gate of these settings.
    ///
    /// # Errors
    /// When TLS cannot be set up, or the certificates cannot be read.
    pub fn new(settings: GateSettings) -> Result<Gate, EgressError> {
        let user_agent = HeaderValue::from_static(concat!("forgeport/", env!("CARGO_PKG_VERSION")));
        Ok(Gate { clients: Arc::new(Clients::new(settings)?), user_agent })
    }

    /// Sends a request and follows redirects, every hop checked anew. One attempt; the body is not read.
    ///
    /// # Errors
    /// When the gate refuses a hop, or nobody answers.
    pub async fn open(&self, permit: &Permit, request: Request) -> Result<Answer, EgressError> {
        let mut request = request;
        // Once a redirect has led elsewhere, no credential is sent again, also not after a way back.
        let mut at_home = true;
        for _ in 0..=HOPS {
            let answer = self.pass(permit, &request, at_home).await?;
            let Some(next) = hop::next(&request.url, &answer)? else {
                return Ok(answer);
            };
            at_home &= Origin::of(&next).is_ok_and(|origin| origin == answer.origin);
            request = hop::redirected(request, next, answer.status, at_home);
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
            let mut held = permit.usage.hold();
            let fetched = read(answer, &mut held).await.map_err(|error| once(error, repeatable))?;
            let Fetched { status, headers, body } = redact(permit, fetched);
            let fetched = Fetched { status, headers, body: held.keep(body) };
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

    /// Every request of every provider goes through here and nowhere else, and is written down.
    async fn pass(&self, permit: &Permit, request: &Request, at_home: bool) -> Result<Answer, EgressError> {
        let mut entry = Entry::new(permit, request.method.as_str(), &request.url);
        // What is asked counts, not only what leaves: to refuse takes the host's time and room in the log.
        let counted = permit.usage.request().inspect_err(|_| entry.beyond_the_limit());
        let cleared =
            counted.map_err(EgressError::from).and_then(|()| self.clear(permit, request, at_home, &mut entry));
        let sent = match cleared {
            Ok(cleared) => self.send(permit, request, cleared, &mut entry).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok((answer, turn)) => Ok(received(answer, turn, permit.usage.clone(), entry)),
            Err(error) => {
                match error.is_refusal() {
                    true => entry.refused(&error),
                    false => entry.record.rule = format!("{}; {error}", entry.record.rule),
                }
                Err(error)
            }
        }
    }

    /// Everything that is checked before anything leaves.
    fn clear(&self, permit: &Permit, request: &Request, home: bool, entry: &mut Entry) -> Result<Cleared, EgressError> {
        let Permission { grant, private } = permit.authority.decide(request.method.as_str(), &request.url)?;
        entry.record.rule = format!("{} {}", grant.methods().collect::<Vec<_>>().join(","), grant.origin);
        let origin = Origin::of(&request.url).map_err(|error| EgressError::Improper(error.to_string()))?;
        // The connector looks names up, and asks the guard then; an address it dials as it is.
        if let Some(address) = origin.address() {
            Guard::check(&origin, private, address)?;
        }
        let Dressed { mut headers, secrets } = credential::dress(permit, request, &origin, home)?;
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY));
        let size = permit.usage.headers(&headers)? + request.url.as_str().len() as u64;
        let size = size + request.body.as_ref().map_or(0, Bytes::len) as u64;
        permit.usage.send(size)?;
        (entry.record.sent, entry.record.secrets) = (size, secrets);
        let (tenant, provider) = (permit.caller.tenant.clone(), permit.caller.digest.clone());
        Ok(Cleared { key: Key { tenant, provider, origin, private }, headers })
    }

    async fn send(
        &self,
        permit: &Permit,
        request: &Request,
        cleared: Cleared,
        entry: &mut Entry,
    ) -> Result<(Answered, Option<OwnedSemaphorePermit>), EgressError> {
        let Cleared { key, headers } = cleared;
        let origin = key.origin.clone();
        let unreachable = |why: String| EgressError::Unreachable { origin: origin.clone(), why };
        let outgoing = self.clients.get(key)?.request(request.method.clone(), request.url.clone()).headers(headers);
        let outgoing = match &request.body {
            Some(body) => outgoing.body(body.clone()),
            None => outgoing,
        };
        let sending = async {
            let turn = permit.usage.turn().await;
            outgoing.send().await.map(|answer| (answer, turn))
        };
        let answered = tokio::time::timeout_at(permit.deadline.into(), sending).await;
        let (answer, turn) = answered.map_err(|_| unreachable("no answer in time".into()))?.map_err(|error| {
            refused_address(&error).map_or_else(|| unreachable(causes(error)), EgressError::Address)
        })?;
        entry.record.status = Some(answer.status().as_u16());
        entry.record.outcome = Outcome::Answered;
        let size = permit.usage.headers(answer.headers())?;
        permit.usage.receive(size)?;
        entry.record.received = size;
        Ok((Answered { answer, origin }, turn))
    }
}

/// What may leave, and through which connections.
struct Cleared {
    key: Key,
    headers: HeaderMap,
}

struct Answered {
    answer: reqwest::Response,
    origin: Origin,
}

/// An answer whose body is counted while it comes; its record is written when it ends or is dropped.
fn received(answered: Answered, turn: Option<OwnedSemaphorePermit>, usage: Usage, mut entry: Entry) -> Answer {
    let Answered { answer, origin } = answered;
    let (status, headers, from) = (answer.status(), answer.headers().clone(), origin.clone());
    let body = answer.bytes_stream().map(move |chunk| {
        let _until_it_ends = &turn;
        let chunk = chunk.map_err(|error| EgressError::Broken { origin: from.clone(), why: causes(error) })?;
        entry.received(chunk.len() as u64);
        usage.receive(chunk.len() as u64)?;
        Ok(chunk)
    });
    Answer { status, headers, origin, body: body.boxed() }
}

async fn read(answer: Answer, held: &mut Held) -> Result<Fetched, EgressError> {
    answer.check_uncoded()?;
    let Answer { status, headers, mut body, .. } = answer;
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        held.add(chunk.len())?;
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
