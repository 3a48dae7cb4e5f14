#![allow(clippy::unwrap_used)]

use serde::Deserialize;

use super::*;
use crate::testing::{answer, response};

#[derive(Debug, PartialEq, Deserialize)]
struct Named {
    name: String,
}

#[test]
fn json_with_status_200_is_read() {
    answer("https://h/x", 200, r#"{"name":"n","more":[1,{"a":null}]}"#);
    let found: Named = json(&Request::get("https://h/x"), "x").unwrap();
    assert_eq!(found.name, "n");
}

#[test]
fn each_status_has_its_meaning_and_the_forge_s_own_words() {
    let body = r#"{"message":"Bad\n  thing"}"#;
    let error = |status, headers: &[(&str, &str)]| response(status, headers, body).error("it");
    let words = |error: &Error| format!("{error:?}").contains("Bad thing");
    type Case = (u16, &'static [(&'static str, &'static str)], fn(&Error) -> bool);
    let cases: [Case; 9] = [
        (401, &[], |e| matches!(e, Error::Unauthorized(_))),
        (403, &[], |e| matches!(e, Error::Forbidden(_))),
        (403, &[("x-ratelimit-remaining", "12")], |e| matches!(e, Error::Forbidden(_))),
        (403, &[("X-RateLimit-Remaining", "0")], |e| matches!(e, Error::RateLimited((_, None)))),
        (403, &[("Retry-After", "7")], |e| matches!(e, Error::RateLimited((_, Some(7))))),
        (404, &[], |e| matches!(e, Error::NotFound(_))),
        (429, &[("retry-after", "soon")], |e| matches!(e, Error::RateLimited((_, None)))),
        (503, &[], |e| matches!(e, Error::Unavailable(_))),
        (418, &[], |e| matches!(e, Error::Other(_))),
    ];
    for (status, headers, right) in cases {
        let error = error(status, headers);
        assert!(right(&error) && words(&error), "{status} gave {error:?}");
    }
}

#[test]
fn words_are_found_where_forges_put_them() {
    let bodies = [
        r#"{"message":"W"}"#,
        r#"{"message":{"base":["x"]},"error":"W"}"#,
        r#"{"type":"error","error":{"message":"W"}}"#,
        r#"{"error":"insufficient_scope","error_description":"W"}"#,
    ];
    for body in bodies {
        assert_eq!(response(400, &[], body).words(), "400: W", "{body}");
    }
    for body in ["", "<html>", "[1]", "null", "{}"] {
        assert_eq!(response(400, &[], body).words(), "400", "{body}");
    }
}

#[test]
fn long_words_are_cut() {
    let body = format!(r#"{{"message":"{}"}}"#, "ä".repeat(5000));
    assert_eq!(response(400, &[], &body).words().chars().count(), 5 + MESSAGE_LIMIT);
}

#[test]
fn an_answer_that_is_no_such_json_means_the_forge_is_not_there() {
    for body in ["", "<html>", "{}", r#"{"name":1}"#, r#"{"name":"n""#, "\u{feff}{}"] {
        let page = response(200, &[("content-type", "text/html")], body);
        let Err(Error::Unavailable(text)) = page.json::<Named>("it") else {
            panic!("{body:?} was read");
        };
        assert!(text.contains("text/html"), "{text}");
    }
}

#[test]
fn the_next_page_is_found_among_links() {
    let link = r#"<https://h/a?page=1>; rel="first", <https://h/a?page=3>; rel="next""#;
    assert_eq!(response(200, &[("Link", link)], "").next_page(), Some("https://h/a?page=3"));
    for link in ["", "<https://h/a>; rel=\"last\"", "next", "<>", "<a;rel=next"] {
        assert_eq!(response(200, &[("link", link)], "").next_page(), None, "{link}");
    }
}

#[test]
fn what_the_host_refuses_is_passed_on_in_its_own_words() {
    let text = || String::from("no grant for https://h");
    assert_eq!(Error::from(Failure::Refused(text())), Error::Host(text()));
    assert_eq!(Error::from(Failure::Limit(text())), Error::Host(text()));
    assert_eq!(Error::from(Failure::Unreachable(text())), Error::Unavailable(text()));
    assert_eq!(Error::from(Failure::RateLimited((text(), Some(3)))), Error::RateLimited((text(), Some(3))));
}
