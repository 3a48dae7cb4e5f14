//! Grants: which origins may be reached, with which methods, below which paths. Each of the three layers is a list of them.

use serde::{Deserialize, Serialize};
use url::Url;

use super::denial::DenialReason;
use crate::{Origin, OriginError, OriginPattern, PathPrefix, names::text::quote_untrusted};

/// The methods that only read; a grant permits them where it names none.
const READING: [&str; 2] = ["GET", "HEAD"];

/// One origin, or all subdomains of a domain, and what may be done there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// The origins that may be reached.
    pub origin: OriginPattern,
    /// HTTP methods, compared with their case (RFC 9110, section 9.1); an empty list means `GET` and `HEAD`.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The path prefixes; an empty list means every path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathPrefix>,
    /// True if the origin may be on this machine or in a private network. Otherwise its address has to be a public one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

impl Grant {
    /// The grant to read from an origin whose address is public.
    #[must_use]
    pub fn reading(origin: impl Into<OriginPattern>) -> Self {
        Self { origin: origin.into(), methods: Vec::new(), paths: Vec::new(), private: false }
    }

    /// The methods that may be used, also where the grant names none.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        let silent = if self.methods.is_empty() { &READING[..] } else { &[] };
        self.methods.iter().map(String::as_str).chain(silent.iter().copied())
    }

    fn add(&mut self, other: &Grant) {
        let mut all: Vec<String> = self.methods().chain(other.methods()).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        self.methods = if all == READING { Vec::new() } else { all };
        self.private |= other.private;
    }

    fn covers_path(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|prefix| prefix.covers(path))
    }
}

/// A list of grants: a request is permitted if one of them permits it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Grant>", into = "Vec<Grant>")]
pub struct Grants(Vec<Grant>);

impl Grants {
    /// Finds the grant that permits a request; of several, one that also allows private addresses.
    ///
    /// # Errors
    /// Why none does: the origin, or else the method, or else the path.
    pub fn allows(&self, method: &str, url: &Url) -> Result<&Grant, DenialReason> {
        let requested = Origin::of(url).map_err(|error| match error {
            OriginError::UserInfo => DenialReason::UserInfo { host: url.host_str().unwrap_or_default().to_owned() },
            error => DenialReason::Url(error),
        })?;
        let here: Vec<&Grant> = self.0.iter().filter(|grant| grant.origin.covers(&requested)).collect();
        if here.is_empty() {
            return Err(DenialReason::Origin { requested, reachable: reachable(self.patterns()) });
        }
        let by_method: Vec<&&Grant> =
            here.iter().filter(|grant| grant.methods().any(|granted| granted == method)).collect();
        if by_method.is_empty() {
            let granted = listed(here.iter().flat_map(|grant| grant.methods()));
            return Err(DenialReason::Method { method: quote_untrusted(method), origin: requested, granted });
        }
        let fitting = by_method.iter().filter(|grant| grant.covers_path(url.path()));
        fitting.max_by_key(|grant| grant.private).map(|grant| **grant).ok_or_else(|| {
            let granted = listed(by_method.iter().flat_map(|grant| &grant.paths));
            DenialReason::Path { origin: requested, granted }
        })
    }

    /// The origins that may be reached, in the order in which they were given.
    pub fn patterns(&self) -> impl Iterator<Item = &OriginPattern> {
        self.0.iter().map(|grant| &grant.origin)
    }

    /// True if the origin may be reached, with some method and path.
    #[must_use]
    pub fn reach(&self, origin: &Origin) -> bool {
        self.patterns().any(|pattern| pattern.covers(origin))
    }

    /// The grants, one for each origin and set of paths.
    pub fn iter(&self) -> std::slice::Iter<'_, Grant> {
        self.0.iter()
    }

    /// True if there is no grant.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn reachable<'a>(patterns: impl Iterator<Item = &'a OriginPattern>) -> String {
    let patterns = listed(patterns);
    if patterns.is_empty() { "no origin".to_owned() } else { format!("only {patterns}") }
}

fn listed(items: impl Iterator<Item = impl ToString>) -> String {
    let mut listed: Vec<String> = Vec::new();
    for item in items.map(|item| item.to_string()) {
        if !listed.contains(&item) {
            listed.push(item);
        }
    }
    listed.join(", ")
}

impl FromIterator<Grant> for Grants {
    /// Merges grants with the same origins and paths into one with the methods of both. Grants with different paths are kept apart: merged,
    /// they would permit the methods of one on the paths of the other.
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let mut merged: Vec<Grant> = Vec::new();
        for mut grant in grants {
            grant.paths.sort();
            grant.paths.dedup();
            match merged.iter_mut().find(|known| known.origin == grant.origin && known.paths == grant.paths) {
                Some(known) => known.add(&grant),
                None => {
                    grant.add(&grant.clone());
                    merged.push(grant);
                }
            }
        }
        Self(merged)
    }
}

impl From<Vec<Grant>> for Grants {
    fn from(grants: Vec<Grant>) -> Self {
        grants.into_iter().collect()
    }
}

impl From<Grants> for Vec<Grant> {
    fn from(grants: Grants) -> Self {
        grants.0
    }
}

impl<'a> IntoIterator for &'a Grants {
    type Item = &'a Grant;
    type IntoIter = std::slice::Iter<'a, Grant>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Grants {
    type Item = Grant;
    type IntoIter = std::vec::IntoIter<Grant>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn grants(of: &[(&str, &[&str])]) -> Grants {
        of.iter()
            .map(|(origin, methods)| Grant {
                origin: OriginPattern::parse(origin).unwrap(),
                methods: methods.iter().map(|&method| method.to_owned()).collect(),
                paths: Vec::new(),
                private: false,
            })
            .collect()
    }

    fn ask(grants: &Grants, method: &str, url: &str) -> Result<String, DenialReason> {
        grants.allows(method, &Url::parse(url).unwrap()).map(|grant| grant.origin.to_string())
    }

    #[test]
    fn a_granted_origin_may_be_read_from() {
        let grants = grants(&[("https://api.github.com", &[])]);
        assert_eq!(ask(&grants, "GET", "https://API.github.com:443/a?b").unwrap(), "https://api.github.com");
        assert!(ask(&grants, "HEAD", "https://api.github.com/").is_ok());
    }

    #[test]
    fn another_host_port_or_scheme_is_refused() {
        let grants = grants(&[("https://api.github.com", &[])]);
        for url in [
            "https://github.com/",
            "https://api.github.com:8443/",
            "http://api.github.com/",
            "https://api.github.com.evil.example/",
            "https://evil.example/api.github.com",
            "https://api.github.com./",
        ] {
            let denial = ask(&grants, "GET", url).unwrap_err();
            assert!(matches!(denial, DenialReason::Origin { .. }), "{url}: {denial}");
            assert!(denial.to_string().contains("only https://api.github.com"), "{denial}");
        }
    }

    #[test]
    fn a_method_that_was_not_granted_is_refused() {
        let grants = grants(&[("https://h", &["POST"])]);
        assert!(ask(&grants, "POST", "https://h/").is_ok());
        for method in ["GET", "post", "DELETE", "PO\nST"] {
            let denial = ask(&grants, method, "https://h/").unwrap_err().to_string();
            assert!(denial.contains("only POST") && !denial.contains('\n'), "{denial}");
        }
    }

    #[test]
    fn user_information_is_refused_and_not_repeated() {
        let grants = grants(&[("https://h", &[])]);
        let denial = ask(&grants, "GET", "https://me:pw@h/").unwrap_err();
        assert_eq!(denial, DenialReason::UserInfo { host: "h".into() });
        assert!(!denial.to_string().contains("pw"));
    }

    #[test]
    fn whatever_is_not_http_is_refused() {
        let denial = ask(&grants(&[]), "GET", "file:///etc/passwd").unwrap_err();
        assert!(matches!(denial, DenialReason::Url(_)));
        assert!(ask(&grants(&[]), "GET", "https://h/").unwrap_err().to_string().contains("no origin may be reached"));
    }

    #[test]
    fn grants_of_one_origin_are_merged() {
        let merged =
            grants(&[("https://h", &[]), ("https://h:443", &["POST", "GET"]), ("https://i", &["HEAD", "GET"])]);
        let shown: Vec<(String, Vec<String>)> =
            merged.iter().map(|grant| (grant.origin.to_string(), grant.methods.clone())).collect();
        let methods = ["GET", "HEAD", "POST"].map(str::to_owned).to_vec();
        assert_eq!(shown, [("https://h".to_owned(), methods), ("https://i".to_owned(), Vec::new())]);
    }

    #[test]
    fn grants_are_stored_as_a_list() {
        let before = grants(&[("https://h", &["POST"])]);
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(json, r#"[{"origin":"https://h","methods":["POST"]}]"#);
        assert_eq!(serde_json::from_str::<Grants>(&json).unwrap(), before);
    }

    #[test]
    fn a_path_narrows_a_grant_and_does_not_lend_its_methods_to_other_paths() {
        let below = |path: &str, method: &str| Grant {
            methods: vec![method.to_owned()],
            paths: vec![PathPrefix::parse(path).unwrap()],
            ..Grant::reading(Origin::parse("https://h").unwrap())
        };
        let grants: Grants = [below("/a", "GET"), below("/b", "POST")].into_iter().collect();
        assert_eq!(grants.iter().count(), 2);
        assert!(ask(&grants, "GET", "https://h/a/x?y").is_ok() && ask(&grants, "POST", "https://h/b").is_ok());
        let denial = ask(&grants, "GET", "https://h/b").unwrap_err();
        assert_eq!(denial, DenialReason::Path { origin: Origin::parse("https://h").unwrap(), granted: "/a".into() });
        assert!(matches!(ask(&grants, "PUT", "https://h/a"), Err(DenialReason::Method { .. })));
        assert!(ask(&grants, "GET", "https://h/a/%2e%2e/b").is_err());
    }

    #[test]
    fn a_wildcard_grants_what_lies_below_and_the_private_one_of_two_counts() {
        let wild = Grant::reading(OriginPattern::parse("https://*.example.com").unwrap());
        let private = Grant { private: true, ..Grant::reading(Origin::parse("https://git.example.com").unwrap()) };
        let grants: Grants = [wild, private].into_iter().collect();
        let found = |url: &str| grants.allows("GET", &Url::parse(url).unwrap()).map(|grant| grant.private);
        assert_eq!(found("https://a.b.example.com/"), Ok(false));
        assert_eq!(found("https://git.example.com/"), Ok(true));
        assert!(found("https://example.com/").is_err());
    }
}
