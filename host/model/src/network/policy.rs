//! The operator's policy: the most that is allowed on a host, in a TOML file.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::{Grant, Grants, Limit, LimitError, Limits, OriginPattern, PathPrefix};

/// The most that is allowed on a host, whatever is requested and granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The origins that may be reached; without it, all that are granted.
    pub allow: Option<Grants>,
    /// The most that each limit may be.
    pub limits: Limits,
}

/// Why a policy cannot be read. No request is sent then: a misspelt policy must not become none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// It is not TOML, or has other keys.
    #[error("{0}")]
    Form(String),
    /// A limit cannot be read.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    allow: Option<Vec<AllowRule>>,
    #[serde(default)]
    limits: BTreeMap<String, LimitValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LimitValue {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowRule {
    origin: OriginPattern,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    paths: Vec<PathPrefix>,
    #[serde(default)]
    private: bool,
}

impl Policy {
    /// Parses a policy in TOML: `[[allow]]` with `origin` and optionally `methods`, `paths` and `private`, and `[limits]` with values
    /// as on the command line.
    ///
    /// # Errors
    /// What cannot be read, and where.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let form = |error: toml::de::Error| PolicyError::Form(error.to_string().trim().replace('\n', " "));
        let PolicyFile { allow, limits: given } = toml::from_str(text).map_err(form)?;
        let mut limits = Limits::default();
        for (name, value) in given {
            let limit: Limit = name.parse()?;
            let text = match value {
                LimitValue::Number(number) => number.to_string(),
                LimitValue::Text(text) => text,
            };
            limits.set(limit, limit.read(&text)?);
        }
        let grant = |allow: AllowRule| Grant {
            origin: allow.origin,
            methods: allow.methods,
            paths: allow.paths,
            private: allow.private,
        };
        Ok(Self { allow: allow.map(|all| all.into_iter().map(grant).collect()), limits })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_origins_and_the_most_of_limits() {
        let text = r#"
            [[allow]]
            origin = "https://*.example.com"
            methods = ["GET", "POST"]
            private = true
            [[allow]]
            origin = "https://api.github.com"
            paths = ["/repos/acme"]
            [limits]
            memory = "64MiB"
            requests = 100
        "#;
        let policy = Policy::parse(text).unwrap();
        let shown: Vec<String> =
            policy.allow.unwrap().iter().map(|grant| format!("{} {}", grant.origin, grant.private)).collect();
        assert_eq!(shown, ["https://*.example.com true", "https://api.github.com false"]);
        assert_eq!((policy.limits.get(Limit::Memory), policy.limits.get(Limit::Requests)), (64 << 20, 100));
    }

    #[test]
    fn an_empty_policy_allows_what_is_granted_and_an_empty_list_allows_none() {
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
        assert_eq!(Policy::parse("allow = []").unwrap().allow, Some(Grants::default()));
    }

    #[test]
    fn a_misspelt_policy_is_an_error() {
        for bad in [
            "alow = []",
            "[[allow]]\norigin = \"github.com\"",
            "[[allow]]\norigin = \"https://*.com\"",
            "[[allow]]\norigin = \"https://h\"\nmethod = [\"GET\"]",
            "[[allow]]\nmethods = [\"GET\"]",
            "[limits]\nmemry = 1",
            "[limits]\nmemory = \"lots\"",
            "allow",
        ] {
            let error = Policy::parse(bad).unwrap_err().to_string();
            assert!(!error.contains('\n') && !error.is_empty(), "{bad}: {error}");
        }
    }
}
