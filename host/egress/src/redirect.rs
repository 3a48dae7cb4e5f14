//! Redirects: where one leads, and what of a request goes along. The gate decides over each of them anew, as over any other request.
//!
//! | of the request | to the same origin | elsewhere |
//! | --- | --- | --- |
//! | headers of the provider's own | kept | none but `accept` |
//! | credential | sent again | not sent, also not after a way back |
//! | method and body, 307 and 308 | kept | the method is kept, the body left out |
//! | method and body, other statuses | GET without a body, unless it was GET or HEAD | the same |

use crate::{EgressError, exits::Answer, placeholder::decoded, request::Request};
use http::{
    Method, StatusCode,
    header::{self, LOCATION},
};
use url::Url;

/// The destination of a redirect (RFC 9110, section 15.4).
pub(crate) fn target(from: &Url, answer: &Answer) -> Result<Option<Url>, EgressError> {
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
    // The server there would get what only this origin is sent, and the next error or record would repeat it.
    let told = [location.as_bytes(), next.as_str().as_bytes(), &decoded(location.as_bytes())];
    if told.iter().any(|text| answer.forms.are_whole_in(text)) {
        return Err(improper("to an address that holds the credential that it was sent"));
    }
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(improper("from https to what is not encrypted"));
    }
    Ok(Some(next))
}

/// The request that follows a redirect. Elsewhere it carries no header of the provider's but `accept`.
pub(crate) fn follow(request: Request, url: Url, status: StatusCode, same_origin: bool) -> Request {
    let Request { method, mut headers, body, secret, .. } = request;
    if !same_origin {
        let accept = headers.remove(header::ACCEPT);
        headers.clear();
        headers.extend(accept.map(|accept| (header::ACCEPT, accept)));
    }
    let secret = secret.filter(|_| same_origin);
    let keeps_method = matches!(status.as_u16(), 307 | 308) || matches!(method, Method::GET | Method::HEAD);
    if keeps_method {
        Request { method, url, headers, body: body.filter(|_| same_origin), secret }
    } else {
        Request { method: Method::GET, url, headers, body: None, secret }
    }
}
