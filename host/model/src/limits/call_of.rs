//! Which registration a call belongs to. It decides what an error can advise: only a registration can be given an option.

use std::sync::Arc;

/// Which registration a call belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum CallOf {
    /// None: there is no command that would change what applies.
    #[default]
    Nobody,
    /// One that is being made: the option belongs to the command that is running.
    New,
    /// The registration of this name.
    Registered(Arc<str>),
}

impl CallOf {
    /// The command by which a person gives this option to the registration, in backquotes; none where there is no such command.
    #[must_use]
    pub fn with_option(&self, option: &str) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::New => Some(format!("`{option}`")),
            Self::Registered(name) => Some(format!("`forgeport code-repository update {name} {option}`")),
        }
    }
}
