//! The options of a registration, checked against what the provider takes.

use crate::description::{Condition, Description, Setting};
use std::{collections::BTreeMap, fmt};
use thiserror::Error;
use zeroize::Zeroizing;

/// How like a known name an unknown one must be to be suggested; below this, suggestions are noise.
const SIMILAR: f64 = 0.7;

/// Values for a provider's settings, complete with defaults.
#[derive(Clone, Debug, Default)]
pub struct Options(BTreeMap<String, OptionValue>);

#[derive(Clone)]
struct OptionValue {
    text: Zeroizing<String>,
    secret: bool,
    given: bool,
}

/// Why options cannot be those of a provider. Values are not repeated: they may be credentials.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionError {
    /// The provider has no such option.
    #[error("{provider} has no option --{name}{}; it takes {known}", suggestion(.nearest))]
    Unknown {
        /// The provider's name.
        provider: String,
        /// What was given.
        name: String,
        /// The known name that is most like it, if one is.
        nearest: Option<String>,
        /// All known names, for a person.
        known: String,
    },
    /// The same option more than once.
    #[error("--{0} is given twice; give it once")]
    Twice(String),
    /// A required option is missing or empty.
    #[error("--{name} is missing: {help}; add --{name}=…")]
    Missing {
        /// The option.
        name: String,
        /// The provider's words on it.
        help: String,
    },
    /// A value with control characters or a line break in it.
    #[error(
        "the value of --{0} has a control character or a line break in it; was it read from the right file?"
    )]
    Control(String),
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!(" (did you mean --{name}?)"))
        .unwrap_or_default()
}

/// An option's name as settings spell it: `api-url` and `api_url` are the same option.
pub fn normalise_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The candidate that is most like a name, when one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let scored = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score >= SIMILAR)
        .map(|(_, candidate)| candidate.to_owned())
}

impl Options {
    /// Checks what was given and fills in the defaults. An empty value counts as not given.
    ///
    /// # Errors
    /// For an unknown, repeated or missing option.
    pub fn check(
        description: &Description,
        given: impl IntoIterator<Item = (String, Zeroizing<String>)>,
    ) -> Result<Options, OptionError> {
        let mut values = BTreeMap::new();
        for (name, text) in given {
            let name = normalise_name(&name);
            let setting = description
                .setting(&name)
                .ok_or_else(|| unknown(description, &name))?;
            if text.chars().any(char::is_control) {
                return Err(OptionError::Control(name));
            }
            let value = OptionValue {
                text,
                secret: setting.secret,
                given: true,
            };
            if values.insert(name.clone(), value).is_some() {
                return Err(OptionError::Twice(name));
            }
        }
        values.retain(|_, value| !value.text.is_empty());
        for setting in &description.settings {
            fill_in(&mut values, setting)?;
        }
        Ok(Options(values))
    }

    /// The value of an option, a secret one's too.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.text.as_str())
    }

    /// Was it given, or is it a default?
    pub fn is_given(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.given)
    }

    /// Is it a credential?
    pub fn is_secret(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.secret)
    }

    /// What a provider may see: the options that are no secrets, with defaults.
    pub fn plain_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(_, value)| !value.secret)
            .map(|(name, value)| (name.as_str(), value.text.as_str()))
    }

    /// The names of the secret options that were given.
    pub fn secrets_given(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, value)| value.secret)
            .map(|(name, _)| name.as_str())
    }

    /// The value of a secret option.
    pub fn secret(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.0
            .get(name)
            .filter(|value| value.secret)
            .map(|value| &value.text)
    }

    /// Does a rule's condition hold?
    pub fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Given(name) => self.is_given(name),
            Condition::Absent(name) => !self.is_given(name),
            Condition::Equals(name, text) => self.get(name) == Some(text),
            Condition::StartsWith(name, start) => self
                .get(name)
                .is_some_and(|text| text.starts_with(start.as_str())),
        }
    }
}

fn unknown(description: &Description, name: &str) -> OptionError {
    let names = || {
        description
            .settings
            .iter()
            .map(|setting| setting.name.as_str())
    };
    OptionError::Unknown {
        provider: description.name.clone(),
        name: name.to_owned(),
        nearest: nearest(name, names()),
        known: names()
            .map(|name| format!("--{name}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn fill_in(
    values: &mut BTreeMap<String, OptionValue>,
    setting: &Setting,
) -> Result<(), OptionError> {
    if values.contains_key(&setting.name) {
        return Ok(());
    }
    if let Some(default) = &setting.default {
        let value = OptionValue {
            text: Zeroizing::new(default.clone()),
            secret: false,
            given: false,
        };
        values.insert(setting.name.clone(), value);
    } else if setting.required {
        return Err(OptionError::Missing {
            name: setting.name.clone(),
            help: setting.help.clone(),
        });
    }
    Ok(())
}

impl fmt::Debug for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.secret {
            true => f.write_str("(secret)"),
            false => fmt::Debug::fmt(self.text.as_str(), f),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::description::tests::forge;

    fn check(given: &[(&str, &str)]) -> Result<Options, OptionError> {
        let given = given
            .iter()
            .map(|(name, value)| (name.to_string(), Zeroizing::new(value.to_string())));
        Options::check(&forge(), given)
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
        let text = check(&[("owner", "acme"), ("api_ulr", "x")])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("did you mean --api_url?") && text.contains("--owner, --token"),
            "{text}"
        );
        let text = check(&[("owner", "acme"), ("xyzzy", "x")])
            .unwrap_err()
            .to_string();
        assert!(!text.contains("did you mean"), "{text}");
    }

    #[test]
    fn a_missing_or_empty_required_option_is_named() {
        for given in [&[][..], &[("owner", "")]] {
            assert!(
                matches!(check(given), Err(OptionError::Missing { name, .. }) if name == "owner")
            );
        }
    }

    #[test]
    fn an_option_given_twice_in_either_spelling_is_an_error() {
        let twice = check(&[("owner", "a"), ("api-url", "x"), ("api_url", "y")]);
        assert_eq!(twice.unwrap_err(), OptionError::Twice("api_url".into()));
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
}
