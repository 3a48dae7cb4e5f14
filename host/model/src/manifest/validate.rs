//! The checks that a description has to pass before anything else is done with it: whoever wrote the component may be hostile.

use std::collections::HashSet;

use thiserror::Error;

use crate::{
    Condition, CredentialRule, Description, Need, OptionDefinition, Placement, Template, TemplateError,
    names::text::{deceives, is_token, quote_untrusted},
};

/// Entries in each list of a description.
const ENTRIES: usize = 64;
/// Bytes of a name or a version.
const NAME: usize = 64;
/// Bytes of a text for a person, a template or a value.
const TEXT: usize = 1024;
/// Bytes of a secret's beginning in a condition: longer than `github_pat_`, far shorter than a token.
const SECRET_START: usize = 12;
/// Conditions about secrets' beginnings: each could disclose one bit of the secret to the provider.
const SECRET_QUESTIONS: usize = 8;
/// Headers that frame or route a message, or that only browsers' sessions use (RFC 9110, RFC 9112).
const OWN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a description is not accepted. Texts of the component are quoted and cut.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DescriptionError {
    /// A list is too long.
    #[error("the provider's description has {count} {what}, and may have {ENTRIES}: its author has to leave some out")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// How many entries it has.
        count: usize,
    },
    /// A text is empty, too long, or could deceive who reads it.
    #[error("the provider's description has a bad {what}: {why}; its author has to change it")]
    Text {
        /// Which text.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// Two options of one name.
    #[error("the provider's description has option `{0}` twice: its author has to rename one")]
    Duplicate(String),
    /// A secret with a default would be a secret that everybody knows.
    #[error("the provider's description has a default for the secret option `{0}`: its author has to remove it")]
    SecretDefault(String),
    /// A required option needs no default.
    #[error(
        "the provider's description has a default for the required option `{0}`: its author has to decide for one of the two"
    )]
    RequiredDefault(String),
    /// A template that cannot be read.
    #[error("the provider's description has a bad template: {0}")]
    Template(#[from] TemplateError),
    /// A template, a rule or a condition names an option that does not exist.
    #[error(
        "the provider's description uses option {name} in {place}, but does not declare it: its author has to add it to the options"
    )]
    Unknown {
        /// The option, quoted.
        name: String,
        /// Where.
        place: &'static str,
    },
    /// A secret where none may be.
    #[error(
        "the provider's description uses the secret option `{name}` in {place}, where no secret may be: its author has to use another one"
    )]
    Secret {
        /// The option.
        name: String,
        /// Where.
        place: &'static str,
    },
    /// A credential rule for an option that is no secret.
    #[error(
        "the provider's description sends option `{0}` as a credential, but does not declare it secret: its author has to say `secret: true`"
    )]
    NotSecret(String),
    /// No method of HTTP that a provider could use.
    #[error(
        "the provider's description requests method {0}, which is not a method or opens tunnels: its author has to name one like `GET` or `POST`"
    )]
    Method(String),
    /// No header's name, or one that is not for a secret.
    #[error(
        "the provider's description sends a secret in header {0}, which is not the name of a header for secrets: its author has to name one like `PRIVATE-TOKEN`"
    )]
    Header(String),
    /// Only a credential's own secret may decide about it: no other secret is known where it is sent.
    #[error(
        "the provider's description has a condition about the beginning of the secret option `{0}`, which may only decide how that option itself is sent: its author has to remove it"
    )]
    SecretBeginning(String),
    /// Too much of a secret would be disclosed.
    #[error(
        "the provider's description has too many conditions about the beginning of secrets: its author may use at most {SECRET_QUESTIONS} conditions, of at most {SECRET_START} bytes each"
    )]
    SecretQuestions,
}

impl Description {
    /// Checks everything that can be known without options: names, texts, templates, conditions, lengths.
    ///
    /// # Errors
    /// The first part of the description that is not accepted, and what its author has to change.
    pub fn validate(&self) -> Result<(), DescriptionError> {
        Check { declared: &self.options }.description(self)
    }
}

/// True for lower-case words joined by `_`.
pub(crate) fn is_option_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= NAME && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(allowed)
}

/// True if a secret may be sent in a header of this name.
pub(crate) fn is_secret_header(name: &str) -> bool {
    is_token(name) && name.len() <= NAME && !OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own))
}

struct Check<'a> {
    declared: &'a [OptionDefinition],
}

impl Check<'_> {
    fn description(&self, description: &Description) -> Result<(), DescriptionError> {
        kind("name", &description.name)?;
        version(&description.version)?;
        text("summary", &description.summary, 1)?;
        few("options", &description.options)?;
        few("needs", &description.needs)?;
        few("credentials", &description.credentials)?;
        few("remote hosts", &description.remote_hosts)?;
        let mut names = HashSet::new();
        for option in &description.options {
            self.definition(option)?;
            if !names.insert(&option.name) {
                return Err(DescriptionError::Duplicate(option.name.clone()));
            }
        }
        description.needs.iter().try_for_each(|need| self.need(need))?;
        description.credentials.iter().try_for_each(|rule| self.credential(rule))?;
        description.remote_hosts.iter().try_for_each(|host| self.template("a remote host", host))?;
        self.secret_questions(description)
    }

    fn definition(&self, option: &OptionDefinition) -> Result<(), DescriptionError> {
        if !is_option_name(&option.name) {
            return Err(bad("option", &option.name, "a name is lower case, words joined by `_`, up to 64 characters"));
        }
        text(&format!("help of option `{}`", option.name), &option.help, 1)?;
        let Some(default) = &option.default else {
            return Ok(());
        };
        text(&format!("default of option `{}`", option.name), default, 0)?;
        if option.secret {
            return Err(DescriptionError::SecretDefault(option.name.clone()));
        }
        if option.required {
            return Err(DescriptionError::RequiredDefault(option.name.clone()));
        }
        Ok(())
    }

    fn need(&self, need: &Need) -> Result<(), DescriptionError> {
        self.template("a need", &need.origin)?;
        few("methods in a need", &need.methods)?;
        few("paths in a need", &need.paths)?;
        need.paths.iter().try_for_each(|path| self.template("a path", path))?;
        if let Some(method) = need.methods.iter().find(|method| !is_method(method)) {
            return Err(DescriptionError::Method(quote_untrusted(method)));
        }
        self.conditions(&need.conditions, None)
    }

    fn credential(&self, rule: &CredentialRule) -> Result<(), DescriptionError> {
        let option = self.known("a credential", &rule.option)?;
        if !option.secret {
            return Err(DescriptionError::NotSecret(option.name.clone()));
        }
        self.template("a credential", &rule.origin)?;
        match &rule.placement {
            Placement::Basic(user) => self.template("a user name", user)?,
            Placement::Header(name) if !is_secret_header(name) => {
                return Err(DescriptionError::Header(quote_untrusted(name)));
            }
            Placement::Bearer | Placement::Header(_) => {}
        }
        self.conditions(&rule.conditions, Some(&rule.option))
    }

    fn template(&self, place: &'static str, template: &str) -> Result<(), DescriptionError> {
        text(place, template, 0)?;
        for name in Template::parse(template)?.names() {
            if self.known(place, name)?.secret {
                return Err(DescriptionError::Secret { name: name.to_owned(), place });
            }
        }
        Ok(())
    }

    /// `own` is the secret option whose sending they decide about.
    fn conditions(&self, conditions: &[Condition], own: Option<&str>) -> Result<(), DescriptionError> {
        const PLACE: &str = "a condition";
        few("conditions in a rule", conditions)?;
        for condition in conditions {
            match condition {
                Condition::Given(name) | Condition::Absent(name) => {
                    self.known(PLACE, name)?;
                }
                Condition::Equals(name, value) => {
                    text(PLACE, value, 0)?;
                    if self.known(PLACE, name)?.secret {
                        return Err(DescriptionError::Secret { name: name.clone(), place: "a condition `equals`" });
                    }
                }
                Condition::StartsWith(name, start) => {
                    text(PLACE, start, 0)?;
                    if self.known(PLACE, name)?.secret && own != Some(name) {
                        return Err(DescriptionError::SecretBeginning(name.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn secret_questions(&self, description: &Description) -> Result<(), DescriptionError> {
        let rules = description.credentials.iter().flat_map(|rule| &rule.conditions);
        let asked: HashSet<(&str, &str)> = rules
            .filter_map(|condition| match condition {
                Condition::StartsWith(name, start) => Some((name.as_str(), start.as_str())),
                _ => None,
            })
            .filter(|(name, _)| self.known("a condition", name).is_ok_and(|option| option.secret))
            .collect();
        if asked.len() > SECRET_QUESTIONS || asked.iter().any(|(_, start)| start.len() > SECRET_START) {
            return Err(DescriptionError::SecretQuestions);
        }
        Ok(())
    }

    fn known(&self, place: &'static str, name: &str) -> Result<&OptionDefinition, DescriptionError> {
        let option = self.declared.iter().find(|option| option.name == name);
        option.ok_or_else(|| DescriptionError::Unknown { name: quote_untrusted(name), place })
    }
}

fn few<T>(what: &'static str, entries: &[T]) -> Result<(), DescriptionError> {
    let count = entries.len();
    if count > ENTRIES { Err(DescriptionError::TooMany { what, count }) } else { Ok(()) }
}

fn kind(what: &str, name: &str) -> Result<(), DescriptionError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if name.len() <= NAME && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(bad(
        what,
        name,
        "it is a lower-case letter and then lower-case letters, digits, `-` and `_`, up to 64 characters",
    ))
}

fn version(version: &str) -> Result<(), DescriptionError> {
    if (1..=NAME).contains(&version.len()) && version.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(bad("version", version, "it is 1 to 64 ASCII characters without spaces"))
}

fn text(what: &str, text: &str, least: usize) -> Result<(), DescriptionError> {
    if text.len() < least {
        return Err(bad(what, text, "it is empty"));
    }
    if text.len() > TEXT {
        return Err(bad(what, text, "it is longer than 1024 bytes"));
    }
    if text.contains(deceives) {
        return Err(bad(what, text, "it has control or invisible characters in it"));
    }
    Ok(())
}

fn is_method(method: &str) -> bool {
    let letters = !method.is_empty() && method.len() <= 16 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    letters && !["CONNECT", "TRACE"].contains(&method)
}

fn bad(what: &str, text: &str, why: &str) -> DescriptionError {
    DescriptionError::Text { what: format!("{what} {}", quote_untrusted(text)), why: why.to_owned() }
}
