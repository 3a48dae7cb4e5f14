//! `http`: one request through the gate, its answer whole in memory.

use crate::{
    bindings::http::{Failure, Header, Host, Request, Response},
    network::{Network, UNGRANTED},
    state::State,
};
use forgeport_egress::{Checked, EgressError, SecretUse};
use forgeport_model::Limit;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

impl Host for State {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Failure>> {
        let Some(network) = &self.network else {
            return Ok(Err(Failure::Refused(UNGRANTED.into())));
        };
        let request = match outgoing(network, request) {
            Ok(request) => request,
            Err(failure) => return Ok(Err(failure)),
        };
        let answer = network.fetch(request).await;
        Ok(answer.map(incoming).map_err(failure))
    }
}

/// The provider's request, in the gate's form.
pub(super) fn outgoing(network: &Network, request: Request) -> Result<forgeport_egress::Request, Failure> {
    let refused = |what: &str, why: &dyn std::fmt::Display| Failure::Refused(format!("{what}: {why}"));
    // Before anything is made of them: to read 15 MB as a URL takes long, and a map of headers that is full panics.
    let limits = network.call.budget.limits();
    for (size, limit) in [(request.url.len(), Limit::HeaderBytes), (request.headers.len(), Limit::Headers)] {
        if size > limits.size(limit) {
            return Err(Failure::Limit(limits.reached(limit).to_string()));
        }
    }
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|e| refused("the request's method", &e))?;
    let url = Url::parse(&request.url).map_err(|e| refused("the request's URL", &e))?;
    let mut headers = HeaderMap::new();
    for Header { name, value } in request.headers {
        let name = HeaderName::try_from(name).map_err(|e| refused("a header's name", &e))?;
        let value = HeaderValue::try_from(value).map_err(|e| refused(name.as_str(), &e))?;
        headers.try_append(name, value).map_err(|e| refused("the request's headers", &e))?;
    }
    let secret = request.secret.map(|wanted| SecretUse { setting: wanted.setting, placement: wanted.placement.into() });
    Ok(forgeport_egress::Request { method, url, headers, body: request.body.map(Into::into), secret })
}

/// An answer as the provider gets it; header values that are no text are left out.
pub(super) fn incoming(answer: Checked) -> Response {
    let (status, headers, body) = answer.into_parts();
    let text = headers.iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?)));
    let headers = text.map(|(name, value)| Header { name: name.to_string(), value: value.to_owned() }).collect();
    Response { status: status.as_u16(), headers, body: body.to_vec() }
}

/// Why there is no answer, as the provider gets it.
pub(super) fn failure(error: EgressError) -> Failure {
    let text = error.to_string();
    match error {
        EgressError::Refused(_)
        | EgressError::Elsewhere { .. }
        | EgressError::Improper(_)
        | EgressError::Leak { .. }
        | EgressError::Address(_)
        | EgressError::Unrecorded(_) => Failure::Refused(text),
        // Whoever prints it adds the time.
        EgressError::AskedToWait { what, retry_after } => {
            Failure::RateLimited((what, retry_after.map(|after| after.as_secs())))
        }
        EgressError::Limit(_) => Failure::Limit(text),
        _ => Failure::Unreachable(text),
    }
}
