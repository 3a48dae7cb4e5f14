//! Tokens for an OAuth client's own credentials (RFC 6749, section 4.4), such as those of a consumer on Bitbucket.

use super::{Exchange, required, url_of};
use crate::secret_values::SecretValues;
use forgeport_egress::{Credential, Request, Secret};
use forgeport_model::Placement;
use http::{HeaderMap, HeaderValue, Method, header::ACCEPT, header::CONTENT_TYPE};
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

/// The request for a token: `token_url`, `client_id`, `client_secret`, and optionally `scope`.
pub(super) fn exchange(values: &SecretValues) -> Result<Exchange, String> {
    let (url, origin) = url_of("token_url", required(values, "token_url")?)?;
    // Both are encoded before Basic encodes them again (RFC 6749, section 2.3.1).
    let encoded = |key| Ok::<String, String>(byte_serialize(required(values, key)?.as_bytes()).collect());
    let secret = Secret::new(Zeroizing::new(encoded("client_secret")?));
    let placement = Placement::Basic(encoded("client_id")?);
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if let Some(scope) = values.get("scope") {
        form.append_pair("scope", scope);
    }
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/json")),
        (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
    ]);
    let request = Request { method: Method::POST, url, headers, body: Some(form.finish().into()), secret: None };
    let (setting, beginnings) = ("client_secret".into(), Vec::new());
    Ok(Exchange { request, credential: Credential { setting, origin, placement, beginnings, secret } })
}
