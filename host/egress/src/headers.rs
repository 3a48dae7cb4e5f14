//! The allow list of request headers. It is no deny list, since servers and the proxies before them obey ever new ones: `X-Original-URL` and
//! `X-HTTP-Method-Override` circumvented a grant's path and method.
//!
//! | header | result |
//! | --- | --- |
//! | `accept`, `content-type`, `git-protocol`, conditions such as `if-none-match` | sent |
//! | `x-NAME` of letters, digits and dashes, with no word and no vendor that proxies act on | sent |
//! | what HTTP libraries set by themselves, such as `user-agent` and `host` | left out; the gate sets what is needed |
//! | any other | the request is refused |

use http::{HeaderMap, HeaderName};

/// They say which form of an answer is wanted, and which is there already.
const PASSING: [&str; 7] =
    ["accept", "content-type", "git-protocol", "if-match", "if-modified-since", "if-none-match", "if-unmodified-since"];

/// What HTTP libraries set by themselves: those of Python, JavaScript, Go, Rust and C#. None of it changes what is asked for, and the
/// gate or its client sets anew what is needed, so it is left out without a word.
const LIBRARIES_OWN: [&str; 11] = [
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "user-agent",
];

/// Further headers that no credential is sent in: they frame a message, lead elsewhere, or have an answer cut into pieces in which no
/// echoed credential would be recognised.
const NOT_FOR_SECRETS: [&str; 14] = [
    "cookie",
    "expect",
    "forwarded",
    "if-range",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Words in the names of headers by which proxies report who asks, from where, for what and by which method, and by which servers are
/// ordered to send something else.
const MISLEADING: [&str; 44] = [
    "accel",
    "addr",
    "address",
    "authenticated",
    "backend",
    "cert",
    "client",
    "clientip",
    "cluster",
    "destinationurl",
    "forward",
    "forwarded",
    "forwarding",
    "host",
    "hostname",
    "http",
    "internal",
    "invoke",
    "ip",
    "matched",
    "method",
    "middleware",
    "original",
    "originating",
    "override",
    "path",
    "port",
    "prefix",
    "principal",
    "proto",
    "protocol",
    "proxy",
    "proxyuser",
    "real",
    "redirect",
    "remote",
    "rewrite",
    "scheme",
    "script",
    "sendfile",
    "uri",
    "url",
    "verb",
    "webauth",
];

/// Beginnings of names of headers by which proxies and clouds report to a server who asks, and order storage what else to do.
const VENDORS: [&str; 14] = [
    "x-amz",
    "x-amzn",
    "x-appengine",
    "x-arr",
    "x-auth-request",
    "x-azure",
    "x-cf",
    "x-envoy",
    "x-goog",
    "x-istio",
    "x-nextjs",
    "x-now",
    "x-ssl",
    "x-tls",
];

/// Takes out what libraries set by themselves.
pub(crate) fn without_libraries_own(headers: &mut HeaderMap) {
    for name in LIBRARIES_OWN {
        headers.remove(name);
    }
}

/// The first header that a provider may not set, if there is one.
pub(crate) fn refused(headers: &HeaderMap) -> Option<&HeaderName> {
    headers.keys().find(|name| !PASSING.contains(&name.as_str()) && !is_private(name.as_str()))
}

/// A credential may be sent in a header of this name.
pub(crate) fn may_hold_secret(name: &HeaderName) -> bool {
    let name = name.as_str();
    let known = PASSING.iter().chain(&LIBRARIES_OWN).chain(&NOT_FOR_SECRETS).any(|known| *known == name);
    !known && (is_private(name) || !name.starts_with("x-"))
}

/// It is a forge's or a provider's own header, which no server between them acts on.
fn is_private(name: &str) -> bool {
    // Servers that hand headers on as variables of an environment take other characters for a dash.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let of_vendor = |vendor: &str| name.strip_prefix(vendor).is_some_and(|rest| rest.starts_with('-'));
    let misleads = name.split('-').any(|word| MISLEADING.contains(&word));
    name.starts_with("x-") && is_plain && !misleads && !VENDORS.into_iter().any(of_vendor)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn is_refused(name: &str) -> bool {
        let mut headers = HeaderMap::from_iter([(HeaderName::try_from(name).unwrap(), HeaderValue::from_static("x"))]);
        without_libraries_own(&mut headers);
        refused(&headers).is_some()
    }

    #[test]
    fn what_tells_the_wanted_form_and_what_is_private_passes() {
        for name in PASSING.into_iter().chain([
            "x-github-api-version",
            "x-github-media-type",
            "x-github-otp",
            "x-gitlab-feed",
            "x-gitlab-static-object-token",
            "x-atlassian-token",
            "x-gitea-object-type",
            "x-request-id",
            "x-api-key",
            "x-auth-token",
            "x-tfs-fedauthredirect",
            "x-requested-with",
            "x-copy",
        ]) {
            assert!(!is_refused(name), "{name}");
        }
    }

    #[test]
    fn what_leads_past_a_grant_or_speaks_for_somebody_is_refused_in_every_spelling() {
        for name in [
            "authorization",
            "cookie",
            "forwarded",
            "via",
            "origin",
            "referer",
            "range",
            "if-range",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "expect",
            "proxy-authorization",
            "proxy-connection",
            "private-token",
            "sudo",
            "max-forwards",
            "client-ip",
            "true-client-ip",
            "cf-connecting-ip",
            "http2-settings",
            "traceparent",
            "content-encoding",
            "content-md5",
            "content-range",
            "x-forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-prefix",
            "x-forwarded-user",
            "x-forwarded-method",
            "x-forwarded-uri",
            "x-forward-for",
            "x-original-url",
            "x-original-uri",
            "x-original-method",
            "x-original-host",
            "x-originating-ip",
            "x-rewrite-url",
            "x-http-method",
            "x-http-method-override",
            "x-http-path-override",
            "x-http-destinationurl",
            "x-http-host-override",
            "x-method-override",
            "x-host",
            "x-real-ip",
            "x-client-ip",
            "x-client-cert",
            "x-remote-ip",
            "x-remote-addr",
            "x-remote-user",
            "x-cluster-client-ip",
            "x-proxy-user-ip",
            "x-proxyuser-ip",
            "x-proxy-url",
            "x-accel-redirect",
            "x-accel-internal",
            "x-sendfile",
            "x-envoy-original-path",
            "x-envoy-internal",
            "x-backend-host",
            "x-amz-copy-source",
            "x-amzn-oidc-identity",
            "x-goog-authenticated-user-email",
            "x-azure-clientip",
            "x-arr-clientcert",
            "x-ms-client-principal",
            "x-webauth-user",
            "x-auth-request-user",
            "x-authenticated-user",
            "x-ssl-client-verify",
            "x-middleware-subrequest",
            "x-invoke-path",
            "x-matched-path",
            "x-path-info",
            "x-scheme",
            "x-url-scheme",
            "x-vercel-forwarded-for",
            "x-custom-ip-authorization",
            "x_forwarded_for",
            "x-forwarded_for",
            "x_copy",
            "x-a.b",
            "x",
        ] {
            assert!(is_refused(name), "{name}");
        }
    }

    #[test]
    fn what_libraries_set_by_themselves_is_left_out() {
        for name in LIBRARIES_OWN {
            assert!(!is_refused(name) && !PASSING.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_credential_goes_into_a_header_of_its_own() {
        let holds = |name: &str| may_hold_secret(&HeaderName::try_from(name).unwrap());
        for name in ["authorization", "private-token", "job-token", "deploy-token", "x-api-key", "x-auth-token"] {
            assert!(holds(name), "{name}");
        }
        for name in [
            "host",
            "accept",
            "cookie",
            "user-agent",
            "transfer-encoding",
            "x-forwarded-user",
            "x-original-url",
            "range",
        ] {
            assert!(!holds(name), "{name}");
        }
    }
}
