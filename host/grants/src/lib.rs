//! The pure values that decide what a provider may do: origins, grants, options, secret references, remote URLs.
//!
//! Nothing here knows of wasm, the network or the disk.

mod description;
mod grant;
mod host;
mod needs;
mod options;
mod origin;
mod reference;
mod remote;
mod template;
mod text;
mod validate;

pub use description::{Condition, CredentialRule, Description, Need, Placement, Setting};
pub use grant::{Denial, Grant, Grants};
pub use host::HostError;
pub use needs::{CredentialPlan, NeedError, Needs};
pub use options::{OptionError, Options, nearest, normalise_name};
pub use origin::{Origin, OriginError, Scheme};
pub use reference::{ReferenceError, SecretReference};
pub use remote::{RemoteError, RemoteScheme, RemoteUrl};
pub use template::{Template, TemplateError};
pub use validate::DescriptionError;
