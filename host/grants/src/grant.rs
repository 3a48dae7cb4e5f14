//! What a provider may do, and the check of one request against it.

use crate::origin::{Origin, OriginError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// One origin that may be reached, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Where requests may go.
    pub origin: Origin,
    /// HTTP methods in upper case; empty stands for `GET` and `HEAD`.
    pub methods: Vec<String>,
}

/// All that one provider may reach for one code repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants(pub Vec<Grant>);

/// Why a request is not let out. None of the texts holds a URL's path or query, which can hold tokens.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// The URL has no origin that could be granted.
    #[error("the provider asked for a URL that cannot be granted: {0}")]
    Origin(#[from] OriginError),
    /// Nobody granted the origin.
    #[error(
        "{origin} is not granted to this provider; granted: {granted}; an option that names another server changes that"
    )]
    NotGranted {
        /// Where the request wanted to go.
        origin: Origin,
        /// What there is, for a person.
        granted: String,
    },
    /// The origin is granted, for other methods.
    #[error("{method} to {origin} is not granted to this provider, which may only {granted} there")]
    Method {
        /// What the request wanted to do.
        method: String,
        /// Where.
        origin: Origin,
        /// The methods that are granted.
        granted: String,
    },
}

impl Grant {
    /// The methods that it allows.
    pub fn methods(&self) -> Vec<&str> {
        match self.methods.is_empty() {
            true => vec!["GET", "HEAD"],
            false => self.methods.iter().map(String::as_str).collect(),
        }
    }
}

impl Grants {
    /// The grant that lets a request out.
    ///
    /// # Errors
    /// When there is none.
    pub fn allows(&self, method: &str, url: &Url) -> Result<&Grant, Denial> {
        let origin = Origin::of(url)?;
        let Some(grant) = self.0.iter().find(|grant| grant.origin == origin) else {
            let granted: Vec<_> = self
                .0
                .iter()
                .map(|grant| grant.origin.to_string())
                .collect();
            let granted = if granted.is_empty() {
                "nothing".to_owned()
            } else {
                granted.join(", ")
            };
            return Err(Denial::NotGranted { origin, granted });
        };
        if !grant.methods().contains(&method) {
            let granted = grant.methods().join(", ");
            return Err(Denial::Method {
                method: method.to_owned(),
                origin,
                granted,
            });
        }
        Ok(grant)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn grants() -> Grants {
        let read = Grant {
            origin: Origin::parse("https://api.forge.example").unwrap(),
            methods: vec![],
        };
        let post = Grant {
            origin: Origin::parse("https://lfs.forge.example").unwrap(),
            methods: vec!["POST".into()],
        };
        Grants(vec![read, post])
    }

    fn denied(method: &str, url: &str) -> Denial {
        grants()
            .allows(method, &Url::parse(url).unwrap())
            .unwrap_err()
    }

    #[test]
    fn a_granted_origin_may_be_read() {
        for method in ["GET", "HEAD"] {
            let url = Url::parse("https://API.forge.example:443/any?thing").unwrap();
            assert!(grants().allows(method, &url).is_ok());
        }
    }

    #[test]
    fn another_method_host_port_or_scheme_is_denied() {
        assert!(matches!(
            denied("POST", "https://api.forge.example/"),
            Denial::Method { .. }
        ));
        assert!(matches!(
            denied("GET", "https://lfs.forge.example/"),
            Denial::Method { .. }
        ));
        for url in [
            "https://api.forge.example:8443/",
            "http://api.forge.example/",
            "https://forge.example/",
            "https://api.forge.example.evil.example/",
        ] {
            assert!(
                matches!(denied("GET", url), Denial::NotGranted { .. }),
                "{url}"
            );
        }
    }

    #[test]
    fn a_denial_tells_neither_path_nor_query_nor_password() {
        let not_granted = denied("GET", "https://evil.example/hunter2?token=hunter2").to_string();
        let user_info = denied("GET", "https://me:hunter2@api.forge.example/").to_string();
        assert!(not_granted.contains("https://evil.example is not granted"));
        assert!(!format!("{not_granted}{user_info}").contains("hunter2"));
    }
}
