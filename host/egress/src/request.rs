//! What a provider asks the gate for. Plain data, with nothing checked yet: the gate decides over it in `gate.rs`.

use bytes::Bytes;
use forgeport_model::Placement;
use http::{HeaderMap, Method};
use url::Url;

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

impl Request {
    /// A GET without headers and body.
    #[must_use]
    pub fn get(url: Url) -> Request {
        Request { method: Method::GET, url, headers: HeaderMap::new(), body: None, secret: None }
    }
}
