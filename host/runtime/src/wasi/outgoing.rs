//! `wasi:http`: the requests of ordinary HTTP libraries go through the gate like all others, and their answers come from it.

use crate::{
    bindings::log::Level,
    cpu::CpuTime,
    log::ProviderLog,
    network::{Network, UNGRANTED},
};
use bytes::{Bytes, BytesMut};
use forgeport_egress::{Checked, EgressError, Request};
use forgeport_model::{Limit, LimitReached, deadline};
use http::{Response, uri::Scheme};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Bytes of a request's body that the guest may hand over before the gate's side has taken them.
const CHUNK: usize = 64 << 10;

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answered = Result<(Response<WasiBody>, Worker), Error>;

/// The way from `wasi:http` to the gate.
#[derive(Clone)]
pub(crate) struct Outgoing {
    /// `None` where the call has none.
    pub(super) network: Option<Arc<Network>>,
    pub(super) log: Arc<ProviderLog>,
    pub(super) cpu: CpuTime,
}

/// Why there is no answer, in words; `wasi:http` has codes alone.
struct NoAnswer {
    code: Error,
    why: String,
}

impl WasiHttpHooks for Outgoing {
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn is_supported_scheme(&mut self, _scheme: &Scheme) -> bool {
        // Which are, the gate says.
        true
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Worker,
    ) -> Box<dyn Future<Output = Answered> + Send> {
        let outgoing = self.clone();
        Box::new(async move {
            // It is a task of its own, beside the call.
            let sent = outgoing.cpu.count(outgoing.send(request, options.unwrap_or_default())).await;
            sent.map_err(|NoAnswer { code, why }| {
                outgoing.log.write(Level::Warn, &format!("a request got no answer: {why}"));
                code
            })
        })
    }
}

impl Outgoing {
    async fn send(
        &self,
        request: http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<(Response<WasiBody>, Worker), NoAnswer> {
        let Some(network) = &self.network else {
            return Err(no_answer(Error::HttpRequestDenied, UNGRANTED));
        };
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string());
        let url =
            url.map_err(|error| no_answer(Error::HttpRequestUriInvalid, format!("the request's URL: {error}")))?;
        let body = collect(network, body).await?;
        let body = Some(body).filter(|body| !body.is_empty());
        let request = Request { method: parts.method, url, headers: parts.headers, body, secret: None };
        let fetching = network.fetch(request);
        let fetched = match options.first_byte_timeout {
            Some(time) => tokio::time::timeout_at(deadline(time).into(), fetching).await.map_err(|_| {
                no_answer(Error::ConnectionReadTimeout, "there was none in the time that the provider set")
            })?,
            None => fetching.await,
        };
        Ok((answer(fetched?), Box::new(async { Ok(()) })))
    }
}

/// The gate takes a body whole, because it looks for what must not leave.
async fn collect(network: &Network, mut body: WasiBody) -> Result<Bytes, NoAnswer> {
    let (mut whole, mut held) = (BytesMut::new(), network.call.budget.body());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| no_answer(Error::HttpProtocolError, error.to_string()))?;
        // No forge asks for trailers.
        let Ok(chunk) = frame.into_data() else { continue };
        held.add(chunk.len()).map_err(EgressError::from)?;
        whole.extend_from_slice(&chunk);
    }
    Ok(held.keep(whole.freeze()))
}

fn answer(checked: Checked) -> Response<WasiBody> {
    let (status, headers, body) = checked.into_parts();
    let mut answer = Response::new(Full::new(body).map_err(Error::from).boxed_unsync());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn no_answer(code: Error, why: impl Into<String>) -> NoAnswer {
    NoAnswer { code, why: why.into() }
}

impl From<EgressError> for NoAnswer {
    fn from(error: EgressError) -> NoAnswer {
        let why = error.to_string();
        let code = match error {
            EgressError::Refused(_)
            | EgressError::Elsewhere { .. }
            | EgressError::Improper(_)
            | EgressError::Leak { .. }
            | EgressError::Unrecorded(_) => Error::HttpRequestDenied,
            EgressError::Address(_) => Error::DestinationIpProhibited,
            EgressError::Unreachable { .. } => Error::DestinationUnavailable,
            EgressError::Broken { .. } => Error::HttpResponseIncomplete,
            EgressError::Coded { coding, .. } => Error::HttpResponseContentCoding(Some(coding.to_owned())),
            EgressError::Limit(LimitReached { limit: Limit::Body, .. }) => Error::HttpResponseBodySize(None),
            _ => Error::InternalError(Some(why.clone())),
        };
        NoAnswer { code, why }
    }
}
