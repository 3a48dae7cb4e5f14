//! The pure values that decide what a provider may do: origins, grants, options, secret references, remote URLs.
//!
//! Nothing here knows of wasm, the network or the disk.

mod access;
mod authority;
mod call_of;
mod deadline;
mod description;
mod grant;
mod host;
mod limit;
mod limits;
mod options;
mod origin;
mod path;
mod pattern;
mod policy;
mod reference;
mod remote;
mod template;
mod text;
mod validate;

pub use access::{Access, AccessError, CredentialPlan, holds_for};
pub use authority::{Authority, Denial, Layer, Permission, Reason};
pub use call_of::CallOf;
pub use deadline::{LONGEST, date_after, deadline};
pub use description::{Condition, CredentialRule, Description, Need, Placement, Setting};
pub use grant::{Grant, Grants};
pub use host::HostError;
pub use limit::{Limit, LimitError};
pub use limits::{LimitReached, Limits};
pub use options::{OptionError, OptionValue, Options, nearest, normalise_name};
pub use origin::{Origin, OriginError, Scheme};
pub use path::{PathPrefix, PathPrefixError};
pub use pattern::OriginPattern;
pub use policy::{Policy, PolicyError};
pub use reference::{ReferenceError, SecretReference};
pub use remote::{RemoteError, RemoteScheme, RemoteUrl};
pub use template::{Template, TemplateError};
pub use text::{deceives, shell_word};
pub use validate::DescriptionError;
