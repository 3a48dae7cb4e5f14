//! `{{name.key}}`: a secret by its name, instead of its value.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// One value of one secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SecretReference {
    /// The secret.
    pub name: String,
    /// Which of its values.
    pub key: String,
}

/// A value with a reference in it that is not one. The value is not repeated: it may hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "a secret reference must stand alone, as {{{{name.key}}}}, with nothing before or after it and no space in name or key"
)]
pub struct ReferenceError;

impl SecretReference {
    /// Reads a value: `None` where it is no reference but the value itself.
    ///
    /// The whole value is `{{`, name, a dot, key, `}}`, with white space allowed inside the braces; the first dot counts.
    ///
    /// # Errors
    /// When there are references in it but it is not exactly one, which would otherwise pass for a literal credential.
    pub fn parse(value: &str) -> Result<Option<SecretReference>, ReferenceError> {
        let looks_like_one = value
            .find("{{")
            .is_some_and(|start| value[start..].contains("}}"));
        if !looks_like_one {
            return Ok(None);
        }
        let inner = value
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .ok_or(ReferenceError)?;
        let (name, key) = inner.trim().split_once('.').ok_or(ReferenceError)?;
        let is_word = |word: &str| {
            !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "{}".contains(c))
        };
        match is_word(name) && is_word(key) {
            true => Ok(Some(SecretReference {
                name: name.to_owned(),
                key: key.to_owned(),
            })),
            false => Err(ReferenceError),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}.{}}}}}", self.name, self.key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reference_is_split_at_its_first_dot() {
        for (value, name, key) in [
            ("{{s.k}}", "s", "k"),
            ("{{ s.k }}", "s", "k"),
            ("{{\ts.k\n}}", "s", "k"),
            ("{{a.b.c}}", "a", "b.c"),
        ] {
            let reference = SecretReference::parse(value).unwrap().unwrap();
            assert_eq!(
                (reference.name.as_str(), reference.key.as_str()),
                (name, key)
            );
        }
    }

    #[test]
    fn a_value_without_a_reference_is_itself() {
        for value in ["", "ghp_token", "{s.k}", "}}{{", "{{", "a{b}c"] {
            assert_eq!(SecretReference::parse(value), Ok(None), "{value}");
        }
    }

    #[test]
    fn a_reference_that_does_not_stand_alone_is_an_error_and_not_a_literal() {
        for value in [
            " {{s.k}}",
            "{{s.k}}x",
            "https://{{s.k}}@h",
            "${{s.k}}",
            "{{s . k}}",
            "{{my secret.k}}",
            "{{sk}}",
            "{{.k}}",
            "{{s.}}",
            "{{}}",
            "{{s.k}}{{t.j}}",
            "{{{s.k}}}",
        ] {
            assert_eq!(
                SecretReference::parse(value),
                Err(ReferenceError),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_of_a_reference_is_read_as_the_same(name in "[^\\s.{}]{1,10}", key in "[^\\s{}]{1,10}") {
            let reference = SecretReference { name, key };
            prop_assert_eq!(SecretReference::parse(&reference.to_string()).unwrap(), Some(reference));
        }

        #[test]
        fn no_value_makes_the_parser_panic(value in "[{}.a \\PC]{0,20}") {
            let _ = SecretReference::parse(&value);
        }
    }
}
