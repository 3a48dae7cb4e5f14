//! Short-lived tokens, made by the host from a secret that stays here. Whoever refers to `{{NAME.token}}` of a secret that has a key
//! `mint` gets one; the provider never knows.

mod github_app;
mod oauth_client;

use crate::{Result, Service, ServiceError};
use forgeport_egress::{Caller, Checked, Credential, Permit, Request};
use forgeport_grants::{Authority, CallOf, Grant, Grants, Limits, Origin, date_after, deadline};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use url::Url;
use zeroize::Zeroizing;

/// The key that says how.
const MINT: &str = "mint";
/// The key that is referred to.
const TOKEN: &str = "token";
/// When the kept token ends (milliseconds since 1970), and what it was made from.
const KEPT: &str = "token_expires";
/// A token that ends sooner than this is not used any more: it has to last for the requests that it is put into.
const MARGIN: Duration = Duration::from_secs(120);
/// How long the minting may take.
const TIME: Duration = Duration::from_secs(30);

type Values = BTreeMap<String, Zeroizing<String>>;

/// A fresh token.
struct Minted {
    token: Zeroizing<String>,
    expires: SystemTime,
}

/// What is sent to get one.
struct Exchange {
    request: Request,
    credential: Credential,
}

impl Service {
    /// Stores a new secret; one that tokens are made from has to have all that it takes.
    ///
    /// # Errors
    /// When something is missing or cannot be read, or the name is taken.
    pub fn create_secret(&self, name: &str, values: &Values) -> Result<()> {
        if values.contains_key(MINT) {
            exchange(values).map_err(|why| failed(name, why))?;
        }
        Ok(self.secrets().create(name, values)?)
    }

    /// One value of a secret, made if need be.
    pub(crate) async fn secret_value(&self, name: &str, key: &str) -> Result<Zeroizing<String>> {
        if !self.is_minted(name, key) {
            return Ok(self.secrets().get(name, key)?);
        }
        let values = self.recipe(name)?;
        let recipe = fingerprint(&values);
        if let Some(kept) = self.kept(name, &recipe)? {
            return Ok(kept);
        }
        let Minted { token, expires } = self.mint(name, &values).await?;
        let ends = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let kept = [(TOKEN, token.clone()), (KEPT, Zeroizing::new(format!("{ends} {recipe}")))];
        self.secrets().update(name, &kept.map(|(key, value)| (key.to_owned(), value)).into(), &[])?;
        Ok(token)
    }

    /// Tells a value of a secret from another that it had before. Of what is made anew each hour, that which it is made from counts.
    ///
    /// # Errors
    /// When there is no such secret or key.
    pub(crate) fn secret_version(&self, name: &str, key: &str) -> Result<String> {
        let versions = match self.is_minted(name, key) {
            true => self.recipe_keys(name)?.iter().map(|key| self.secrets().version(name, key)).collect(),
            false => self.secrets().version(name, key).map(|version| vec![version]),
        };
        Ok(versions?.join(" "))
    }

    fn is_minted(&self, name: &str, key: &str) -> bool {
        key == TOKEN && self.secrets().keys(name).is_ok_and(|keys| keys.iter().any(|key| key == MINT))
    }

    fn recipe_keys(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.secrets().keys(name)?.into_iter().filter(|key| key != TOKEN && key != KEPT).collect())
    }

    fn recipe(&self, name: &str) -> Result<Values> {
        let keys = self.recipe_keys(name)?.into_iter();
        keys.map(|key| Ok((key.clone(), self.secrets().get(name, &key)?))).collect()
    }

    /// The token of before, if it lasts long enough and was made from the same values.
    fn kept(&self, name: &str, recipe: &str) -> Result<Option<Zeroizing<String>>> {
        let Ok(kept) = self.secrets().get(name, KEPT) else { return Ok(None) };
        let (ends, of) = kept.split_once(' ').unwrap_or_default();
        let ends = date_after(UNIX_EPOCH, Duration::from_millis(ends.parse().unwrap_or_default()));
        match of == recipe && ends > date_after(SystemTime::now(), MARGIN) {
            true => Ok(Some(self.secrets().get(name, TOKEN)?)),
            false => Ok(None),
        }
    }

    async fn mint(&self, name: &str, values: &Values) -> Result<Minted> {
        let exchange = exchange(values).map_err(|why| failed(name, why))?;
        let permit = self.mint_permit(name, values, &exchange);
        let answer = self.gate()?.fetch(&permit, exchange.request).await?;
        minted(&answer).map_err(|why| failed(name, why))
    }

    /// It may do just this: one kind of request, to one origin.
    fn mint_permit(&self, name: &str, values: &Values, exchange: &Exchange) -> Permit {
        let private = values.get("allow_private").is_some_and(|value| **value == "true");
        let origin = exchange.credential.origin.clone();
        let grant = Grant { methods: vec!["POST".into()], private, ..Grant::reading(origin) };
        let grants: Grants = [grant].into_iter().collect();
        let ceiling = self.policy.allow.clone();
        let authority = Authority { asked: grants.clone(), granted: grants, ceiling, of: CallOf::Nobody };
        let provider = format!("forgeport, for the secret {name}");
        let caller = Caller { tenant: crate::session::TENANT.to_owned(), provider, ..Caller::default() };
        Permit {
            caller: Arc::new(caller),
            credentials: vec![exchange.credential.clone()],
            auditor: self.journal().auditor(),
            ..Permit::new(authority, Limits::default().within(&self.policy.limits), deadline(TIME))
        }
    }
}

fn exchange(values: &Values) -> std::result::Result<Exchange, String> {
    match required(values, MINT)? {
        "github-app" => github_app::exchange(values, SystemTime::now()),
        "oauth-client" => oauth_client::exchange(values),
        other => Err(format!("{MINT} is {other:?}, and can be github-app or oauth-client")),
    }
}

/// Both kinds answer with a token in JSON, and tell its end in two ways.
#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "access_token")]
    token: Option<String>,
    /// GitHub: a time (RFC 3339).
    expires_at: Option<String>,
    /// OAuth: seconds from now (RFC 6749, section 5.1).
    expires_in: Option<u64>,
    /// GitHub's words.
    message: Option<String>,
    /// OAuth's words (RFC 6749, section 5.2).
    error: Option<String>,
    error_description: Option<String>,
}

/// What an OAuth server that tells no end is taken at.
const UNTOLD: Duration = Duration::from_secs(600);
/// No token is kept for longer, whatever the server says.
const LONGEST: Duration = Duration::from_secs(86_400);

fn minted(answer: &Checked) -> std::result::Result<Minted, String> {
    let status = answer.status().as_u16();
    let read: Option<Answer> = serde_json::from_slice(answer.body()).ok();
    match read {
        Some(Answer { token: Some(token), expires_at, expires_in, .. }) if answer.status().is_success() => {
            let told = expires_at.as_deref().and_then(|text| humantime::parse_rfc3339(text).ok());
            let life = expires_in.map_or(UNTOLD, Duration::from_secs).min(LONGEST);
            let expires = told.unwrap_or_else(|| date_after(SystemTime::now(), life));
            Ok(Minted { token: Zeroizing::new(token), expires })
        }
        Some(Answer { message, error, error_description, .. }) => {
            let words = message.or(error_description).or(error).unwrap_or_else(|| "no reason told".to_owned());
            let words: String = words.chars().take(200).collect();
            Err(format!("no token was given ({status}: {words}); check its values and what it may do"))
        }
        None => Err(format!("what answered knows no tokens (status {status}); check the address")),
    }
}

fn required<'a>(values: &'a Values, key: &str) -> std::result::Result<&'a str, String> {
    let missing = || format!("it has no {key}: add --{key}=VALUE");
    values.get(key).map(|value| value.as_str()).filter(|value| !value.is_empty()).ok_or_else(missing)
}

fn url_of(key: &str, text: &str) -> std::result::Result<(Url, Origin), String> {
    let url = Url::parse(text).map_err(|error| format!("{key} is no URL: {error}"))?;
    let origin = Origin::of(&url).map_err(|error| format!("{key}: {error}"))?;
    Ok((url, origin))
}

fn fingerprint(values: &Values) -> String {
    let mut hash = Sha256::new();
    for (key, value) in values {
        for text in [key.as_bytes(), value.as_bytes()] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(name: &str, why: String) -> ServiceError {
    ServiceError::Mint { name: name.to_owned(), why }
}
