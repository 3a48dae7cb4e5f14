//! The errors of loading a provider and of calling it.

use forgeport_child::ChildError;
use forgeport_egress::try_again;
use forgeport_model::{Limit, LimitReached, Limits};
use std::time::Duration;
use thiserror::Error;
use wasmtime::{Trap, component::ResourceTableError};

/// Why a component cannot be used as a provider.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The engine itself does not start.
    #[error("the WebAssembly engine does not start: {0:#}; is the address space limited (ulimit -v)?")]
    Engine(wasmtime::Error),
    /// Not a WebAssembly component.
    #[error(
        "this is no WebAssembly component: {0:#}; a provider is built as a component of the world forgeport:code-repository/code-provider"
    )]
    NoComponent(wasmtime::Error),
    /// More of something than a component may have; none of it was compiled.
    #[error("the component has {found} {what}, and {most} are the most that are compiled here; build a smaller one")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// As many as there are, or more.
        found: u64,
        /// As many as may be.
        most: u64,
    },
    /// Compiling it was ended, or did not begin.
    #[error("the component cannot be compiled: {why}{advice}", why = .0, advice = advice(.0))]
    Compile(#[from] ChildError),
    /// What was compiled cannot be used, for example because it wants more memories than there are.
    #[error("the component cannot be run here: {0:#}")]
    Code(wasmtime::Error),
    /// It wants what no provider gets.
    #[error(
        "the component imports {0}, which a provider does not get; build it for the world forgeport:code-repository/code-provider, or for the one that adds wasi:http@0.2"
    )]
    Import(String),
    /// It is not what the host's interface asks for.
    #[error(
        "the component does not fit this version of Forgeport: {0:#}; build it against forgeport:code-repository@0.1"
    )]
    Unfit(wasmtime::Error),
}

fn advice(error: &ChildError) -> &'static str {
    match error {
        ChildError::Memory(_) | ChildError::Computing(_) | ChildError::Answer { .. } => "; build a smaller one",
        ChildError::Time(_) => "; build a smaller one, or try again when the machine is less busy",
        ChildError::Failed(_) => "; if it fails again, report it with the component",
        // It says itself what to do.
        ChildError::Start(_) => "",
    }
}

/// Bytes of a provider's or a forge's words that an error repeats; more is no sentence for a person.
const WORDS: usize = 8 << 10;

/// An error that a provider reports; the counterpart of `error` in the interface.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// The credential is missing, wrong or expired.
    #[error("{0}")]
    Unauthorized(String),
    /// The credential is known, and is not enough.
    #[error("{0}")]
    Forbidden(String),
    /// No such repository or revision, or none that this credential may see.
    #[error("{0}")]
    NotFound(String),
    /// The forge wants a longer wait than the call may last.
    #[error("{message}; {}", try_again(*.retry_after))]
    RateLimited {
        /// The provider's words.
        message: String,
        /// How long to wait, where the forge says so.
        retry_after: Option<Duration>,
    },
    /// An option that cannot be right.
    #[error("--{name}: {why}")]
    InvalidOption {
        /// The option.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// This forge, or this provider, cannot do it.
    #[error("{0}")]
    Unsupported(String),
    /// The forge does not answer sensibly now.
    #[error("{0}")]
    Unavailable(String),
    /// An error of the host that the provider passed on.
    #[error("{0}")]
    Host(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Why a call of a provider gave no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The provider's own answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The host stopped the call.
    #[error("the provider was stopped: {0}")]
    Limit(#[from] LimitReached),
    /// The host's own code panicked. What it said is not kept: it may contain anything.
    #[error(
        "Forgeport itself failed in `{call}`: this is a defect of Forgeport, report it with the line that tells where"
    )]
    Failed {
        /// The exported function, or what it called.
        call: &'static str,
    },
    /// The component failed.
    #[error("the provider failed in `{call}`: {detail}; this is a defect of the provider, report it to its author")]
    Trapped {
        /// The exported function.
        call: &'static str,
        /// The engine's words, one line.
        detail: String,
    },
}

impl ProviderError {
    /// Everything in it that others said.
    fn words(&mut self) -> Vec<&mut String> {
        match self {
            ProviderError::RateLimited { message, .. } => vec![message],
            ProviderError::InvalidOption { name, why } => vec![name, why],
            ProviderError::Unauthorized(text)
            | ProviderError::Forbidden(text)
            | ProviderError::NotFound(text)
            | ProviderError::Unsupported(text)
            | ProviderError::Unavailable(text)
            | ProviderError::Host(text)
            | ProviderError::Other(text) => vec![text],
        }
    }
}

impl CallError {
    /// With everything changed that others said, and of that no more than a person reads: a provider can say 16 MB, and to search them
    /// takes a while.
    pub(crate) fn reworded(mut self, change: impl Fn(&str) -> String) -> CallError {
        let words = match &mut self {
            CallError::Provider(error) => error.words(),
            CallError::Trapped { detail, .. } => vec![detail],
            CallError::Limit { .. } | CallError::Failed { .. } => Vec::new(),
        };
        words.into_iter().for_each(|text| *text = change(&text[..text.floor_char_boundary(WORDS)]));
        self
    }

    /// The limit that ended the call, if one did; otherwise a defect of the component.
    pub(crate) fn from_trap(call: &'static str, limits: &Limits, error: wasmtime::Error) -> CallError {
        if let Some(reached) = error.downcast_ref::<LimitReached>() {
            return CallError::Limit(reached.clone());
        }
        match error.downcast::<CallError>() {
            Ok(error) => error,
            Err(error) => {
                if let Some(limit) = engines_own(&error) {
                    return CallError::Limit(limits.reached(limit));
                }
                let detail = match error.downcast_ref::<Trap>() {
                    Some(trap) => trap.to_string(),
                    None => error.root_cause().to_string(),
                };
                CallError::Trapped { call, detail: detail.replace('\n', " ") }
            }
        }
    }
}

/// Limits that the engine itself enforces; some have no types there, only words.
fn engines_own(error: &wasmtime::Error) -> Option<Limit> {
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some(Limit::Handles);
    }
    if matches!(error.downcast_ref(), Some(Trap::StackOverflow)) {
        return Some(Limit::Stack);
    }
    let text = format!("{error:#}");
    let words = [("hostcalls has been exhausted", Limit::CallBytes), ("instance count too high", Limit::Instances)];
    words.into_iter().find(|(words, _)| text.contains(words)).map(|(_, limit)| limit)
}
