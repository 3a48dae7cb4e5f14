use crate::testing::response;
use crate::{Asked, Error, Settings};

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const HTML: (&str, &str) = ("content-type", "text/html");

fn asked(token: Option<bool>) -> Asked {
    let given = |given| if given { vec![("token", "placeholder")] } else { vec![] };
    let settings = Settings::new([("owner", "ada")], given(token == Some(true)));
    let asked = Asked::new("repository ada/demo");
    if token.is_some() { asked.with(&settings, "token", "one with the scope read:repository") } else { asked }
}

fn text(error: &Error) -> &str {
    match error {
        Error::RateLimited((text, _)) | Error::InvalidOption((_, text)) => text,
        Error::Unauthorized(text)
        | Error::Forbidden(text)
        | Error::NotFound(text)
        | Error::Unsupported(text)
        | Error::Unavailable(text)
        | Error::Host(text)
        | Error::Other(text) => text,
    }
}

#[test]
fn every_status_with_any_body_tells_what_was_asked_the_status_and_a_next_step_on_one_line() {
    let long = format!(r#"{{"message":"{}"}}"#, "x\\n".repeat(500));
    let bodies = ["", r#"{"message":"Words"}"#, "<html><title>T</title>", long.as_str(), "[\u{1}"];
    for status in (100..600).chain([999]) {
        for body in bodies {
            for token in [None, Some(true), Some(false)] {
                let kind = if status % 2 == 0 { JSON } else { HTML };
                let asked = if status % 3 == 0 { asked(token).part("the commit main") } else { asked(token) };
                let error = response(status, &[kind], body).error(&asked);
                let said = text(&error);
                assert!(said.starts_with(asked.what()) && said.contains(&format!("({status}")), "{said}");
                let (_, step) = said.rsplit_once("); ").unwrap_or_default();
                assert!(step.len() > 10 && !said.contains('\n') && said.len() < 900, "{said}");
            }
        }
    }
}

#[test]
fn a_token_is_asked_for_where_there_was_none_and_blamed_only_where_there_was_one() {
    for status in [401, 403, 404, 410, 498] {
        let error = |token| response(status, &[JSON], r#"{"message":"Words"}"#).error(&asked(token));
        let (without, with) = (error(Some(false)), error(Some(true)));
        let (without, with) = (text(&without), text(&with));
        assert!(without.contains("give a token with --token=@FILE: one with the scope read:repository"), "{without}");
        assert!(!without.contains("another token") && !without.contains("the token"), "{without}");
        assert!(with.contains("give another token with --token=@FILE") && with.contains(" token"), "{with}");
    }
}

#[test]
fn a_part_that_is_missing_is_not_blamed_on_the_token() {
    for token in [None, Some(true), Some(false)] {
        let error = response(404, &[JSON], "{}").error(&asked(token).part("the commit x"));
        let expected = "the commit x of repository ada/demo does not exist (404); look for its right name";
        assert_eq!(error, Error::NotFound(expected.into()));
    }
}

/// What a page means, which is never that something does not exist.
#[test]
fn a_page_in_the_place_of_an_answer_is_a_proxy_a_firewall_or_a_sign_in() {
    let page = |title: &str| format!("<!DOCTYPE html><html><head><title>{title}</title></head></html>");
    let sign_in = page("Sign in · GitLab");
    let apache = page("404 Not Found");
    let moment = page("Just a moment...");
    type Case<'a> = (u16, &'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case; 10] = [
        (200, &sign_in, &[HTML], &["a sign-in page came", "Sign in · GitLab", "--token=@FILE", "NO_PROXY"]),
        (200, &sign_in, &[JSON], &["a sign-in page came"]),
        (401, &page("401 Authorization Required"), &[HTML], &["a sign-in page came", "NO_PROXY"]),
        (200, &page("Welcome"), &[HTML], &["a web page came", "Welcome", "HTTPS_PROXY"]),
        (203, &page("Blocked"), &[HTML], &["a web page came", "HTTPS_PROXY"]),
        (404, &apache, &[HTML], &["a web page came", "404 Not Found", "URL options"]),
        (404, &page("Page not found, sign in?"), &[HTML], &["a web page came"]),
        (403, &moment, &[HTML, ("server", "cloudflare")], &["Cloudflare", "not the cause", "Just a moment..."]),
        (403, &page("Access Denied"), &[HTML, ("server", "AkamaiGHost")], &["a proxy or a firewall", "not the cause"]),
        (511, &page("Hotel"), &[HTML], &["sign-in to this network", "browser"]),
    ];
    for (status, body, headers, needles) in cases {
        let error = response(status, headers, body).error(&asked(Some(true)));
        assert!(!matches!(error, Error::NotFound(_) | Error::Forbidden(_)), "{error:?}");
        for needle in needles {
            assert!(text(&error).contains(needle), "{needle}: {error:?}");
        }
        assert!(!text(&error).contains("<html>"), "{error:?}");
    }
}

#[test]
fn a_forge_that_is_out_of_order_is_so_with_a_page_too() {
    for status in [500, 502, 503, 504, 520, 522, 530] {
        let error = response(status, &[HTML], "<html><title>Unicorn!</title>").error(&asked(Some(true)));
        assert!(matches!(&error, Error::Unavailable(text) if text.ends_with("try again later")), "{error:?}");
    }
}

#[test]
fn a_link_to_sign_on_is_told_only_where_it_is_one() {
    let error = |url: &str| {
        let header = format!("required; url={url}");
        response(403, &[JSON, ("X-GitHub-SSO", &header)], r#"{"message":"SAML"}"#).error(&asked(Some(true)))
    };
    let good = error("https://github.com/orgs/acme/sso?authorization_request=AZ");
    assert!(
        text(&good).contains("open https://github.com/orgs/acme/sso?authorization_request=AZ in a browser"),
        "{good:?}"
    );
    for bad in ["javascript:alert(1)", "http://h/x", "", "https://h/a b", "https://h/\u{202e}x"] {
        assert!(!text(&error(bad)).contains("in a browser"), "{bad}");
    }
    let partial = response(403, &[("x-github-sso", "partial-results; organizations=1,2")], "{}").error(&asked(None));
    assert!(!text(&partial).contains("single sign-on"), "{partial:?}");
}
