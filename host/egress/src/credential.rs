//! Adds secrets to requests. The first of these forms that applies is used; after a redirect to another origin, none is:
//!
//! | form | what is sent |
//! | --- | --- |
//! | a header whose whole credential is a placeholder, where the secret would be sent anyway | the header with the secret in its place |
//! | the request names a secret option and a place | that secret in that place, if the description allows the origin |
//! | neither | the first credential for the origin, in the place that the description says |

use crate::{
    EgressError,
    blocking::run_off_thread_if_long,
    headers,
    placeholder::{Placeholder, Surroundings, decoded},
    request::{Request, SecretUse},
    secret::{Credential, Secret},
    session::Session,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use forgeport_model::{Origin, Placement};
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use zeroize::Zeroizing;

/// Longest part of a header's name that an error repeats, in characters.
const NAME: usize = 64;

/// A request as it leaves: the headers, and the names of the secret options in them.
pub(crate) struct PreparedRequest {
    pub(crate) headers: HeaderMap,
    pub(crate) secrets: Vec<String>,
}

/// Adds the credential; refuses reserved headers, and placeholders outside a credential's place.
pub(crate) fn prepare(
    session: &Session,
    request: &Request,
    origin: &Origin,
    same_origin: bool,
) -> Result<PreparedRequest, EgressError> {
    let mut own = request.headers.clone();
    headers::without_libraries_own(&mut own);
    let replaced = if same_origin { replace_placeholder(session, &mut own, origin)? } else { None };
    if let Some(leak) = leak(session, request, &own) {
        return Err(leak);
    }
    if let Some(name) = headers::refused(&own) {
        let name: String = name.as_str().chars().take(NAME).collect();
        return Err(improper(&format!(
            "a provider may not set the header {name}, only accept, content-type, git-protocol, conditions such as if-none-match, and what \
             begins with x- and is not meant for proxies"
        )));
    }
    let credential = match (&request.secret, replaced) {
        _ if !same_origin => None,
        (_, Some(replaced)) => Some(replaced),
        (Some(wanted), None) => Some(asked_for(session, wanted, origin)?),
        (None, None) => {
            let ambient = session.credentials_for(origin).next();
            ambient.map(|found| rendered(found, &found.placement)).transpose()?
        }
    };
    let mut secrets = Vec::new();
    if let Some((setting, name, value)) = credential {
        own.insert(name, value);
        secrets.push(setting);
    }
    Ok(PreparedRequest { headers: own, secrets })
}

type Header = (String, HeaderName, HeaderValue);

/// Takes the header out that is a placeholder's, if the secret would be sent there anyway.
fn replace_placeholder(session: &Session, own: &mut HeaderMap, origin: &Origin) -> Result<Option<Header>, EgressError> {
    for placeholder in &session.placeholders {
        let mut here = session.credentials_for(origin);
        let Some(credential) = here.find(|found| found.setting == placeholder.setting) else { continue };
        let name = header_of(&credential.placement)?;
        let Some(whole) = own.get(&name).and_then(|value| placeholder.whole(value)) else { continue };
        let value = match whole {
            Surroundings::Plain(scheme) if scheme.is_empty() => Zeroizing::new(credential.secret.expose().to_owned()),
            Surroundings::Plain(scheme) => Zeroizing::new(format!("{scheme} {}", credential.secret.expose())),
            Surroundings::Basic(user) => basic(&user, &credential.secret),
        };
        own.remove(&name);
        return Ok(Some((credential.setting.clone(), name, sensitive(&value)?)));
    }
    Ok(None)
}

fn leak(session: &Session, request: &Request, own: &HeaderMap) -> Option<EgressError> {
    session.placeholders.iter().find_map(|placeholder| {
        let place = placeholder.place(request.url.as_str(), own)?;
        Some(EgressError::Leak { setting: placeholder.setting.clone(), place })
    })
}

/// No placeholder belongs into a body.
///
/// # Errors
/// When there is one.
pub(crate) async fn check_body(session: &Session, request: &Request) -> Result<(), EgressError> {
    let Some(body) = request.body.clone().filter(|_| !session.placeholders.is_empty()) else { return Ok(()) };
    let (length, placeholders) = (body.len(), session.placeholders.clone());
    let search = move || {
        let text = decoded(&body);
        placeholders.into_iter().find(|placeholder| placeholder.is_in_decoded(&text))
    };
    let leak = |found: Placeholder| EgressError::Leak { setting: found.setting, place: "the body".into() };
    run_off_thread_if_long(length, search).await.map_or(Ok(()), |found| Err(leak(found)))
}

/// The secret that the request names, in the place that it names.
fn asked_for(session: &Session, wanted: &SecretUse, origin: &Origin) -> Result<Header, EgressError> {
    let Some(credential) = session.credentials_for(origin).find(|found| found.setting == wanted.setting) else {
        return Err(improper(&format!(
            "--{} is not sent to {origin}: it was not given, or the provider's description does not say so",
            wanted.setting.escape_debug()
        )));
    };
    rendered(credential, &wanted.placement)
}

fn rendered(credential: &Credential, placement: &Placement) -> Result<Header, EgressError> {
    let name = header_of(placement)?;
    let secret = &credential.secret;
    let value = match placement {
        Placement::Bearer => Zeroizing::new(format!("Bearer {}", secret.expose())),
        Placement::Basic(user) => basic(user, secret),
        Placement::Header(_) => Zeroizing::new(secret.expose().to_owned()),
    };
    Ok((credential.setting.clone(), name, sensitive(&value)?))
}

fn header_of(placement: &Placement) -> Result<HeaderName, EgressError> {
    let Placement::Header(name) = placement else { return Ok(AUTHORIZATION) };
    let name = HeaderName::try_from(name.as_str()).ok();
    let name = name.filter(headers::may_hold_secret);
    name.ok_or_else(|| improper("a credential's header has no name that may hold one"))
}

fn basic(user: &str, secret: &Secret) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{}", secret.expose()));
    Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)))
}

fn sensitive(value: &str) -> Result<HeaderValue, EgressError> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| improper("the credential has a character that no header can hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn improper(why: &str) -> EgressError {
    EgressError::Improper(why.to_owned())
}
