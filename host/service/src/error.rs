//! Why a use case failed.

use forgeport_components::ComponentError;
use forgeport_download::{FinishError, TargetError};
use forgeport_egress::EgressError;
use forgeport_model::PathError;
use forgeport_model::{
    AccessError, DescriptionError, LimitError, OptionError, OriginError, OriginPattern, PolicyError, ReferenceError,
};
use forgeport_runtime::{CallError, LoadError};
use forgeport_store::StoreError;
use forgeport_worktree::ContextError;
use std::{io, path::PathBuf};
use thiserror::Error;

/// Why a use case failed: one line with the cause and what to do.
///
/// The errors of the crates below are kept as causes. What callers have to distinguish is a variant without them, or a method.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is no home directory.
    #[error("there is no home directory to keep things in: set HOME, or FORGEPORT_HOME to a directory of your own")]
    NoHome,
    /// This program cannot be started again, which compiling needs.
    #[error(
        "the system does not report the path of this program, which has to be started again to compile providers: {0}"
    )]
    NoProgram(io::Error),
    /// Another code repository has the name.
    #[error("there is a code repository named {0:?} already: choose another name, or change that one with `update`")]
    NameTaken(String),
    /// There is no such component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file with certificates cannot be read.
    #[error("cannot read {}, which FORGEPORT_CA_FILE names: {source}", .path.display())]
    CertificateFile {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cache cannot be read.
    #[error("cannot read the cache: {0}")]
    CacheUnreadable(io::Error),
    /// Something in the cache cannot be removed.
    #[error("cannot clear the cache, which is below FORGEPORT_HOME where that is set: {0}")]
    CacheNotCleared(io::Error),
    /// A file is not a provider.
    #[error("{}: {source}", .path.display())]
    Source {
        /// Where.
        path: PathBuf,
        /// Why.
        source: Box<ServiceError>,
    },
    /// A value that looks like a reference.
    #[error("--{option}: {source}")]
    Reference {
        /// The option.
        option: String,
        /// Why.
        source: ReferenceError,
    },
    /// An option was given twice.
    #[error("option `{0}` was given more than once: give it one value")]
    Repeated(String),
    /// An update changes nothing.
    #[error(
        "there is nothing to change: give an option to set, --unset=OPTION, --description, --rename, --limit, --grant, --allow-private or --source"
    )]
    NothingToChange,
    /// An option cannot be removed.
    #[error("option `{option}` is not set, so it cannot be removed; set: {}", listed(.set))]
    NotSet {
        /// The option.
        option: String,
        /// The options that are set.
        set: Vec<String>,
    },
    /// A registration without a stored consent.
    #[error(
        "the code repository {0} was registered by a Forgeport that did not store what was consented to: `forgeport code-repository update {0}` asks the provider, shows the plan, and stores it"
    )]
    NoConsent(String),
    /// A stored secret would become visible to the provider.
    #[error(
        "the provider no longer declares --{option} a secret, and would see the stored value: `forgeport code-repository update {name} --unset={option}` removes it, or --{option}=VALUE instead of --unset sets a value that it may see"
    )]
    NoLongerSecret {
        /// The code repository.
        name: String,
        /// The option.
        option: String,
    },
    /// The provider gave something else than a commit id.
    #[error("the provider gave {0:?} as a commit, which is not a full commit id")]
    NoCommit(String),
    /// The id is that of another object.
    #[error("{asked} is not the id of a commit; it stands for the commit {found}: use that id")]
    OtherCommit {
        /// As given.
        asked: String,
        /// The commit.
        found: String,
    },
    /// The subdirectory cannot be one of a repository.
    #[error("--subdirectory={text}: {source}; write it relative to the repository, like src/models")]
    Subdirectory {
        /// As given.
        text: String,
        /// Why.
        source: PathError,
    },
    /// The operator's policy cannot be read.
    #[error("{}: {source}; nothing is allowed until it can be read", .path.display())]
    Policy {
        /// Where.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// A limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The URL cannot be read.
    #[error("this is not a URL: {0}; write it in full, like https://api.github.com/user")]
    Url(String),
    /// The grant cannot be read.
    #[error("{text:?} cannot be granted: {why}")]
    Grant {
        /// As given.
        text: String,
        /// Why.
        why: OriginError,
    },
    /// A grant that the provider does not request.
    #[error("the provider does not request {pattern}; it requests {}", listed(.requested))]
    NotRequested {
        /// As given.
        pattern: OriginPattern,
        /// The requested access.
        requested: Vec<String>,
    },
    /// Grants that are requested and were not given.
    #[error("the provider requests {}: add --grant={} to grant it, or --yes to grant all", listed(.0), .0.first().map_or("", String::as_str))]
    Ungranted(Vec<String>),
    /// There is no such grant.
    #[error("{pattern} is not granted; granted: {}", listed(.granted))]
    NotGranted {
        /// As given.
        pattern: OriginPattern,
        /// The granted access.
        granted: Vec<String>,
    },
    /// A built-in provider's grants cannot be revoked.
    #[error(
        "{0} is built in, and always granted what it requests: restrict it in the operator's policy, or delete the code repository"
    )]
    BuiltInGrants(String),
    /// A token cannot be made from a secret.
    #[error("the secret {name:?}: {why}")]
    Mint {
        /// The secret.
        name: String,
        /// Why there is no token.
        why: String,
    },
    /// A task of this process ended before its time.
    #[error("the download was stopped: {0}")]
    Stopped(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An option.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The access that a provider requests.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A provider's description.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The component.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The provider's or the forge's answer, with the option that the registration needs.
    #[error("{source}; `forgeport code-repository update {name} --{option}=@FILE` sets that option")]
    Registered {
        /// The code repository.
        name: String,
        /// The option.
        option: String,
        /// The answer.
        source: CallError,
    },
    /// The provider or the forge.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The network.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The target directory.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The received content, or putting it into the target.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// The checkout.
    #[error(transparent)]
    Context(#[from] ContextError),
}

impl ServiceError {
    /// True if the request itself is at fault, as it was written: it names no provider that there is, or options that the provider does not
    /// take.
    pub fn is_usage(&self) -> bool {
        use ComponentError::{NoSource, NoType, SourceOfBuiltIn, UnknownType};
        matches!(
            self,
            ServiceError::Option(_)
                | ServiceError::Component(NoType | NoSource | UnknownType { .. } | SourceOfBuiltIn(_))
        )
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
