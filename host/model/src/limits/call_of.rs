//! Whose call it is, which decides what an error can advise: only a registration can be given an option.

use std::sync::Arc;

/// Whose call it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum CallOf {
    /// Nobody's whom an option could be given.
    #[default]
    Nobody,
    /// A registration that is being made: the option belongs to the command that is running.
    New,
    /// The registration of this name.
    Registered(Arc<str>),
}

impl CallOf {
    /// How a person gives an option that changes what holds for such calls: the command, between backquotes.
    #[must_use]
    pub fn with_option(&self, option: &str) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::New => Some(format!("`{option}`")),
            Self::Registered(name) => Some(format!("`forgeport code-repository update {name} {option}`")),
        }
    }
}
