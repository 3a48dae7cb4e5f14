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
#[derive(Debug, Error)]
pub enum ServiceError {
    /// Nowhere to keep anything.
    #[error("there is no home directory to keep things in: set HOME, or FORGEPORT_HOME to a directory of your own")]
    NoHome,
    /// Components are compiled by this program, started again.
    #[error("the system does not tell which program this is, which is needed to compile providers: {0}")]
    NoProgram(io::Error),
    /// The name belongs to another one.
    #[error("there is a code repository named {0:?} already: choose another name, or change that one with `update`")]
    NameTaken(String),
    /// No component where one was named.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A file that was named.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of an authority of one's own.
    #[error("cannot read {}, which FORGEPORT_CA_FILE names: {source}", .path.display())]
    CertificateFile {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is no provider.
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
    /// Twice the same option.
    #[error("option `{0}` was given more than once: give it one value")]
    Repeated(String),
    /// Nothing to do.
    #[error(
        "there is nothing to change: give an option to set, --unset=OPTION, --description, --rename, --limit, --grant, --allow-private or --source"
    )]
    NothingToChange,
    /// An option cannot be removed.
    #[error("option `{option}` is not set, so it cannot be removed: set are {}", listed(.set))]
    NotSet {
        /// The option.
        option: String,
        /// Those that are.
        set: Vec<String>,
    },
    /// A registration of which was not kept what a person consented to.
    #[error(
        "the code repository {0} comes from a Forgeport that did not keep what was consented to: `forgeport code-repository update {0}` asks the provider, shows what it would get, and stores it"
    )]
    NoConsent(String),
    /// What is stored out of sight would be seen.
    #[error(
        "this provider calls --{option} no secret any more, and would see what is stored for it: `forgeport code-repository update {name} --unset={option}` removes it, or --{option}=VALUE in place of --unset gives it a value that may be seen"
    )]
    NoLongerSecret {
        /// The code repository.
        name: String,
        /// The option.
        option: String,
    },
    /// What a provider calls a commit is none.
    #[error("the provider gave {0:?} as a commit, which is no full commit id")]
    NoCommit(String),
    /// The id is one of something else.
    #[error("{asked} is not the id of a commit, but stands for the commit {found}: ask for that one")]
    OtherCommit {
        /// As given.
        asked: String,
        /// The commit.
        found: String,
    },
    /// No directory of a repository.
    #[error("--subdirectory={text}: {source}; give it as in the repository, like src/models")]
    Subdirectory {
        /// As given.
        text: String,
        /// Why.
        source: PathError,
    },
    /// The operator's policy.
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
    /// No URL.
    #[error("this is no URL: {0}; write it whole, like https://api.github.com/user")]
    Url(String),
    /// A grant that is none.
    #[error("{text:?} cannot be granted: {why}")]
    Grant {
        /// As given.
        text: String,
        /// Why.
        why: OriginError,
    },
    /// A grant that nobody asks for.
    #[error("the provider does not ask for {pattern}: it asks for {}", listed(.asked))]
    NotAsked {
        /// As given.
        pattern: OriginPattern,
        /// What it asks for.
        asked: Vec<String>,
    },
    /// A grant that is asked for, and not given.
    #[error("the provider asks for {}: add --grant={} to grant it, or --yes to grant all", listed(.0), .0.first().map_or("", String::as_str))]
    Ungranted(Vec<String>),
    /// A grant that is not there.
    #[error("{pattern} is not granted: granted are {}", listed(.granted))]
    NotGranted {
        /// As given.
        pattern: OriginPattern,
        /// What is.
        granted: Vec<String>,
    },
    /// The built-in providers' grants.
    #[error(
        "{0} is built in, and granted what it asks for, with no leave here that could be taken: the operator's policy can allow less, or delete the code repository"
    )]
    BuiltInGrants(String),
    /// A secret that tokens are made from.
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
    /// What a provider asks for.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// What a provider says of itself.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The component.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The provider or the forge, about an option that the registration has or lacks.
    #[error(
        "{source}; `forgeport code-repository update {name} --{option}=@FILE` gives the code repository that option"
    )]
    Registered {
        /// The code repository.
        name: String,
        /// The option.
        option: String,
        /// What was said.
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
    /// What came.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// The checkout.
    #[error(transparent)]
    Context(#[from] ContextError),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
