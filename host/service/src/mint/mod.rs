//! Short-lived tokens, requested by the host with a secret that stays here. A reference `{{NAME.token}}` to a secret that has the key
//! `mint` gives such a token; the provider is not involved.

mod github_app;
mod oauth_client;

use crate::{Result, Service, ServiceError, secret_values::SecretValues};
use forgeport_egress::{Call, Checked, Credential, Request, Session};
use forgeport_model::{AuditContext, Authority, CallOf, Digest, Grant, Grants, Limits, Origin, date_after, deadline};
use forgeport_store::{CodeRepository, StoredOption};
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use url::Url;
use zeroize::Zeroizing;

/// The key with the kind of minting.
pub(crate) const MINT: &str = "mint";
/// The key that is referred to.
pub(crate) const TOKEN: &str = "token";
/// When the kept token ends and when it was made (milliseconds since 1970), and what it was made from.
const KEPT: &str = "token_expires";
/// A token that expires sooner is not used any more: it has to last for the requests that it is sent with.
const MARGIN: Duration = Duration::from_secs(120);
/// How long the minting may take.
const TIME: Duration = Duration::from_secs(30);
/// A token that was minted within this time was not rejected for its age, so it is kept.
const FRESH: Duration = Duration::from_secs(60);

/// A fresh token.
struct Minted {
    token: Zeroizing<String>,
    expires: SystemTime,
}

/// The request for a token.
struct Exchange {
    request: Request,
    credential: Credential,
}

/// Checks that a secret with the key `mint` has every value that its tokens are minted with.
///
/// # Errors
/// When a value is missing or wrong.
pub(crate) fn check(name: &str, values: &SecretValues) -> Result<()> {
    if !values.contains_key(MINT) {
        return Ok(());
    }
    if let Some(made) = values.keys().find(|key| is_made(key)) {
        return Err(failed(name, format!("its {made} is made by Forgeport: leave --{made} out")));
    }
    exchange(values).map(drop).map_err(|why| failed(name, why))
}

/// True for the key of a minted value, false for one of the values that it is minted with.
pub(crate) fn is_made(key: &str) -> bool {
    [TOKEN, KEPT].contains(&key)
}

impl Service {
    /// One value of a secret, made if need be.
    pub(crate) async fn secret_value(&self, name: &str, key: &str) -> Result<Zeroizing<String>> {
        if !self.is_minted(name, key).await {
            return Ok(self.secrets().get(name, key).await?);
        }
        let values = self.recipe(name).await?;
        let recipe = fingerprint(&values);
        if let Some(kept) = self.kept(name, &recipe).await? {
            return Ok(kept);
        }
        let Minted { token, expires } = self.mint(name, &values).await?;
        let kept = Zeroizing::new(format!("{} {} {recipe}", millis(expires), millis(SystemTime::now())));
        let kept = [(TOKEN, token.clone()), (KEPT, kept)];
        self.secrets().update(name, &kept.map(|(key, value)| (key.to_owned(), value)).into(), &[]).await?;
        self.host.minted().insert(self.minted_name(name), Instant::now());
        Ok(token)
    }

    /// Tells a value of a secret from another that it had before. Of what is made anew each hour, that which it is made from counts.
    ///
    /// # Errors
    /// When there is no such secret or key.
    pub(crate) async fn secret_version(&self, name: &str, key: &str) -> Result<String> {
        let keys = if self.is_minted(name, key).await { self.recipe_keys(name).await? } else { vec![key.to_owned()] };
        let mut versions = Vec::new();
        for key in &keys {
            versions.push(self.secrets().version(name, key).await?);
        }
        Ok(versions.join(" "))
    }

    async fn is_minted(&self, name: &str, key: &str) -> bool {
        key == TOKEN && self.mints(name).await.unwrap_or_default()
    }

    /// Does some work, and repeats it once with new tokens if an origin rejected a kept one: the clock that its end is compared with may be
    /// wrong, and its issuer may have revoked it.
    ///
    /// # Errors
    /// Those of the work.
    pub(crate) async fn renewing<T>(
        &self,
        repository: &CodeRepository,
        work: impl AsyncFn() -> Result<T>,
    ) -> Result<T> {
        match work().await {
            Err(error) => {
                if self.forget_unauthorized(repository).await.unwrap_or_default().is_empty() {
                    Err(error)
                } else {
                    work().await
                }
            }
            done => done,
        }
    }

    /// Forgets the kept tokens that an origin rejected, and returns the options whose values they are.
    pub(crate) async fn forget_unauthorized(&self, repository: &CodeRepository) -> Result<Vec<String>> {
        let mut forgotten = Vec::new();
        for setting in self.host.unauthorized(&repository.id).take() {
            let Some(StoredOption::Reference(to)) = repository.options.get(&setting) else { continue };
            let made = self.host.minted().get(&self.minted_name(to.name())).copied();
            let is_fresh = made.is_some_and(|made| made.elapsed() < FRESH);
            if self.is_minted(to.name(), to.key()).await && !is_fresh {
                let keys: Vec<String> =
                    self.secrets().keys(to.name()).await?.into_iter().filter(|key| is_made(key)).collect();
                self.secrets().update(to.name(), &SecretValues::new(), &keys).await?;
                forgotten.push(setting);
            }
        }
        Ok(forgotten)
    }

    fn minted_name(&self, secret: &str) -> (String, String) {
        (self.workspace.id().to_owned(), secret.to_owned())
    }

    async fn recipe_keys(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.secrets().keys(name).await?.into_iter().filter(|key| !is_made(key)).collect())
    }

    async fn recipe(&self, name: &str) -> Result<SecretValues> {
        let mut recipe = SecretValues::new();
        for key in self.recipe_keys(name).await? {
            let value = self.secrets().get(name, &key).await?;
            recipe.insert(key, value);
        }
        Ok(recipe)
    }

    /// The kept token, if it lasts long enough, was minted with the same values, and its times are possible ones.
    async fn kept(&self, name: &str, recipe: &str) -> Result<Option<Zeroizing<String>>> {
        let Ok(kept) = self.secrets().get(name, KEPT).await else { return Ok(None) };
        let Some((ends, made)) = times(&kept, recipe) else { return Ok(None) };
        let now = SystemTime::now();
        let is_possible = made <= now && ends <= date_after(made, LONGEST);
        if is_possible && ends > date_after(now, MARGIN) {
            Ok(Some(self.secrets().get(name, TOKEN).await?))
        } else {
            Ok(None)
        }
    }

    async fn mint(&self, name: &str, values: &SecretValues) -> Result<Minted> {
        let exchange = exchange(values).map_err(|why| failed(name, why))?;
        let call = self.mint_call(name, values, &exchange);
        let answer = self.host.gate().await?.fetch(&call, exchange.request).await?;
        minted(&answer).map_err(|why| failed(name, why))
    }

    /// It may do just this: one kind of request, to one origin.
    fn mint_call(&self, name: &str, values: &SecretValues, exchange: &Exchange) -> Call {
        let private = values.get("allow_private").is_some_and(|value| **value == "true");
        let origin = exchange.credential.origin.clone();
        let grant = Grant { methods: vec!["POST".into()], private, ..Grant::reading(origin) };
        let grants: Grants = [grant].into_iter().collect();
        let policy = self.host.policy.allow.clone();
        let authority = Authority { requested: grants.clone(), granted: grants, policy, of: CallOf::Nobody };
        let provider = format!("forgeport, for the secret {name}");
        let context = AuditContext { provider, ..self.audit_context_of_none() };
        let session = Session {
            context: Arc::new(context),
            credentials: vec![exchange.credential.clone()],
            auditor: self.host.audit_writer().auditor(),
            ..Session::new(authority)
        };
        let limits = Limits::default().within(&self.host.policy.limits);
        Call { notices: self.notices.clone(), ..Call::new(session, limits, deadline(TIME)) }
    }
}

fn exchange(values: &SecretValues) -> std::result::Result<Exchange, String> {
    match required(values, MINT)? {
        "github-app" => github_app::exchange(values, SystemTime::now()),
        "oauth-client" => oauth_client::exchange(values),
        other => Err(format!("{MINT} is {other:?}, and can be github-app or oauth-client")),
    }
}

/// The response of both kinds: a token in JSON, with its end in one of two forms.
#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "access_token")]
    token: Option<String>,
    /// GitHub: a time (RFC 3339).
    expires_at: Option<String>,
    /// OAuth: seconds from now (RFC 6749, section 5.1).
    expires_in: Option<u64>,
}

/// The lifetime of a token whose OAuth server does not state one.
const UNTOLD: Duration = Duration::from_secs(600);
/// No token is kept for longer, whatever the server says.
const LONGEST: Duration = Duration::from_secs(86_400);

fn minted(answer: &Checked) -> std::result::Result<Minted, String> {
    let status = answer.status().as_u16();
    let read: Option<Answer> = serde_json::from_slice(answer.body()).ok();
    match read {
        Some(Answer { token: Some(token), expires_at, expires_in }) if answer.status().is_success() => {
            let told = expires_at.as_deref().and_then(|text| humantime::parse_rfc3339(text).ok());
            let life = expires_in.map_or(UNTOLD, Duration::from_secs).min(LONGEST);
            let now = SystemTime::now();
            let expires = told.unwrap_or_else(|| date_after(now, life)).min(date_after(now, LONGEST));
            Ok(Minted { token: Zeroizing::new(token), expires })
        }
        Some(_) => {
            let words = forgeport_answer::words(None, answer.body()).unwrap_or_else(|| "no reason told".to_owned());
            Err(format!("no token was given ({status}: {words}); check its values and what it may do"))
        }
        None if forgeport_answer::page(None, answer.body()).is_some() => Err(format!(
            "a web page came in the place of a token (status {status}); check the address and the proxy settings"
        )),
        None => Err(format!("what answered knows no tokens (status {status}); check the address")),
    }
}

fn required<'a>(values: &'a SecretValues, key: &str) -> std::result::Result<&'a str, String> {
    let missing = || format!("it has no {key}: add --{key}=VALUE");
    values.get(key).map(|value| value.as_str()).filter(|value| !value.is_empty()).ok_or_else(missing)
}

fn url_of(key: &str, text: &str) -> std::result::Result<(Url, Origin), String> {
    let url = Url::parse(text).map_err(|error| format!("{key} is no URL: {error}"))?;
    let origin = Origin::of(&url).map_err(|error| format!("{key}: {error}"))?;
    Ok((url, origin))
}

/// When a kept token ends, and when it was made, if it was from the same values.
fn times(kept: &str, recipe: &str) -> Option<(SystemTime, SystemTime)> {
    let mut parts = kept.splitn(3, ' ');
    let mut time = || Some(date_after(UNIX_EPOCH, Duration::from_millis(parts.next()?.parse().ok()?)));
    let (ends, made) = (time()?, time()?);
    (parts.next()? == recipe).then_some((ends, made))
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

fn fingerprint(values: &SecretValues) -> String {
    Digest::of_parts(values.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()])).to_string()
}

fn failed(name: &str, why: String) -> ServiceError {
    ServiceError::Mint { name: name.to_owned(), why }
}
