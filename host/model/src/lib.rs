//! The values that the rest of the host speaks of, and their grammar: origins, grants, options, secret references, remote URLs, limits,
//! names of git's objects.
//!
//! Nothing here knows of wasm, the network or the disk.

mod git;
mod limits;
mod manifest;
mod names;
mod network;

pub use git::{Collision, Hasher, Kind, NoObjectId, ObjectFormat, ObjectId, PathError, RepoPath, neutral};
pub use limits::{CallOf, LONGEST, Limit, LimitError, LimitReached, Limits, date_after, deadline};
pub use manifest::{
    Access, AccessError, Condition, CredentialPlan, CredentialRule, Description, DescriptionError, Need,
    OptionDefinition, OptionError, OptionValue, Options, Placement, Template, TemplateError, holds_for,
};
pub use names::{
    ComponentSource, Digest, HostError, NoDigest, ReferenceError, RemoteError, RemoteScheme, RemoteUrl,
    SecretReference, Workspace, deceives, nearest, normalise_name, shell_word,
};
pub use network::{
    Authority, Denial, DenialReason, Grant, Grants, Layer, Origin, OriginError, OriginPattern, PathPrefix,
    PathPrefixError, Permission, Policy, PolicyError, Scheme,
};
