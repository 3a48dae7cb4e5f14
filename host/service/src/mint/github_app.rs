//! Tokens of a GitHub App's installation: the app signs a short statement with its key, and GitHub gives a token of an hour for it
//! (<https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>).

use super::{Exchange, required, url_of};
use crate::secret_values::SecretValues;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use forgeport_egress::{Credential, Request, Secret};
use forgeport_model::{Placement, date_after};
use http::{HeaderMap, HeaderValue, Method, header::ACCEPT};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

const API: &str = "https://api.github.com";
/// GitHub wants the beginning in the past, for clocks that differ.
const BEFORE: Duration = Duration::from_secs(60);
/// GitHub takes no statement that is good for more than ten minutes.
const AFTER: Duration = Duration::from_secs(9 * 60);

/// The request for a token: `app_id` (or client id), `installation_id`, `private_key` in PEM, and `api_url` for GitHub Enterprise.
pub(super) fn exchange(values: &SecretValues, now: SystemTime) -> Result<Exchange, String> {
    let installation: u64 =
        required(values, "installation_id")?.parse().map_err(|_| "installation_id is no number".to_owned())?;
    let api = values.get("api_url").map_or(API, |url| url.trim_end_matches('/'));
    let (url, origin) = url_of("api_url", &format!("{api}/app/installations/{installation}/access_tokens"))?;
    let statement = statement(required(values, "app_id")?, &key(required(values, "private_key")?)?, now)?;
    let credential = Credential {
        setting: "private_key".into(),
        origin,
        placement: Placement::Bearer,
        beginnings: Vec::new(),
        secret: Secret::new(statement),
    };
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/vnd.github+json"))]);
    Ok(Exchange { request: Request { method: Method::POST, url, headers, body: None, secret: None }, credential })
}

/// PKCS #1, as GitHub hands it out, or PKCS #8.
fn key(pem: &str) -> Result<RsaKeyPair, String> {
    // On a command line or in JSON, the line breaks may have become `\n`.
    let pem = Zeroizing::new(pem.replace("\\n", "\n"));
    let wrong =
        || "private_key is no RSA key in PEM: give the file that GitHub made, as in --private_key=@key.pem".to_owned();
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong())? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| wrong()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// A JSON Web Token (RFC 7519) signed with RS256 (RFC 7518, section 3.3).
fn statement(app: &str, key: &RsaKeyPair, now: SystemTime) -> Result<Zeroizing<String>, String> {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = json!({ "iat": seconds(now.checked_sub(BEFORE).unwrap_or(now)), "exp": seconds(date_after(now, AFTER)), "iss": app });
    let encode = |part: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&json!({ "alg": "RS256", "typ": "JWT" })), encode(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "the private key cannot sign".to_owned())?;
    Ok(Zeroizing::new(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
}
