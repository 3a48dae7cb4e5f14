//! What a forge's answer says to a person: its own words, and whether it is a web page where data was due.
//!
//! Forges put the reason of a refusal into a dozen places. The host reads it where a forge asks to wait, a provider everywhere else, and
//! both with this, so that no answer has words for one of them alone. Nothing here is masked or escaped: that is the host's.

use serde_json::Value;

/// Characters of a forge's own words that are told.
const MOST: usize = 200;

/// Bytes of a page in which its title is looked for.
const HEAD: usize = 8 << 10;

/// Where GitHub, GitLab, Gitea, Bitbucket, Bitbucket Data Center, OAuth (RFC 6749) and problem details (RFC 9457) put their words.
const PLACES: [&str; 11] = [
    "/message",
    "/message/error",
    "/message/base/0",
    "/error/message",
    "/error_description",
    "/error",
    "/errors/0/message",
    "/errors/0",
    "/detail",
    "/title",
    "/msg",
];

/// The forge's own words, on one line and not many, where it has some.
#[must_use]
pub fn words(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        let said = PLACES.iter().find_map(|place| json.pointer(place)?.as_str().filter(|text| !text.trim().is_empty()));
        let detail = json.pointer("/error/detail").and_then(Value::as_str);
        return said.map(|said| short(&[Some(said), detail].into_iter().flatten().collect::<Vec<_>>().join(" ")));
    }
    let plain = content_type.is_none_or(|kind| has_type(kind, "text/plain"));
    let text =
        std::str::from_utf8(body).ok().filter(|text| plain && !text.trim_start().starts_with(['<', '{', '[']))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(short(line))
}

/// A web page, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it is called.
    pub title: Option<String>,
    /// Does it ask for a sign-in?
    pub sign_in: bool,
}

/// The page that an answer is, whatever type it says it has: HTML comes as JSON too.
#[must_use]
pub fn page(content_type: Option<&str>, body: &[u8]) -> Option<Page> {
    let text = String::from_utf8_lossy(&body[..body.len().min(HEAD)]).to_string();
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    let is_html =
        content_type.is_some_and(|kind| has_type(kind, "text/html") || has_type(kind, "application/xhtml+xml"));
    let tag =
        begins.strip_prefix('<').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!'));
    if begins.is_empty() || !(tag || is_html && serde_json::from_slice::<Value>(body).is_err()) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let title = between(&text, &lower, "title").or_else(|| between(&text, &lower, "h1"));
    let sign_in = ["sign in", "sign-in", "sign_in", "signin", "log in", "login", "type=\"password\""];
    Some(Page { title, sign_in: sign_in.iter().any(|words| lower.contains(words)) })
}

/// Text of any length on one line of no more than a person reads.
#[must_use]
pub fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn has_type(content_type: &str, wanted: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// The text of the first element of this name. `lower` is `text` with its ASCII letters in lower case, so that places agree.
fn between(text: &str, lower: &str, name: &str) -> Option<String> {
    let start = lower.find(&format!("<{name}"))?;
    let start = lower[start..].find('>')? + start + 1;
    let end = lower[start..].find('<')? + start;
    let found = short(&text[start..end]);
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json; charset=utf-8");
    const HTML: Option<&str> = Some("text/html;charset=utf-8");
    const TEXT: Option<&str> = Some("text/plain");

    fn said(content_type: Option<&str>, body: &str) -> Option<String> {
        words(content_type, body.as_bytes())
    }

    #[test]
    fn words_are_found_where_forges_put_them() {
        for body in [
            r#"{"message":"W"}"#,
            r#"{"message":{"base":["x"]},"error":"W"}"#.replace("[\"x\"]", "[]").as_str(),
            r#"{"message":{"error":"W"}}"#,
            r#"{"message":{"base":["W"]}}"#,
            r#"{"type":"error","error":{"message":"W"}}"#,
            r#"{"type":"error","error":{"message":"W","detail":{"required":["a"]}}}"#,
            r#"{"error":"insufficient_scope","error_description":"W"}"#,
            r#"{"errors":[{"context":null,"message":"W","exceptionName":"x"}]}"#,
            r#"{"errors":["W"]}"#,
            r#"{"type":"about:blank","title":"Gone","detail":"W"}"#,
            r#"{"message":"","error":"W"}"#,
        ] {
            assert_eq!(said(JSON, body).as_deref(), Some("W"), "{body}");
        }
        let both = r#"{"error":{"message":"Resource not found","detail":"There is no API hosted at this URL."}}"#;
        assert_eq!(said(JSON, both).as_deref(), Some("Resource not found There is no API hosted at this URL."));
        assert_eq!(said(TEXT, "Retry later\n").as_deref(), Some("Retry later"));
        assert_eq!(said(None, "\n Forbidden ").as_deref(), Some("Forbidden"));
    }

    #[test]
    fn what_is_no_text_for_a_person_has_no_words() {
        for body in ["", "\n", "<html>", "[1]", "null", "{}", r#"{"message":7}"#, "{\"message\":\"cut"] {
            assert_eq!(said(TEXT, body), None, "{body}");
        }
        assert_eq!(said(HTML, "Forbidden"), None);
        assert_eq!(words(None, &[0xff, 0xfe, b'x']), None);
    }

    #[test]
    fn words_are_one_line_and_not_many() {
        let body = format!(r#"{{"message":"a\n\tb {}"}}"#, "ä".repeat(5000));
        let told = said(JSON, &body).unwrap_or_default();
        assert!(told.starts_with("a b ä") && told.ends_with("...") && told.chars().count() == MOST + 3, "{told}");
    }

    #[test]
    fn a_page_is_one_whatever_type_it_says_it_has() {
        let titled = |kind, body: &str| page(kind, body.as_bytes()).map(|page| page.title.unwrap_or_default());
        let html = "<!DOCTYPE html>\n<html><head><TITLE lang=en>Sign in\n · GitLab</TITLE></head></html>";
        for kind in [HTML, JSON, TEXT, None] {
            assert_eq!(titled(kind, html).as_deref(), Some("Sign in · GitLab"), "{kind:?}");
            assert_eq!(titled(kind, "\u{feff} <html><h1>Not Found</h1>").as_deref(), Some("Not Found"));
            assert_eq!(titled(kind, "<form>Log in</form>").as_deref(), Some(""));
        }
        assert_eq!(titled(HTML, "Forbidden").as_deref(), Some(""));
        for body in ["", " ", "{}", r#"{"message":"<html>"}"#, "[1]"] {
            assert_eq!(titled(HTML, body), None, "{body}");
        }
        for body in ["Retry later", "< 3", "<?xml version='1.0'?>"] {
            assert_eq!(titled(TEXT, body), None, "{body}");
        }
    }

    #[test]
    fn a_page_that_asks_for_a_sign_in_is_told_from_others() {
        let asks = |body: &str| page(HTML, body.as_bytes()).is_some_and(|page| page.sign_in);
        for body in [
            "<title>Sign in · GitLab</title>",
            "<html><input type=\"password\">",
            "<meta http-equiv=refresh content=\"0;url=/users/sign_in\">",
            "<a href=/user/login>x</a>",
        ] {
            assert!(asks(body), "{body}");
        }
        assert!(!asks("<title>Just a moment...</title>"));
    }

    #[test]
    fn titles_that_are_cut_or_in_the_middle_of_a_character_are_no_titles() {
        for body in ["<title", "<title>", "<title>x", "<title></title>", "<h1>", "<\u{130}title>\u{130}"] {
            assert_eq!(page(HTML, body.as_bytes()).and_then(|page| page.title), None, "{body}");
        }
    }
}
