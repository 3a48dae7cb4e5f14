//! What an answer means that is not the wanted one, on most forges: the cause, the forge's own words, and the next step.
//!
//! First comes what an answer says beyond its status, whoever answered: a page that is not the forge's, a repository that was blocked, a
//! sign-on or a scope that is missing. Then the status decides. Rate limits are not told apart here: the host has waited, and says how
//! long it would take.

use forgeport_answer::{Page, page, short};
use serde_json::Value;

use crate::{Asked, Error, Response};

/// How an error is made of its text.
type Kind = fn(String) -> Error;

/// Why there is no such answer, and what to do.
struct Meaning {
    kind: Kind,
    cause: String,
    step: String,
}

type Judge = fn(&Response, &Asked) -> Option<Meaning>;

/// The first that knows the answer counts.
const JUDGES: [Judge; 5] = [not_the_forge, blocked, single_sign_on, missing_scope, address_not_allowed];

const PROXY: &str = "check the URL options and the proxy settings (HTTPS_PROXY, NO_PROXY)";
const LATER: &str = "try again later";
const NO_API: &str = "check the URL options: they lead to something that is not this forge's API";

impl Response {
    /// What this answer means on most forges. A provider whose forge means something else looks at the status first.
    #[must_use]
    pub fn error(&self, asked: &Asked) -> Error {
        let judged = JUDGES.iter().find_map(|judge| judge(self, asked));
        let Meaning { kind, cause, step } = judged.unwrap_or_else(|| by_status(self, asked));
        kind(format!("{} {cause} ({}); {step}", asked.what(), self.words()))
    }

    /// The status, and the forge's own words where it has some, or the title of the page that came.
    #[must_use]
    pub fn words(&self) -> String {
        let titled = |page: Page| page.title.map_or("a web page".to_owned(), |title| format!("a web page, {title:?}"));
        let kind = self.header("content-type");
        let said = page(kind, &self.body).map(titled).or_else(|| forgeport_answer::words(kind, &self.body));
        let status = self.status.to_string();
        match said {
            // Many forges begin with it themselves.
            Some(said) if said.starts_with(&status) => said,
            Some(said) => format!("{status}: {said}"),
            None => status,
        }
    }

    fn says(&self, header: &str, word: &str) -> bool {
        self.header(header).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    }

    fn body_as_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A proxy, a firewall or a sign-in answers with a page for people, where a forge has data. Its 404 says nothing of a repository.
fn not_the_forge(response: &Response, asked: &Asked) -> Option<Meaning> {
    let status = response.status;
    // That the forge is out of order is told by its proxy, with a page.
    if matches!(status, 429 | 451 | 500..=510 | 512..) {
        return None;
    }
    let page = page(response.header("content-type"), &response.body)?;
    let cloudflare = response.says("server", "cloudflare") || response.header("cf-ray").is_some();
    let firewall = if cloudflare { "a firewall (Cloudflare)" } else { "a proxy or a firewall" };
    let unavailable = |cause: String, step: &str| Some(Meaning { kind: Error::Unavailable, cause, step: step.into() });
    match status {
        511 => unavailable("cannot be reached before a sign-in to this network".into(), "sign in with a browser"),
        403 => unavailable(
            format!("cannot be reached: {firewall} answered, and not the forge's API, so the token is not the cause"),
            "have its operator let this machine through, or ask from another network",
        ),
        // Many a page that something is not found has a link to sign in.
        200..=399 | 401 if page.sign_in || status == 401 => Some(Meaning {
            kind: Error::Unauthorized,
            cause: "cannot be read: a sign-in page came in the place of the answer".into(),
            step: format!("{}; or, where the sign-in is a proxy's own, {PROXY}", asked.give()),
        }),
        _ => {
            let cause =
                "cannot be read: a web page came in the place of the answer, from a proxy or from a wrong address";
            let more = asked.page().map(|cause| format!("; {cause}")).unwrap_or_default();
            unavailable(cause.into(), &format!("{PROXY}{more}"))
        }
    }
}

/// The forge itself has closed the repository, for everyone.
fn blocked(response: &Response, _: &Asked) -> Option<Meaning> {
    let body = response.body_as_json();
    let block = &body["block"];
    let said = response.words().to_ascii_lowercase().contains("access blocked");
    let is_legal = response.status == 451;
    if !is_legal && !(response.status == 403 && (said || block.is_object())) {
        return None;
    }
    let text = |name: &str| block[name].as_str().map(short).filter(|text| !text.is_empty());
    let reason = text("reason").map(|reason| format!(", reason {reason:?}")).unwrap_or_default();
    let since = text("created_at").map(|time| format!(", since {time}")).unwrap_or_default();
    // RFC 7725 has a link for it.
    let link = response.header("link").filter(|link| link.contains("blocked-by")).map(short);
    let notice = text("html_url").or(link).map(|url| format!("read the notice, {url}, and ")).unwrap_or_default();
    let why = if is_legal { " for legal reasons" } else { "" };
    Some(Meaning {
        kind: Error::Forbidden,
        cause: format!("is blocked by the forge{why}{reason}{since}"),
        step: format!("no token helps: {notice}ask the repository's owner or the forge's support"),
    })
}

/// GitHub: the token is good, and has to be let into the organization once.
fn single_sign_on(response: &Response, _: &Asked) -> Option<Meaning> {
    let (_, url) = response.header("x-github-sso")?.split_once("url=")?;
    let url = url.split(';').next().unwrap_or_default().trim();
    let is_safe = url.starts_with("https://") && url.len() <= 1000 && url.bytes().all(|byte| byte.is_ascii_graphic());
    (response.status == 403 && is_safe).then(|| Meaning {
        kind: Error::Forbidden,
        cause: "is in an organization that the token is not authorized for by single sign-on".into(),
        step: format!("open {url} in a browser within the hour, authorize the token, and try again"),
    })
}

/// The token is good, and lacks a right that the answer names.
fn missing_scope(response: &Response, asked: &Asked) -> Option<Meaning> {
    if !matches!(response.status, 400..=403) || asked.has_token() == Some(false) {
        return None;
    }
    let body = response.body_as_json();
    let list = |value: &Value| {
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        Some(names.collect::<Vec<_>>().join(" ")).filter(|names| !names.is_empty())
    };
    let detail = &body["error"]["detail"];
    // RFC 6750 has it in a header; GitHub tells what would do, whether it is the cause or not.
    let challenge = || response.header("www-authenticate")?.split_once("scope=\"")?.1.split('"').next();
    let own = |name: &str| response.header(name).filter(|names| !names.trim().is_empty() && response.status == 403);
    let required = list(&detail["required"])
        .or_else(|| body["scope"].as_str().map(String::from))
        .or_else(|| challenge().map(String::from))
        .or_else(|| own("x-accepted-github-permissions").map(String::from))
        .or_else(|| own("x-accepted-oauth-scopes").map(String::from))?;
    let granted = list(&detail["granted"]).or_else(|| own("x-oauth-scopes").map(String::from));
    let granted = granted.map(|names| format!(", and has {}", short(&names))).unwrap_or_default();
    Some(Meaning {
        kind: Error::Forbidden,
        cause: format!("wants a right that the token lacks: one of {}{granted}", short(&required)),
        step: asked.give(),
    })
}

/// An organization takes requests from some networks alone.
fn address_not_allowed(response: &Response, _: &Asked) -> Option<Meaning> {
    let words = response.words().to_ascii_lowercase();
    let said = ["ip allow list", "ip address is not permitted", "ip address not allowed", "whitelist"];
    (matches!(response.status, 401 | 403) && said.iter().any(|said| words.contains(said))).then(|| Meaning {
        kind: Error::Forbidden,
        cause: "is not given to this machine's address".into(),
        step: "have its owner add the address to the list of allowed ones, or ask from another network".into(),
    })
}

fn by_status(response: &Response, asked: &Asked) -> Meaning {
    let meaning = |kind: Kind, cause: &str, step: &str| Meaning { kind, cause: cause.into(), step: step.into() };
    let given = asked.has_token();
    match response.status {
        200 => meaning(Error::Unavailable, &other_answer(response), NO_API),
        202 => meaning(Error::Unavailable, "is still being prepared by the forge", LATER),
        203 => meaning(Error::Unavailable, "was altered by a proxy on the way", PROXY),
        201 | 204..=299 => meaning(Error::Unavailable, "was answered with no content that could be read", NO_API),
        300..=399 => meaning(Error::Unavailable, "is elsewhere, and the answer does not say where", NO_API),
        401 | 498 => unauthorized(asked),
        402 => meaning(Error::Forbidden, "wants to be paid for", "ask its owner or the forge's operator"),
        403 if given == Some(false) => meaning(Error::Forbidden, "is not given to whoever has no token", &asked.give()),
        403 if given == Some(true) => {
            meaning(Error::Forbidden, "is not given to this token", &format!("ask its owner, or {}", asked.give()))
        }
        403 => meaning(Error::Forbidden, "is not given to whoever asks", &asked.give()),
        404 | 410 => not_found(asked),
        405 | 501 => meaning(Error::Unavailable, "cannot be asked for in this way", NO_API),
        407 => meaning(
            Error::Unavailable,
            "cannot be reached: the proxy wants a user name and a password",
            "set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
        ),
        408 | 425 => meaning(Error::Unavailable, "was not answered in time", LATER),
        411 | 413 | 414 | 431 => meaning(
            Error::Unavailable,
            "was not answered: the request is larger than the forge or a proxy takes",
            "use a shorter name, or have its operator allow more",
        ),
        421 => meaning(Error::Unavailable, "was asked for at a server that is not meant for it", PROXY),
        423 => meaning(Error::Forbidden, "is locked", "ask its owner or the forge's operator"),
        426 | 497 => meaning(Error::Unavailable, "wants another protocol", "use https in the URL options"),
        429 => meaning(|text| Error::RateLimited((text, None)), "is asked for too often", LATER),
        495 | 496 | 525 | 526 => meaning(
            Error::Unavailable,
            "cannot be reached: the certificates between the forge and what stands before it do not fit",
            "tell the forge's operator",
        ),
        511 => {
            meaning(Error::Unavailable, "cannot be reached before a sign-in to this network", "sign in with a browser")
        }
        520..=524 | 527 | 530 => {
            meaning(Error::Unavailable, "cannot be reached: Cloudflare is there, and the forge behind it is not", LATER)
        }
        500.. => meaning(Error::Unavailable, "cannot be read: the forge has a problem", LATER),
        _ => meaning(
            Error::Other,
            "was not answered",
            "check the options and their spelling, or ask the forge's operator",
        ),
    }
}

fn unauthorized(asked: &Asked) -> Meaning {
    let cause = match asked.has_token() {
        Some(true) => "cannot be read: the forge refuses the token, which is wrong, expired or revoked",
        Some(false) => "is not given to whoever has no token",
        None => "is not given without a credential",
    };
    Meaning { kind: Error::Unauthorized, cause: cause.into(), step: asked.give() }
}

fn not_found(asked: &Asked) -> Meaning {
    let (cause, step) = match (asked.is_part(), asked.has_token()) {
        (true, _) => ("does not exist", "look for its right name".into()),
        (false, Some(true)) => {
            ("does not exist, or the token may not see it", format!("check the name, or {}", asked.give()))
        }
        (false, Some(false)) => {
            ("does not exist, or is private", format!("check the name; for a private one {}", asked.give()))
        }
        (false, None) => ("does not exist, or is private", "check the name".into()),
    };
    Meaning { kind: Error::NotFound, cause: cause.into(), step }
}

fn other_answer(response: &Response) -> String {
    let kind = short(response.header("content-type").unwrap_or("no content type"));
    let begins: String =
        String::from_utf8_lossy(&response.body[..response.body.len().min(80)]).chars().take(40).collect();
    format!("was answered with something else, {kind} that begins with {begins:?}")
}

#[cfg(test)]
#[path = "meaning_tests.rs"]
mod tests;
