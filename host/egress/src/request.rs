//! The request of a provider: plain data, not checked yet. The gate decides about it in `gate.rs`.

use bytes::Bytes;
use forgeport_model::Placement;
use http::{HeaderMap, Method};
use url::Url;

/// The request of a provider.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// The provider's own headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Option<Bytes>,
    /// A secret in another place than the description says.
    pub secret: Option<SecretUse>,
}

/// A secret option by name, and where in the request it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The option.
    pub setting: String,
    /// The place in the request.
    pub placement: Placement,
}

impl Request {
    /// A GET without headers and body.
    #[must_use]
    pub fn get(url: Url) -> Request {
        Request { method: Method::GET, url, headers: HeaderMap::new(), body: None, secret: None }
    }
}
