//! Secret references: `{{name.key}}` in place of a value.

use std::fmt;

use thiserror::Error;

/// A reference to one key of a stored secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretReference {
    name: String,
    key: String,
}

/// Why a value with braces in it is no reference. No variant contains the value, which may be a secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// There is text before or after the braces.
    #[error(
        "a secret reference must be the whole value: write `{{{{name.key}}}}` without any text around it, not even a space"
    )]
    NotAlone,
    /// The text within the braces is no `name.key`.
    #[error(
        "the secret reference cannot be read: write a name, a dot and a key within the braces, without spaces or braces, like `{{{{github.token}}}}`"
    )]
    Malformed,
}

impl SecretReference {
    /// Parses a value: a reference, or a plain value (`None`).
    ///
    /// A reference is the whole value: `{{`, name, `.`, key, `}}`; white space is allowed just within the braces. It is split at
    /// the first dot. A value without `{{` and a later `}}` is a plain one.
    ///
    /// # Errors
    /// When the value has `{{...}}` in it, but is not one reference. Taking it literally would send it to a forge as a token.
    pub fn parse(value: &str) -> Result<Option<Self>, ReferenceError> {
        let Some(start) = value.find("{{") else {
            return Ok(None);
        };
        let Some(end) = value.rfind("}}").filter(|end| *end >= start + 2) else {
            return Ok(None);
        };
        if start != 0 || end + 2 != value.len() {
            return Err(ReferenceError::NotAlone);
        }
        let inner = value[start + 2..end].trim();
        if inner.contains("{{") || inner.contains("}}") {
            return Err(ReferenceError::NotAlone);
        }
        let (name, key) = inner.split_once('.').ok_or(ReferenceError::Malformed)?;
        Self::new(name, key).map(Some)
    }

    /// The reference to a key of a secret.
    ///
    /// # Errors
    /// When the name or the key could not be written as a reference.
    pub fn new(name: &str, key: &str) -> Result<Self, ReferenceError> {
        if !is_part(name) || name.contains('.') || !is_part(key) {
            return Err(ReferenceError::Malformed);
        }
        Ok(Self { name: name.to_owned(), key: key.to_owned() })
    }

    /// The secret's name: no dot, white space or brace in it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key within the secret: no white space or brace in it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn is_part(text: &str) -> bool {
    let refused = |c: char| c.is_whitespace() || crate::names::text::deceives(c) || matches!(c, '{' | '}');
    !text.is_empty() && !text.contains(refused)
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
    fn a_reference_is_split_at_the_first_dot() {
        for (value, name, key) in [
            ("{{s.k}}", "s", "k"),
            ("{{ s.k }}", "s", "k"),
            ("{{\t\ns.k\n}}", "s", "k"),
            ("{{a.b.c}}", "a", "b.c"),
            ("{{my-secret.a_b}}", "my-secret", "a_b"),
        ] {
            let reference = SecretReference::parse(value).unwrap().unwrap();
            assert_eq!((reference.name(), reference.key()), (name, key), "{value:?}");
        }
    }

    #[test]
    fn a_value_without_double_braces_is_a_plain_one() {
        for value in ["", "ghp_abc", "{s.k}", "a}}b", "}}{{", "{{s.k", "{{{", "{{}", "a{{b", "{{s.k}"] {
            assert_eq!(SecretReference::parse(value), Ok(None), "{value:?}");
        }
    }

    #[test]
    fn a_reference_with_something_around_it_is_an_error() {
        for value in [
            " {{s.k}}",
            "{{s.k}} ",
            "{{s.k}}x",
            "${{s.k}}",
            "https://{{s.k}}@h",
            "{{s.k}}{{t.j}}",
            "{{{{s.k}}}}",
            "a{{}}",
        ] {
            assert_eq!(SecretReference::parse(value), Err(ReferenceError::NotAlone), "{value:?}");
        }
    }

    #[test]
    fn braces_around_something_else_are_an_error() {
        for value in [
            "{{}}",
            "{{sk}}",
            "{{.k}}",
            "{{s.}}",
            "{{s . k}}",
            "{{s. k}}",
            "{{my secret.k}}",
            "{{s.my key}}",
            "{{{s.k}}}",
            "{{s.k\u{200b}}}",
            "{{s\u{7}.k}}",
            "{{ . }}",
        ] {
            assert_eq!(SecretReference::parse(value), Err(ReferenceError::Malformed), "{value:?}");
        }
    }

    #[test]
    fn the_errors_say_what_a_right_one_looks_like() {
        assert!(ReferenceError::NotAlone.to_string().contains("`{{name.key}}`"));
        assert!(ReferenceError::Malformed.to_string().contains("`{{github.token}}`"));
    }

    proptest! {
        #[test]
        fn a_reference_reads_back(name in "[^\\s{}.\\pC]{1,8}", key in "[^\\s{}\\pC]{1,8}", space in "[ \t\n]{0,2}") {
            prop_assume!(!name.contains(crate::names::text::deceives) && !key.contains(crate::names::text::deceives));
            let reference = SecretReference::parse(&format!("{{{{{space}{name}.{key}{space}}}}}")).unwrap().unwrap();
            prop_assert_eq!(reference.name(), &name);
            prop_assert_eq!(reference.key(), &key);
            prop_assert_eq!(SecretReference::parse(&reference.to_string()), Ok(Some(reference)));
        }

        #[test]
        fn a_plain_value_has_no_braces_that_could_be_meant_as_a_reference(value in "[{}. ak]{0,12}") {
            if SecretReference::parse(&value) == Ok(None) {
                let meant = value.find("{{").is_some_and(|start| value[start + 2..].contains("}}"));
                prop_assert!(!meant);
            }
        }

        #[test]
        fn no_text_whatsoever_makes_it_panic(value in any::<String>()) {
            let _ = SecretReference::parse(&value);
            let _ = SecretReference::parse(&format!("{{{{{value}}}}}"));
        }
    }
}
