//! What is asked of a forge, as errors name it, and what it was given for that: the same answer wants another next step where there was
//! no token.

use crate::{Error, Response, Settings};

/// What is asked for, in words for a person, and with which token.
///
/// ```
/// use forgeport_provider::{Asked, Settings};
///
/// let settings = Settings::new([("owner", "ada")], [("token", "placeholder")]);
/// let repository = Asked::new("repository ada/demo").with(&settings, "token", "one with the scope read:repository");
/// let commit = repository.part("the commit main");
/// # drop(commit);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    what: String,
    /// A part is there or not; a whole repository may also be hidden from who asks.
    is_part: bool,
    token: Option<Token>,
    page: Option<&'static str>,
}

/// The option that a token is given as.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    option: String,
    given: bool,
    /// Which one will do, as in "give {one with the scope x}".
    wanted: &'static str,
}

impl Asked {
    /// A whole repository, such as `repository ada/demo`.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_part: false, token: None, page: None }
    }

    /// With a token of this secret option, if one was given; `wanted` says which one will do, such as `one with the scope x`.
    #[must_use]
    pub fn with(self, settings: &Settings, option: &str, wanted: &'static str) -> Self {
        let token = Token { option: option.into(), given: settings.has_secret(option), wanted };
        Self { token: Some(token), ..self }
    }

    /// With what a web page in the place of an answer may be due to, on this forge.
    #[must_use]
    pub fn page_means(self, cause: &'static str) -> Self {
        Self { page: Some(cause), ..self }
    }

    /// A part of it, such as `the commit main`.
    #[must_use]
    pub fn part(&self, what: &str) -> Self {
        Self { what: format!("{what} of {}", self.what), is_part: true, ..self.clone() }
    }

    /// Was a token given? Nothing where this forge takes none.
    #[must_use]
    pub fn has_token(&self) -> Option<bool> {
        self.token.as_ref().map(|token| token.given)
    }

    /// That there is none, by an answer whose status alone does not tell so.
    #[must_use]
    pub fn missing(&self, answer: &Response) -> Error {
        Error::NotFound(format!("{} does not exist ({}); look for its right name", self.what, answer.words()))
    }

    /// That the forge's answer leaves out what is needed, such as `id`.
    #[must_use]
    pub fn untold(&self, fact: &str) -> Error {
        Error::Unavailable(format!("{}: the forge does not tell its {fact}; try again later", self.what))
    }

    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn is_part(&self) -> bool {
        self.is_part
    }

    pub(crate) fn page(&self) -> Option<&'static str> {
        self.page
    }

    /// How to give a token, or another one.
    pub(crate) fn give(&self) -> String {
        let Some(Token { option, given, wanted }) = &self.token else {
            return "ask the forge's operator who may read it".into();
        };
        let which = if *given { "another token" } else { "a token" };
        format!("give {which} with --{option}=@FILE: {wanted}")
    }

    /// What [`http::send`](crate::http::send) failed with; a rate limit with the advice that a token helps, where there was none.
    #[must_use]
    pub fn limited(&self, error: Error) -> Error {
        match (error, &self.token) {
            (Error::RateLimited((text, wait)), Some(Token { option, given: false, .. })) => {
                let text = format!("{text}; most forges allow more with a token, --{option}=@FILE");
                Error::RateLimited((text, wait))
            }
            (error, _) => error,
        }
    }
}
