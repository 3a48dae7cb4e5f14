//! One step of a request: where a redirect leads, and what goes along.

use crate::{EgressError, exits::Answer, gate::Request, placeholder::decoded};
use http::{
    Method, StatusCode,
    header::{self, LOCATION},
};
use url::Url;

/// Where a redirect leads (RFC 9110, section 15.4).
pub(crate) fn next(from: &Url, answer: &Answer) -> Result<Option<Url>, EgressError> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get(LOCATION) else {
        return Ok(None);
    };
    let origin = &answer.origin;
    let improper = |why: &str| EgressError::Improper(format!("{origin} redirects {why}"));
    let location = location.to_str().map_err(|_| improper("to something that is no URL"))?;
    let next = from.join(location).map_err(|_| improper("to something that is no URL"))?;
    // Whoever is there would get what only this origin is told, and the next error or record would repeat it.
    let told = [location.as_bytes(), next.as_str().as_bytes(), &decoded(location.as_bytes())];
    if told.iter().any(|text| answer.forms.are_whole_in(text)) {
        return Err(improper("to an address that holds the credential that it was sent"));
    }
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(improper("from https to what is not encrypted"));
    }
    Ok(Some(next))
}

/// The request for the next hop. Elsewhere it carries no header of the provider's but what tells the wanted form.
pub(crate) fn redirected(request: Request, url: Url, status: StatusCode, at_home: bool) -> Request {
    let Request { method, mut headers, body, secret, .. } = request;
    if !at_home {
        let accept = headers.remove(header::ACCEPT);
        headers.clear();
        headers.extend(accept.map(|accept| (header::ACCEPT, accept)));
    }
    let secret = secret.filter(|_| at_home);
    let keeps_method = matches!(status.as_u16(), 307 | 308) || matches!(method, Method::GET | Method::HEAD);
    match keeps_method {
        true => Request { method, url, headers, body: body.filter(|_| at_home), secret },
        false => Request { method: Method::GET, url, headers, body: None, secret },
    }
}
