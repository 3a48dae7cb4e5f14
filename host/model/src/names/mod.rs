//! Names of things: workspaces, components and where they come from, remote URLs, references to secrets, and the one table of characters
//! that deceive.

mod digest;
pub(crate) mod host;
mod reference;
mod remote;
mod similar;
mod source;
pub(crate) mod text;
mod workspace;

pub use digest::{Digest, NoDigest};
pub use host::HostError;
pub use reference::{ReferenceError, SecretReference};
pub use remote::{RemoteError, RemoteScheme, RemoteUrl};
pub use similar::{nearest, normalise_name};
pub use source::ComponentSource;
pub use text::{deceives, shell_word};
pub use workspace::Workspace;
