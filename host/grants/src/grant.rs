//! What a provider may reach, and with which methods.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::{Origin, OriginError, text::quoted};

/// The methods that read only, and that a grant gives where it names none.
const READING: [&str; 2] = ["GET", "HEAD"];

/// One origin, and the methods that may be used on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Where requests may go.
    pub origin: Origin,
    /// HTTP methods, compared with their case (RFC 9110, section 9.1); empty stands for `GET` and `HEAD`.
    pub methods: Vec<String>,
}

impl Grant {
    /// The methods that may be used, spelled out.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        let silent = if self.methods.is_empty() { &READING[..] } else { &[] };
        self.methods.iter().map(String::as_str).chain(silent.iter().copied())
    }

    fn add(&mut self, methods: &[String]) {
        let mut all: Vec<String> = self.methods().map(str::to_owned).collect();
        all.extend(methods.iter().cloned());
        if methods.is_empty() {
            all.extend(READING.map(str::to_owned));
        }
        all.sort();
        all.dedup();
        self.methods = if all == READING { Vec::new() } else { all };
    }
}

/// All that a provider may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Grant>", into = "Vec<Grant>")]
pub struct Grants(Vec<Grant>);

/// Why a request may not leave.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// The URL's scheme is neither `http` nor `https`, or it has no host.
    #[error("request refused: the URL names no origin to reach: {0}")]
    Url(OriginError),
    /// The URL carries a user name or a password.
    #[error(
        "request to {host} refused: the URL has a user name or password in it: leave it out, the host adds credentials"
    )]
    UserInfo {
        /// Where the request would have gone.
        host: String,
    },
    /// Nobody granted the origin.
    #[error(
        "request to {asked} refused: granted are {granted}: the provider's description must name this origin among its needs, and the code repository be updated"
    )]
    Origin {
        /// Where the request would have gone.
        asked: Origin,
        /// What may be reached.
        granted: String,
    },
    /// The origin is granted, for other methods.
    #[error(
        "{method} on {origin} refused: granted there are {granted}: the provider's description must name this method in its need, and the code repository be updated"
    )]
    Method {
        /// The method of the request, quoted.
        method: String,
        /// Where the request would have gone.
        origin: Origin,
        /// What may be used there.
        granted: String,
    },
}

impl Grants {
    /// Finds the grant that lets a request out.
    ///
    /// # Errors
    /// Nothing grants it; the text says what was asked, what is granted and what to do.
    pub fn allows(&self, method: &str, url: &Url) -> Result<&Grant, Denial> {
        let asked = Origin::of(url).map_err(|error| match error {
            OriginError::UserInfo => Denial::UserInfo { host: url.host_str().unwrap_or_default().to_owned() },
            error => Denial::Url(error),
        })?;
        let Some(grant) = self.0.iter().find(|grant| grant.origin == asked) else {
            return Err(Denial::Origin { asked, granted: listed(self.origins()) });
        };
        if !grant.methods().any(|granted| granted == method) {
            return Err(Denial::Method { method: quoted(method), origin: asked, granted: listed(grant.methods()) });
        }
        Ok(grant)
    }

    /// The granted origins, each once, in the order in which they were asked for.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter().map(|grant| &grant.origin)
    }

    /// The grants, one for each origin.
    pub fn iter(&self) -> std::slice::Iter<'_, Grant> {
        self.0.iter()
    }

    /// Is nothing granted at all?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn listed(items: impl Iterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

impl FromIterator<Grant> for Grants {
    /// Merges grants of the same origin: the methods of both hold.
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let mut merged: Vec<Grant> = Vec::new();
        for mut grant in grants {
            match merged.iter_mut().find(|known| known.origin == grant.origin) {
                Some(known) => known.add(&grant.methods),
                None => {
                    let methods = grant.methods.clone();
                    grant.add(&methods);
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
                origin: Origin::parse(origin).unwrap(),
                methods: methods.iter().map(|&method| method.to_owned()).collect(),
            })
            .collect()
    }

    fn ask(grants: &Grants, method: &str, url: &str) -> Result<String, Denial> {
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
            assert!(matches!(denial, Denial::Origin { .. }), "{url}: {denial}");
            assert!(denial.to_string().contains("granted are https://api.github.com"), "{denial}");
        }
    }

    #[test]
    fn a_method_that_was_not_granted_is_refused() {
        let grants = grants(&[("https://h", &["POST"])]);
        assert!(ask(&grants, "POST", "https://h/").is_ok());
        for method in ["GET", "post", "DELETE", "PO\nST"] {
            let denial = ask(&grants, method, "https://h/").unwrap_err().to_string();
            assert!(denial.contains("granted there are POST") && !denial.contains('\n'), "{denial}");
        }
    }

    #[test]
    fn user_information_is_refused_and_not_repeated() {
        let grants = grants(&[("https://h", &[])]);
        let denial = ask(&grants, "GET", "https://me:pw@h/").unwrap_err();
        assert_eq!(denial, Denial::UserInfo { host: "h".into() });
        assert!(!denial.to_string().contains("pw"));
    }

    #[test]
    fn whatever_is_not_http_is_refused() {
        let denial = ask(&grants(&[]), "GET", "file:///etc/passwd").unwrap_err();
        assert!(matches!(denial, Denial::Url(_)));
        assert!(ask(&grants(&[]), "GET", "https://h/").unwrap_err().to_string().contains("granted are none"));
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
}
