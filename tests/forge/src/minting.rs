//! Short-lived tokens, as GitHub gives them to an app's installation, and Bitbucket to an OAuth consumer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::{PrivatePkcs1KeyDer, pem::PemObject};
use serde_json::{Value, json};

use crate::message::{Answer, Request};
use crate::server::{Server, State};
use crate::timestamp;
use crate::{Access, TokenKind};

/// The key of the only app that the forge knows, in PEM. It is good for nothing else.
pub const APP_KEY: &str = include_str!("app_key.pem");
/// The app's id.
pub const APP_ID: &str = "12345";
/// The app's only installation.
pub const INSTALLATION_ID: &str = "678";
/// The id of the only OAuth consumer.
pub const CLIENT_ID: &str = "consumer";
/// The consumer's secret, with characters that have to be encoded.
pub const CLIENT_SECRET: &str = "s3cret: of+the/consumer%";

/// How long fresh tokens last.
pub(crate) struct Life(AtomicU64);

impl Life {
    pub fn new() -> Self {
        Self(AtomicU64::new(3600))
    }

    pub fn set(&self, life: Duration) {
        self.0.store(life.as_secs(), Relaxed);
    }
}

/// Answers requests for tokens, and no others.
pub(crate) fn answer(state: &State, request: &Request) -> Option<Answer> {
    let segments = request.segments();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.server, words.as_slice()) {
        _ if request.method != "POST" => None,
        (Server::GithubApi, ["app", "installations", id, "access_tokens"]) => Some(installation(state, request, id)),
        (Server::BitbucketWeb, ["site", "oauth2", "access_token"]) => Some(consumer(state, request)),
        _ => None,
    }
}

/// `POST /app/installations/{id}/access_tokens`.
fn installation(state: &State, request: &Request, id: &str) -> Answer {
    let error = |status, message: &str| Answer::json(status, &json!({ "message": message }));
    let Some(jwt) = request.authorization(&["bearer"]) else {
        return error(401, "A JSON web token could not be decoded");
    };
    if let Err(why) = check(jwt) {
        return error(401, why);
    }
    if id != INSTALLATION_ID {
        return error(404, "Not Found");
    }
    let token = state.tokens.issue(TokenKind::GithubInstallation, Access::All);
    let (now, life) = (SystemTime::now(), Duration::from_secs(state.life.0.load(Relaxed)));
    let ends = now.checked_add(life).unwrap_or(now);
    let ends = ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Answer::json(
        201,
        &json!({ "token": token, "expires_at": timestamp::rfc3339(ends), "permissions": { "contents": "read" } }),
    )
}

/// `POST /site/oauth2/access_token`.
fn consumer(state: &State, request: &Request) -> Answer {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let known = (encoded(CLIENT_ID), encoded(CLIENT_SECRET));
    if request.basic() != Some(known) || request.body != "grant_type=client_credentials" {
        return Answer::json(
            400,
            &json!({ "error": "unauthorized_client", "error_description": "Invalid OAuth client credentials" }),
        );
    }
    let token = state.tokens.issue(TokenKind::BitbucketAccess, Access::All);
    Answer::json(
        200,
        &json!({ "access_token": token, "expires_in": state.life.0.load(Relaxed), "token_type": "bearer" }),
    )
}

fn check(jwt: &str) -> Result<(), &'static str> {
    const UNREADABLE: &str = "A JSON web token could not be decoded";
    let (signed, signature) = jwt.rsplit_once('.').ok_or(UNREADABLE)?;
    let (header, claims) = signed.split_once('.').ok_or(UNREADABLE)?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| UNREADABLE);
    let read = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).map_err(|_| UNREADABLE);
    let key = PrivatePkcs1KeyDer::from_pem_slice(APP_KEY.as_bytes()).map_err(|_| UNREADABLE)?;
    let key = RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(|_| UNREADABLE)?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref().to_vec());
    key.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| UNREADABLE)?;
    let (header, claims) = (read(header)?, read(claims)?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (from, to) = (claims["iat"].as_u64().unwrap_or(u64::MAX), claims["exp"].as_u64().unwrap_or(0));
    match () {
        () if header["alg"] != "RS256" => Err(UNREADABLE),
        () if claims["iss"] != APP_ID => Err("Integration not found"),
        () if from > now => Err("'Issued at' claim ('iat') must be an Integer representing a time in the past"),
        () if to <= now || to > now + 600 => Err("'Expiration time' claim ('exp') is too far in the future"),
        () => Ok(()),
    }
}
