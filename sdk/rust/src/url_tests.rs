#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn join(base: &str, segments: &[&str]) -> String {
    Base::parse(base).unwrap().join(segments).into()
}

#[test]
fn a_prefix_stays_and_segments_follow() {
    let url = join("https://forge.example:8443/a/b/", &["repos", "o", "r"]);
    assert_eq!(url, "https://forge.example:8443/a/b/repos/o/r");
}

#[test]
fn a_slash_within_a_segment_does_not_part_it() {
    let url = join("https://forge.example", &["projects", "a/b c", "ü?#%"]);
    assert_eq!(url, "https://forge.example/projects/a%2Fb%20c/%C3%BC%3F%23%25");
}

#[test]
fn a_segment_of_dots_is_no_step_up() {
    let url = join("https://forge.example/a", &["..", ".", "...", "b"]);
    assert_eq!(url, "https://forge.example/a/%252E%252E/%252E/.../b");
}

#[test]
fn queries_are_encoded_and_follow_each_other() {
    let url = Base::parse("https://forge.example").unwrap().join(["x"]);
    let url = url.query("path", "a b/&c").query("n", "1");
    assert_eq!(String::from(url.clone()), "https://forge.example/x?path=a%20b%2F%26c&n=1");
    assert_eq!(String::from(url.raw_query("p=2")), "https://forge.example/x?p=2");
}

#[test]
fn a_scheme_s_own_port_is_left_out() {
    assert_eq!(Base::parse("HTTPS://Forge.Example:443/").unwrap().to_string(), "https://forge.example");
    assert_eq!(Base::parse("http://h:80").unwrap().port, None);
    assert_eq!(Base::parse("http://h:443").unwrap().port, Some(443));
    assert_eq!(Base::parse("http://[::1]:8080/x").unwrap().to_string(), "http://[::1]:8080/x");
    assert_eq!(Base::parse("http://[::1]").unwrap().host, "[::1]");
}

#[test]
fn what_is_no_base_is_refused() {
    let bad = [
        "",
        "forge.example",
        "ftp://forge.example",
        "https://",
        "https:///x",
        "https://u:p@h",
        "https://h?q",
        "https://h/a?q",
        "https://h/#f",
        "https://h:x",
        "https://h:99999",
        "https://h/a b",
        "https://h\\x",
        "https://:443",
    ];
    for text in bad {
        assert!(Base::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn another_host_takes_the_scheme_and_leaves_the_prefix() {
    let base = Base::parse("https://forge.example/api").unwrap();
    assert_eq!(base.with_host("git.example:2222").unwrap().to_string(), "https://git.example:2222");
    assert!(base.with_host("git.example/x").is_err());
    assert!(base.with_host("https://git.example").is_err());
}

proptest! {
    #[test]
    fn what_is_read_is_written_the_same(host in "[a-z]{1,9}", port in proptest::option::of(1u16..), prefix in "([a-z0-9%]{1,4}(/[a-z]{1,4}){0,2})?") {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let base = Base::parse(&format!("https://{host}{port}/{prefix}")).unwrap();
        prop_assert_eq!(Base::parse(&base.to_string()), Ok(base));
    }

    #[test]
    fn no_segment_adds_a_segment_or_a_query(segment in any::<String>()) {
        let url = join("https://h", &["a", &segment, "b"]);
        prop_assert_eq!(url.matches('/').count(), 5);
        prop_assert!(!url.contains(['?', '#', '\\', ' ']));
    }

    #[test]
    fn nothing_makes_it_panic(text in any::<String>()) {
        let _ = Base::parse(&text);
    }
}
