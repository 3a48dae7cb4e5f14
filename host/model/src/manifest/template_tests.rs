//! Templates, filled in by options that somebody hostile may have chosen.

use super::*;
use crate::OptionValue;
use crate::manifest::description::tests::forge;
use proptest::prelude::*;
use zeroize::Zeroizing;

fn options(given: &[(&str, &str)]) -> Options {
    let given = given.iter().chain(&[("owner", "acme")]);
    let typed = |value: &str| OptionValue::Typed(Zeroizing::new(value.to_owned()));
    Options::check(&forge().options, given.map(|(name, value)| (name.to_string(), typed(value)))).unwrap()
}

fn origin(template: &str, given: &[(&str, &str)]) -> Result<String, TemplateError> {
    Template::parse(template).unwrap().expand_origin(&options(given)).map(|origin| origin.to_string())
}

#[test]
fn an_option_stands_for_the_origin_of_its_url() {
    let given = [("web_url", "https://w.example:8443/path?query")];
    assert_eq!(origin("{web_url}", &given).unwrap(), "https://w.example:8443");
    assert_eq!(origin("https://files.{api_url.host}", &[]).unwrap(), "https://files.api.forge.example");
    assert_eq!(origin("https://files.{api_url.parent}", &[]).unwrap(), "https://files.forge.example");
    assert_eq!(origin("https://{username.host}", &[("username", "h.example")]).unwrap(), "https://h.example");
}

#[test]
fn an_address_has_no_names_above_or_below_it() {
    let given = [("web_url", "http://127.0.0.1:1")];
    for template in ["https://files.{web_url.host}", "https://{web_url.parent}"] {
        assert_eq!(origin(template, &given), Err(TemplateError::NoParent("web_url".into())), "{template}");
    }
    assert_eq!(origin("http://{web_url.host}:2", &given).unwrap(), "http://127.0.0.1:2");
    assert_eq!(origin("https://{username.host}", &[("username", "h.example:8443")]).unwrap(), "https://h.example");
    assert_eq!(origin("https://{username.host}", &[("username", "[::1]:1")]).unwrap(), "https://[::1]");
}

#[test]
fn a_value_cannot_turn_one_origin_into_another() {
    for smuggler in ["evil.example/", "evil.example:1/x", "me@evil.example", "evil.example?", "evil.example#"] {
        assert!(origin("https://{username}.forge.example", &[("username", smuggler)]).is_err(), "{smuggler}");
    }
}

#[test]
fn a_secret_never_becomes_part_of_an_address() {
    let error = origin("https://{token}.evil.example", &[("token", "hunter2")]).unwrap_err();
    assert_eq!(error, TemplateError::Secret("token".into()));
}

#[test]
fn braces_have_to_match_and_hold_a_name() {
    for wrong in ["{", "}", "{a", "a}", "{}", "{A}", "{a.b}", "{{a}}", "{a}}", "{.host}"] {
        assert!(Template::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_path_takes_a_value_as_one_segment() {
    let options = options(&[("username", "a/b")]);
    let expand = |text: &str| Template::parse(text).unwrap().expand_path(&options).map(|path| path.to_string());
    assert_eq!(expand("/api/{username}").unwrap(), "/api/a%2Fb");
    assert!(Template::parse("/api/{username}").unwrap().expand_path(&options).unwrap().covers("/api/a%2fb/tree"));
    assert!(matches!(expand("api"), Err(TemplateError::NotPath(_))));
    let sly = super::tests::options(&[("username", "..")]);
    assert!(matches!(Template::parse("/a/{username}/b").unwrap().expand_path(&sly), Err(TemplateError::NotPath(_))));
}

#[test]
fn a_path_takes_the_path_of_a_url_and_a_value_that_is_a_path_segment_by_segment() {
    let expand = |url: &str, name: &str| {
        let options = options(&[("web_url", url), ("username", name)]);
        Template::parse("{web_url.path}{username.path}/x.git").unwrap().expand_path(&options)
    };
    for (url, name, path) in [
        ("https://h.example", "acme", "/acme/x.git"),
        ("https://h.example/", "/acme/tools/", "/acme/tools/x.git"),
        ("https://h.example/git/", "acme", "/git/acme/x.git"),
        ("https://h.example/a/b?c=d", "acme", "/a/b/acme/x.git"),
        ("https://h.example/%67it%2Fb", "acme", "/git%2Fb/acme/x.git"),
    ] {
        assert_eq!(expand(url, name).unwrap().to_string(), path);
    }
    for (url, name) in
        [("https://h.example", "a/../b"), ("https://h.example", "a//b"), ("https://h.example//a//b", "c")]
    {
        assert!(matches!(expand(url, name), Err(TemplateError::NotPath(_))), "{url} {name}");
    }
    assert!(matches!(expand("https://me:pw@h.example/a", "b"), Err(TemplateError::Origin { .. })));
    let options = options(&[("username", "evil.example")]);
    for template in ["https://{username.path}", "https://h.{username.path}"] {
        assert!(Template::parse(template).unwrap().expand_origin(&options).is_err(), "{template}");
        assert!(Template::parse(template).unwrap().expand_host(&options).is_err(), "{template}");
    }
}

#[test]
fn a_wildcard_stands_before_a_domain_that_has_an_owner() {
    let options = options(&[("web_url", "git.example.com"), ("username", "com")]);
    let expand = |text: &str| Template::parse(text).unwrap().expand_pattern(&options).map(|found| found.to_string());
    assert_eq!(expand("https://*.{web_url}").unwrap(), "https://*.git.example.com");
    assert_eq!(expand("https://*.files.example.com").unwrap(), "https://*.files.example.com");
    assert_eq!(expand("https://{web_url.host}").unwrap(), "https://git.example.com");
    for bad in ["https://*.{username}", "https://a.*.{web_url}", "https://*.com", "https://*"] {
        assert!(expand(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_template_and_no_value_make_it_panic(text in "[{}a-z._:/ ]{0,20}", value in "\\PC{1,20}") {
        let options = options(&[("username", &value)]);
        if let Ok(template) = Template::parse(&text) {
            let _ = template.expand_origin(&options);
        }
        let _ = Template::parse("https://x.{username}").unwrap().expand_origin(&options);
    }
}
