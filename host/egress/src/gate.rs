//! The gate: the one place where requests leave. Layer: the top of this crate; every redirect and every repetition passes it again.
//!
//! | step | refuses |
//! | --- | --- |
//! | count | more requests than the budget has |
//! | authority | a method, origin or path that was not requested by the description, granted by a person, and allowed by the policy |
//! | address | an address that may not be dialled (a name's addresses are checked when they are dialled) |
//! | size | headers, URL or body beyond the budget |
//! | leak, credential | a placeholder outside a credential's place, a reserved header |
//! | audit | what cannot be written down before it leaves |

use crate::{
    EgressError,
    call::Call,
    clients::{ClientKey, Clients, GateSettings},
    connect::{Reason, causes},
    credential::{self, PreparedRequest},
    error::refused_address,
    exits::{Answer, Checked, IDENTITY},
    guard::Guard,
    record::RecordGuard,
    redact::Forms,
    redirect,
    request::Request,
    retry::{self, Failed},
    wait,
};
use bytes::Bytes;
use forgeport_model::{AuditContext, Origin, Outcome, Permission};
use futures_util::StreamExt;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, USER_AGENT},
};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Redirects that are followed before it is taken for a circle; GitHub's archives need one, a renamed repository two.
const MAX_REDIRECTS: usize = 5;

/// The only way to the network. Clones share their connections.
#[derive(Clone)]
pub struct Gate {
    clients: Arc<Clients>,
    user_agent: HeaderValue,
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

    /// Sends a request and follows redirects, every one checked anew. One attempt; the body is not read.
    ///
    /// # Errors
    /// When the gate refuses the request or a redirect, or there is no answer.
    pub async fn open(&self, call: &Call, request: Request) -> Result<Answer, EgressError> {
        let mut request = request;
        // Once a redirect has led elsewhere, no credential is sent again, also not after a way back.
        let mut same_origin = true;
        let mut redirected_by = None;
        for _ in 0..=MAX_REDIRECTS {
            let passed = self.pass(call, &request, same_origin).await;
            let answer = passed.map_err(|error| match (error, redirected_by.take()) {
                (EgressError::Refused(denial), Some(from)) => EgressError::Elsewhere { from, denial: denial.into() },
                (error, _) => error,
            })?;
            let next = redirect::target(&request.url, &answer);
            // A step that is not taken is a request that is refused.
            let next = next
                .inspect_err(|why| RecordGuard::new(&call.session, request.method.as_str(), &request.url).refused(why));
            let Some(next) = next? else {
                return Ok(answer);
            };
            redirected_by = Some(answer.origin.clone());
            same_origin &= Origin::of(&next).is_ok_and(|origin| origin == answer.origin);
            request = redirect::follow(request, next, answer.status, same_origin);
        }
        Err(EgressError::Improper(format!("more than {MAX_REDIRECTS} redirects, it may be a circle")))
    }

    /// Sends a request, waits and repeats as the forge wants it, and checks the whole answer for a provider.
    ///
    /// # Errors
    /// As [`Gate::open`] and [`Answer::for_provider`].
    pub async fn fetch(&self, call: &Call, request: Request) -> Result<Checked, EgressError> {
        let repeatable = matches!(request.method, Method::GET | Method::HEAD);
        let request = &request;
        retry::run(call, |_| async move {
            let answer = self.open(call, request.clone()).await.map_err(|error| once(error, repeatable))?;
            let origin = answer.origin.clone();
            let checked = answer.for_provider().await.map_err(|error| once(error, repeatable))?;
            let is_taken = checked.status() == StatusCode::ACCEPTED;
            match retry::classify(&origin, checked.clone()) {
                Failed::Final(answer) => answer.map_err(|error| Failed::Final(Err(error))),
                Failed::Transient(_) if !repeatable => Ok(checked),
                Failed::Wait { .. } if !repeatable && is_taken => Ok(checked),
                failed => Err(failed),
            }
        })
        .await
        // When no attempt did better, the forge's own words are the answer.
        .or_else(|last| last)
    }

    /// Every request of every provider goes through here and nowhere else, and is written down.
    async fn pass(&self, call: &Call, request: &Request, same_origin: bool) -> Result<Answer, EgressError> {
        let mut entry = RecordGuard::new(&call.session, request.method.as_str(), &request.url);
        // What is asked counts, not only what leaves: to refuse takes the host's time and room in the log.
        let counted = call.budget.request().inspect_err(|_| entry.beyond_the_limit());
        let cleared = match counted {
            Ok(()) => self.clear(call, request, same_origin, &mut entry).await,
            Err(reached) => Err(reached.into()),
        };
        let sent = match cleared {
            Ok(cleared) => self.send(call, request, cleared, &mut entry).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok((answer, slot)) => Ok(received(call, answer, slot, entry)),
            Err(error) => {
                if error.is_refusal() {
                    entry.refused(&error);
                } else {
                    entry.request.rule = format!("{}; {error}", entry.request.rule);
                }
                Err(error)
            }
        }
    }

    /// Everything that is checked before anything leaves.
    async fn clear(
        &self,
        call: &Call,
        request: &Request,
        same_origin: bool,
        entry: &mut RecordGuard,
    ) -> Result<Cleared, EgressError> {
        let Permission { grant, private } = call.session.authority.decide(request.method.as_str(), &request.url)?;
        entry.request.rule = format!("{} {}", grant.methods().collect::<Vec<_>>().join(","), grant.origin);
        let origin = Origin::of(&request.url).map_err(|error| EgressError::Improper(error.to_string()))?;
        // The connector looks names up, and asks the guard then; an address it dials as it is.
        if let Some(address) = origin.address() {
            Guard::check(&origin, private, address)?;
        }
        // A map of headers that is full panics when one more comes; the limit ends long before.
        call.budget.headers(&request.headers)?;
        let url = call.budget.url(&request.url)?;
        // What is searched counts as sent: a refused request costs as much.
        let body = request.body.as_ref().map_or(0, Bytes::len) as u64;
        call.budget.send(body)?;
        credential::check_body(&call.session, request).await?;
        let PreparedRequest { mut headers, secrets } =
            credential::prepare(&call.session, request, &origin, same_origin)?;
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY));
        let head = call.budget.headers(&headers)?.saturating_add(url);
        call.budget.send(head)?;
        (entry.request.sent, entry.request.secrets) = (head.saturating_add(body), secrets);
        let AuditContext { workspace, digest, .. } = &*call.session.context;
        let key = ClientKey { workspace: workspace.clone(), component: *digest, origin, private };
        Ok(Cleared { key, headers })
    }

    async fn send(
        &self,
        call: &Call,
        request: &Request,
        cleared: Cleared,
        entry: &mut RecordGuard,
    ) -> Result<(Answered, Option<OwnedSemaphorePermit>), EgressError> {
        let Cleared { key, headers } = cleared;
        let origin = key.origin.clone();
        let forms = call.session.forms_from(&origin);
        let unreachable = |Reason { why, step }| {
            let (origin, why) = (origin.clone(), forms.mask_pieces(&why));
            EgressError::Unreachable { origin, why, step }
        };
        let late = || Reason { why: "no answer in time".to_owned(), step: wait::LATER };
        let outgoing = self.clients.get(key)?.request(request.method.clone(), request.url.clone()).headers(headers);
        let outgoing = match &request.body {
            Some(body) => outgoing.body(body.clone()),
            None => outgoing,
        };
        let sending = async {
            let slot = call.budget.acquire_slot().await;
            entry.leaving()?;
            let failed = |error: reqwest::Error| {
                let error = error.without_url();
                refused_address(&error).map_or_else(|| unreachable(Reason::new(&error)), EgressError::Address)
            };
            Ok::<_, EgressError>((outgoing.send().await.map_err(failed)?, slot))
        };
        let answered = tokio::time::timeout_at(call.deadline.into(), sending).await;
        let (answer, slot) = answered.map_err(|_| unreachable(late()))??;
        if answer.status() == StatusCode::UNAUTHORIZED {
            call.session.unauthorized.add(&entry.request.secrets);
        }
        entry.request.status = Some(answer.status().as_u16());
        entry.request.outcome = Outcome::Answered;
        let size = call.budget.headers(answer.headers())?;
        call.budget.receive(size)?;
        entry.request.received = size;
        Ok((Answered { answer, origin, forms }, slot))
    }
}

/// The permitted request, and the client for it.
struct Cleared {
    key: ClientKey,
    headers: HeaderMap,
}

struct Answered {
    answer: reqwest::Response,
    origin: Origin,
    forms: Arc<Forms>,
}

/// An answer whose body is counted while it comes; its record is written when it ends or is dropped.
fn received(call: &Call, answered: Answered, slot: Option<OwnedSemaphorePermit>, mut entry: RecordGuard) -> Answer {
    let Answered { answer, origin, forms } = answered;
    let (status, headers, budget) = (answer.status(), answer.headers().clone(), call.budget.clone());
    // An error has the other side's words in it, as those of HTTP/2's last frame.
    let (from, words) = (origin.clone(), forms.clone());
    let broken = move |error: reqwest::Error| {
        let why = words.mask_pieces(&causes(&error.without_url()));
        EgressError::Broken { origin: from.clone(), why }
    };
    let counted = call.budget.clone();
    let body = answer.bytes_stream().map(move |chunk| {
        let _until_it_ends = &slot;
        let chunk = chunk.map_err(&broken)?;
        entry.received(chunk.len() as u64);
        counted.receive(chunk.len() as u64)?;
        Ok(chunk)
    });
    Answer { status, headers, origin, forms, budget, body: body.boxed() }
}

/// An error of a request that must not be sent twice is final.
fn once(error: EgressError, repeatable: bool) -> Failed<Result<Checked, EgressError>> {
    if error.is_transient() && repeatable { Failed::Transient(Err(error)) } else { Failed::Final(Err(error)) }
}
