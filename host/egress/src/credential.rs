//! How a secret gets into a request: as the description says, as the request itself asks, or in the place of a placeholder.

use crate::{
    EgressError,
    gate::{Request, SecretUse},
    permit::{Credential, Permit, Secret},
    placeholder::Whole,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use forgeport_grants::{Origin, Placement};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, AUTHORIZATION},
};
use zeroize::Zeroizing;

/// Headers that frame a message, belong to the connection, speak for somebody, or have an answer cut into pieces in which no echoed
/// credential would be recognised: a provider sets none of them.
const RESERVED: [HeaderName; 15] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::COOKIE,
    header::USER_AGENT,
    header::AUTHORIZATION,
    header::RANGE,
    header::IF_RANGE,
];

/// The headers as they leave, and the names of the secret options in them.
pub(crate) struct Dressed {
    pub(crate) headers: HeaderMap,
    pub(crate) secrets: Vec<String>,
}

/// Puts in the credential, and lets nothing of the provider's own out that speaks for somebody or gives a placeholder away.
pub(crate) fn dress(permit: &Permit, request: &Request, origin: &Origin, home: bool) -> Result<Dressed, EgressError> {
    let mut own = request.headers.clone();
    let swapped = if home { swap(permit, &mut own, origin)? } else { None };
    if let Some(leak) = leak(permit, request, &own) {
        return Err(leak);
    }
    if let Some(name) = own.keys().find(|name| RESERVED.contains(name)) {
        return Err(improper(&format!("the header {name} is the host's own, a provider cannot set it")));
    }
    let credential = match (&request.secret, swapped) {
        _ if !home => None,
        (_, Some(swapped)) => Some(swapped),
        (Some(wanted), None) => Some(asked_for(permit, wanted, origin)?),
        (None, None) => {
            let ambient = permit.credentials_for(origin).next();
            ambient.map(|found| rendered(found, &found.placement)).transpose()?
        }
    };
    let mut secrets = Vec::new();
    if let Some((setting, name, value)) = credential {
        own.insert(name, value);
        secrets.push(setting);
    }
    Ok(Dressed { headers: own, secrets })
}

type Header = (String, HeaderName, HeaderValue);

/// Takes the header out that is a placeholder's, if the secret would be sent there anyway.
fn swap(permit: &Permit, own: &mut HeaderMap, origin: &Origin) -> Result<Option<Header>, EgressError> {
    for placeholder in &permit.placeholders {
        let here = |found: &&Credential| found.setting == placeholder.setting;
        let Some(credential) = permit.credentials_for(origin).find(here) else { continue };
        let name = header_of(&credential.placement)?;
        let Some(whole) = own.get(&name).and_then(|value| placeholder.whole(value)) else { continue };
        let value = match whole {
            Whole::Plain(scheme) if scheme.is_empty() => Zeroizing::new(credential.secret.expose().to_owned()),
            Whole::Plain(scheme) => Zeroizing::new(format!("{scheme} {}", credential.secret.expose())),
            Whole::Basic(user) => basic(&user, &credential.secret),
        };
        own.remove(&name);
        return Ok(Some((credential.setting.clone(), name, sensitive(&value)?)));
    }
    Ok(None)
}

fn leak(permit: &Permit, request: &Request, own: &HeaderMap) -> Option<EgressError> {
    let body = request.body.as_deref().unwrap_or_default();
    permit.placeholders.iter().find_map(|placeholder| {
        let place = placeholder.place(request.url.as_str(), own, body)?;
        Some(EgressError::Leak { setting: placeholder.setting.clone(), place })
    })
}

/// The secret that the request names, in the place that it names.
fn asked_for(permit: &Permit, wanted: &SecretUse, origin: &Origin) -> Result<Header, EgressError> {
    let here = |found: &&Credential| found.setting == wanted.setting;
    let Some(credential) = permit.credentials_for(origin).find(here) else {
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
    let name = name.filter(|name| !RESERVED.contains(name) || *name == AUTHORIZATION);
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
