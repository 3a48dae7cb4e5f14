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
    let found: Named = json(&Request::get("https://h/x"), &Asked::new("x")).unwrap();
    assert_eq!(found.name, "n");
}

#[test]
fn an_answer_that_is_no_such_json_means_the_forge_is_not_there() {
    for body in ["", "{}", r#"{"name":1}"#, r#"{"name":"n""#, "\u{feff}{}"] {
        let odd = response(200, &[("content-type", "text/x-odd")], body);
        let Err(Error::Unavailable(text)) = odd.json::<Named>(&Asked::new("it")) else {
            panic!("{body:?} was read");
        };
        assert!(text.contains("text/x-odd") && text.starts_with("it: "), "{text}");
    }
}

#[test]
fn a_page_is_never_read_as_data_whatever_type_it_says_it_has() {
    for kind in ["text/html", "application/json"] {
        let page = response(200, &[("content-type", kind)], "<html><title>Welcome</title></html>");
        let Err(Error::Unavailable(text)) = page.json::<Named>(&Asked::new("it")) else {
            panic!("a page was read as data");
        };
        assert!(text.contains("a web page, \"Welcome\"") && text.contains("HTTPS_PROXY"), "{text}");
    }
}

#[test]
fn a_rate_limit_for_whoever_has_no_token_says_that_one_helps() {
    let limited = || Error::RateLimited(("https://h limits the rate of requests".into(), Some(50)));
    let asked = |secrets: &[(&str, &str)]| {
        let settings = crate::Settings::new([("owner", "ada")], secrets.iter().copied());
        Asked::new("it").with(&settings, "token", "any").limited(limited())
    };
    let Error::RateLimited((text, Some(50))) = asked(&[]) else { panic!("the wait was lost") };
    assert!(text.ends_with("--token=@FILE"), "{text}");
    assert_eq!(asked(&[("token", "p")]), limited());
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
