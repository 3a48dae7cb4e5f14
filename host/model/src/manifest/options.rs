//! The options that a code repository was registered with, checked against the definitions of its provider.
//!
//! Two decide whether a value is kept from the provider: whoever gave it, and the option's definition. Either makes it a secret, and a
//! value that was given as one never becomes anything else, whatever the definition says later.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Condition, OptionDefinition, names::text::quote_untrusted, nearest, normalise_name};

/// The values of a provider's options; a secret one never shows in `Debug`.
#[derive(Clone)]
pub struct Options(Vec<OptionEntry>);

#[derive(Clone)]
struct OptionEntry {
    name: String,
    value: Option<Zeroizing<String>>,
    secret: bool,
    given: bool,
}

/// A value, and how it was given.
#[derive(Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// In the open, as on the command line. It is a secret all the same where the option's definition says so.
    Typed(Zeroizing<String>),
    /// Hidden: in a file, at a prompt, by reference to a secret, or encrypted in the store.
    Hidden(Zeroizing<String>),
}

/// Why options do not match the provider's definitions. No variant contains a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionError {
    /// The provider takes no such option.
    #[error("unknown option {name}{}: the provider takes {known}", .nearest.as_ref().map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default())]
    Unknown {
        /// As it was given, quoted.
        name: String,
        /// The option that was probably meant.
        nearest: Option<String>,
        /// All options of the provider, in one line.
        known: String,
    },
    /// The same option twice.
    #[error("option `{0}` was given more than once: give it one value")]
    Repeated(String),
    /// A required option was left out.
    #[error("option `{name}` is missing: {help}: add `--{name}=...`")]
    Missing {
        /// The option.
        name: String,
        /// What it is for.
        help: String,
    },
    /// A required or secret option was given without a value.
    #[error("option `{name}` is empty: {help}: give it a value{}", if *.required { "" } else { ", or leave it out" })]
    Empty {
        /// The option.
        name: String,
        /// What it is for.
        help: String,
        /// True if it cannot be left out.
        required: bool,
    },
    /// A hidden value for an option that the provider sees.
    #[error(
        "option `{0}` is no secret: the provider would see its value, so a {{{{secret}}}}, an @FILE or an encrypted value cannot be given for it; if the provider may see it, write --{0}=VALUE"
    )]
    Seen(String),
    /// A line break or another control character in the value.
    #[error("option `{0}` has a line break or another control character in its value: give it without")]
    Control(String),
}

impl Options {
    /// Checks what was given against their definitions, and fills in the defaults.
    ///
    /// # Errors
    /// An option is unknown, repeated, missing, empty though it needs a value, hidden though the provider would see it, or
    /// has control characters in its value.
    pub fn check(
        definitions: &[OptionDefinition],
        given: impl IntoIterator<Item = (String, OptionValue)>,
    ) -> Result<Self, OptionError> {
        let mut options = Self(definitions.iter().map(OptionEntry::unset).collect());
        for (name, value) in given {
            options.set(&name, value)?;
        }
        for (entry, definition) in options.0.iter_mut().zip(definitions) {
            entry.complete(definition)?;
        }
        Ok(options)
    }

    /// Replaces the value of a secret that was given, when a token has been renewed.
    pub fn renew(&mut self, name: &str, secret: Zeroizing<String>) {
        let given = |entry: &&mut OptionEntry| entry.name == name && entry.secret && entry.given;
        if let Some(entry) = self.0.iter_mut().find(given) {
            entry.value = Some(secret);
        }
    }

    fn set(&mut self, name: &str, value: OptionValue) -> Result<(), OptionError> {
        let normal = normalise_name(name);
        let Some(entry) = self.0.iter_mut().find(|entry| entry.name == normal) else {
            return Err(self.unknown(&normal));
        };
        if entry.given {
            return Err(OptionError::Repeated(normal));
        }
        let value = match value {
            OptionValue::Hidden(_) if !entry.secret => return Err(OptionError::Seen(normal)),
            OptionValue::Hidden(value) | OptionValue::Typed(value) => value,
        };
        if value.contains(char::is_control) {
            return Err(OptionError::Control(normal));
        }
        entry.given = true;
        entry.value = Some(value);
        Ok(())
    }

    fn unknown(&self, name: &str) -> OptionError {
        let known: Vec<String> = self.0.iter().map(|entry| format!("`{}`", entry.name)).collect();
        OptionError::Unknown {
            name: quote_untrusted(name),
            nearest: nearest(name, self.0.iter().map(|entry| entry.name.as_str())),
            known: if known.is_empty() { "no options".to_owned() } else { known.join(", ") },
        }
    }

    fn entry(&self, name: &str) -> Option<&OptionEntry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// The value, given or by default, of an option that is no secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let entry = self.entry(name).filter(|entry| !entry.secret)?;
        entry.value.as_ref().map(|value| value.as_str())
    }

    /// The value of a secret option that was given.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.entry(name).filter(|entry| entry.secret)?.value.as_ref()
    }

    /// True if the option was given; a default does not count.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.given)
    }

    /// True if the option is a secret.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.secret)
    }

    /// Name and value of each option that is no secret, with defaults, in the description's order: what a provider is opened with.
    pub fn plain_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let plain = self.0.iter().filter(|entry| !entry.secret);
        plain.filter_map(|entry| Some((entry.name.as_str(), entry.value.as_ref()?.as_str())))
    }

    /// The names of the secret options that were given, in the description's order.
    pub fn secrets_given(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|entry| entry.secret && entry.given).map(|entry| entry.name.as_str())
    }

    /// True if the condition is met. None can be about a secret's value.
    #[must_use]
    pub fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Given(name) => self.is_given(name),
            Condition::Absent(name) => !self.is_given(name),
            Condition::Equals(name, value) => self.get(name) == Some(value),
            Condition::StartsWith(name, start) => self.get(name).is_some_and(|value| value.starts_with(start)),
        }
    }

    /// True if all conditions are met.
    #[must_use]
    pub fn hold_all<'a>(&self, conditions: impl IntoIterator<Item = &'a Condition>) -> bool {
        conditions.into_iter().all(|condition| self.holds(condition))
    }
}

impl OptionEntry {
    fn unset(definition: &OptionDefinition) -> Self {
        Self { name: definition.name.clone(), value: None, secret: definition.secret, given: false }
    }

    fn complete(&mut self, definition: &OptionDefinition) -> Result<(), OptionError> {
        let (name, help) = (definition.name.clone(), definition.help.clone());
        match &self.value {
            None if definition.required => Err(OptionError::Missing { name, help }),
            None => {
                self.value = definition.default.clone().map(Zeroizing::new);
                Ok(())
            }
            Some(value) if value.is_empty() && (definition.required || definition.secret) => {
                Err(OptionError::Empty { name, help, required: definition.required })
            }
            Some(_) => Ok(()),
        }
    }
}

impl OptionValue {
    /// The value itself.
    #[must_use]
    pub fn text(&self) -> &Zeroizing<String> {
        match self {
            Self::Typed(text) | Self::Hidden(text) => text,
        }
    }
}

impl fmt::Debug for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OptionValue(..)")
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |entry: &OptionEntry| match &entry.value {
            Some(_) if entry.secret => Some("(secret)".to_owned()),
            value => value.as_ref().map(|value| value.to_string()),
        };
        f.debug_map().entries(self.0.iter().map(|entry| (&entry.name, shown(entry)))).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::manifest::description::tests::forge;

    fn typed(value: &str) -> OptionValue {
        OptionValue::Typed(Zeroizing::new(value.to_owned()))
    }

    fn check(given: &[(&str, &str)]) -> Result<Options, OptionError> {
        Options::check(&forge().options, given.iter().map(|(name, value)| (name.to_string(), typed(value))))
    }

    #[test]
    fn dashes_and_underscores_are_alike_and_defaults_are_filled_in() {
        let options = check(&[("owner", "acme"), ("web-url", "https://w.example")]).unwrap();
        assert_eq!(options.get("web_url"), Some("https://w.example"));
        assert_eq!(options.get("api_url"), Some("https://api.forge.example"));
        assert!(options.is_given("web_url") && !options.is_given("api_url"));
    }

    #[test]
    fn an_unknown_option_is_an_error_that_lists_the_known_and_suggests_the_nearest() {
        let text = check(&[("owner", "acme"), ("api_ulr", "x")]).unwrap_err().to_string();
        assert!(text.contains("did you mean `api_url`?") && text.contains("`owner`, `token`"), "{text}");
        let text = check(&[("owner", "acme"), ("xyzzy", "x")]).unwrap_err().to_string();
        assert!(!text.contains("did you mean"), "{text}");
    }

    #[test]
    fn a_missing_or_empty_required_option_is_named() {
        assert!(matches!(check(&[]), Err(OptionError::Missing { name, .. }) if name == "owner"));
        let empty = check(&[("owner", "")]);
        assert!(matches!(empty, Err(OptionError::Empty { name, .. }) if name == "owner"));
    }

    #[test]
    fn an_option_given_twice_in_either_spelling_is_an_error() {
        let twice = check(&[("owner", "a"), ("api-url", "x"), ("api_url", "y")]);
        assert_eq!(twice.unwrap_err(), OptionError::Repeated("api_url".into()));
    }

    #[test]
    fn secrets_are_neither_shown_nor_handed_on_as_values() {
        let options = check(&[("owner", "acme"), ("token", "hunter2")]).unwrap();
        assert!(!format!("{options:?}").contains("hunter2"));
        assert!(options.plain_values().all(|(_, value)| value != "hunter2"));
        assert_eq!(options.secrets_given().collect::<Vec<_>>(), ["token"]);
        let error = check(&[("owner", "acme"), ("token", "hunter2\n")]).unwrap_err();
        assert!(matches!(error, OptionError::Control(_)) && !error.to_string().contains("hunter2"));
    }
    #[test]
    fn a_hidden_value_is_accepted_for_secret_options_only() {
        let hidden = |name: &str| (name.to_owned(), OptionValue::Hidden(Zeroizing::new("hunter2".to_owned())));
        let owner = ("owner".to_owned(), typed("acme"));
        let options = Options::check(&forge().options, [owner.clone(), hidden("token")]).unwrap();
        assert_eq!(options.secret("token").unwrap().as_str(), "hunter2");
        // Every option that the provider sees, whatever else is true of it.
        for option in forge().options.iter().filter(|option| !option.secret) {
            let given = [owner.clone(), hidden(&option.name)];
            let given = given.into_iter().skip(usize::from(option.name == "owner"));
            let error = Options::check(&forge().options, given).unwrap_err();
            assert_eq!(error, OptionError::Seen(option.name.clone()));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_condition_learns_of_a_secret_only_whether_it_was_given() {
        let options = check(&[("owner", "acme"), ("token", "hunter2")]).unwrap();
        let about = |condition: fn(String, String) -> Condition, value: &str| condition("token".into(), value.into());
        assert!(options.holds(&Condition::Given("token".into())));
        assert!(
            !options.holds(&about(Condition::Equals, "hunter2")) && !options.holds(&about(Condition::StartsWith, "h"))
        );
    }
}
