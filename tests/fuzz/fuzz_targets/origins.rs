//! Origins, patterns of them, and beginnings of paths: one reading each, and the same as the URL's.
#![no_main]

use forgeport_model::{Grant, Grants, Origin, OriginPattern, PathPrefix, Policy};
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|text: &str| {
    if let Ok(origin) = Origin::parse(text) {
        assert_eq!(Origin::parse(&origin.to_string()).as_ref(), Ok(&origin));
        let url = Url::parse(text).expect("an origin is a URL");
        assert_eq!(Origin::of(&url).as_ref(), Ok(&origin));
    }
    if let Ok(pattern) = OriginPattern::parse(text) {
        assert_eq!(OriginPattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern));
        assert!(pattern.base().host().len() <= 300);
    }
    if let Ok(prefix) = PathPrefix::parse(text) {
        assert!(prefix.covers(text.trim_end_matches('/')) || text.trim_end_matches('/').is_empty());
    }
    // Whatever a wildcard lets out ends in its domain.
    let pattern = OriginPattern::parse("https://*.example.com").expect("a pattern");
    let grants: Grants = [Grant { paths: vec![PathPrefix::parse("/a").expect("a path")], ..Grant::reading(pattern) }]
        .into_iter()
        .collect();
    if let Ok(url) = Url::parse(text) {
        if grants.allows("GET", &url).is_ok() {
            assert!(url.host_str().is_some_and(|host| host.ends_with(".example.com")));
            assert!(url.username().is_empty() && url.path().starts_with("/a") || url.path().contains('%'));
        }
    }
    let _ = Policy::parse(text);
});
