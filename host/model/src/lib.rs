//! The values of the host, and their grammar. They know neither WebAssembly, nor the network, nor the disk.
//!
//! | Folder | What it is about | Uses |
//! | --- | --- | --- |
//! | `names` | hosts, remote URLs, references to secrets, workspaces, digests, sources of components, characters that deceive | none |
//! | `git` | names of objects, paths inside a repository | `names` |
//! | `limits` | how much a call and a download may use | `names` |
//! | `network` | where requests may go: origins, grants, the three layers of the decision | `names`, `limits` |
//! | `audit` | what is recorded of requests and changes | `names` |
//! | `manifest` | what a provider declares, its options, and the access that follows | `names`, `network` |
//!
//! Each folder's `mod.rs` states the problem, the accepted forms and an example.

mod audit;
mod git;
mod limits;
mod manifest;
mod names;
mod network;

pub use audit::{
    AuditAction, AuditContext, AuditEvent, AuditRecord, AuditedChange, AuditedRequest, Outcome, UnknownName,
};
pub use git::{Collision, Commit, FileKind, Hasher, Identity, NoObjectId, ObjectFormat, ObjectId, PathError, RepoPath};
pub use limits::{CallOf, LONGEST, Limit, LimitError, LimitReached, Limits, STACK_CLASSES, date_after, deadline};
pub use manifest::{
    Access, AccessError, Condition, CredentialPlan, CredentialRule, Description, DescriptionError, Need,
    OptionDefinition, OptionError, OptionValue, Options, Placement, Template, TemplateError, holds_for,
};
pub use names::{
    ComponentSource, Digest, HostError, NoDigest, ReferenceError, RemoteError, RemoteScheme, RemoteUrl,
    SecretReference, Workspace, deceives, escape_untrusted, escape_untrusted_short, nearest, normalise_name,
    shell_word, some_of,
};
pub use network::{
    Authority, Denial, DenialReason, Grant, Grants, Layer, Origin, OriginError, OriginPattern, PathPrefix,
    PathPrefixError, Permission, Policy, PolicyError, Scheme,
};
