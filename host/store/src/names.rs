//! The names of code repositories, secrets and keys: which are valid.

use crate::error::{Result, StoreError};
use forgeport_model::{SecretReference, Workspace, deceives};

/// The workspace of a command line, and of all that was stored before there were workspaces.
pub const LOCAL: &str = Workspace::LOCAL;

const MAX_CHARS: usize = 255;

const CODE_REPOSITORY_RULE: &str = "have 1 to 255 characters, none of them a slash, a control or an invisible character, no space at its ends, no dash at its start, and be no UUID";
const SECRET_RULE: &str = "have 1 to 255 characters, none of them white space, a dot, a brace, an equals sign, a control or an invisible character, and no dash at its start";
const KEY_RULE: &str = "have 1 to 255 characters, none of them white space, a brace, an equals sign, a control or an invisible character, and no dash at its start";

/// Checks the name of a code repository.
///
/// # Errors
/// With the rule, when it cannot.
pub fn check_code_repository_name(name: &str) -> Result<()> {
    // A name like another's id would take that one's place.
    let good = is_visible(name)
        && !name.contains(['/', '\\'])
        && !name.starts_with(' ')
        && !name.ends_with(' ')
        && !name.chars().any(|c| c.is_whitespace() && c != ' ')
        && uuid::Uuid::try_parse(name).is_err();
    verdict(good, "code repository", name, CODE_REPOSITORY_RULE)
}

/// Can a secret be called this? Then `{{name.key}}` can be written.
///
/// # Errors
/// With the rule, when it cannot.
pub fn check_secret_name(name: &str) -> Result<()> {
    // Otherwise a registration could be stored, by renaming, that cannot be read again.
    let good = is_word(name) && SecretReference::new(name, "key").is_ok();
    verdict(good, "secret", name, SECRET_RULE)
}

/// Checks a key of a secret.
///
/// # Errors
/// With the rule, when it cannot.
pub fn check_secret_key(key: &str) -> Result<()> {
    let good = is_word(key) && SecretReference::new("name", key).is_ok();
    verdict(good, "secret's key", key, KEY_RULE)
}

fn verdict(good: bool, what: &'static str, name: &str, rule: &'static str) -> Result<()> {
    if good {
        return Ok(());
    }
    Err(StoreError::BadName { what, name: name.chars().take(MAX_CHARS).collect(), rule })
}

fn is_word(name: &str) -> bool {
    is_visible(name) && !name.contains(|c: char| c.is_whitespace() || "{}=".contains(c))
}

fn is_visible(name: &str) -> bool {
    (1..=MAX_CHARS).contains(&name.chars().count()) && !name.starts_with('-') && !name.contains(deceives)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_code_repositories_may_be_any_visible_text() {
        for name in ["a", "we ird näme", "models.v2", "{x}", "日本", &"ä".repeat(255)] {
            check_code_repository_name(name).unwrap();
        }
    }

    #[test]
    fn names_that_deceive_or_break_a_command_line_are_refused_with_the_rule() {
        let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        for name in
            ["", " a", "a ", "a/b", "a\\b", "a\nb", "-a", "a\u{202e}b", "a\u{200b}", "a\u{2028}b", "a\u{a0}b", uuid]
        {
            let error = check_code_repository_name(name).unwrap_err().to_string();
            assert!(error.contains("1 to 255 characters") && error.lines().count() == 1, "{error}");
        }
        assert!(check_code_repository_name(&"a".repeat(256)).is_err());
    }

    #[test]
    fn a_dot_is_for_keys_only() {
        assert!(check_secret_name("a.b").is_err());
        check_secret_key("a.b").unwrap();
    }

    #[test]
    fn no_character_is_allowed_in_a_name_or_key_that_a_reference_cannot_have() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}b");
            let reference = SecretReference::parse(&format!("{{{{s.{text}}}}}")).ok().flatten();
            let expected = SecretReference::new("s", &text).ok();
            if check_secret_key(&text).is_ok() {
                assert!(reference.is_some() && reference == expected, "{c:?}");
            }
            if check_secret_name(&text).is_ok() {
                let reference = SecretReference::parse(&format!("{{{{{text}.k}}}}")).ok().flatten();
                assert_eq!(reference.as_ref().map(SecretReference::name), Some(text.as_str()), "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_allowed_name_and_key_can_be_written_as_a_reference(name in "\\PC{1,6}", key in "\\PC{1,6}") {
            prop_assume!(check_secret_name(&name).is_ok() && check_secret_key(&key).is_ok());
            let text = format!("{{{{{name}.{key}}}}}");
            prop_assert_eq!(SecretReference::parse(&text).unwrap(), Some(SecretReference::new(&name, &key).unwrap()));
        }
    }
}
