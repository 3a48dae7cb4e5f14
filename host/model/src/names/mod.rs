//! Names of things: workspaces, components and where they come from, remote URLs, references to secrets, and the one table of characters
//! that deceive.

mod digest;
mod reference;
mod remote;
mod source;
pub(crate) mod text;
mod workspace;

pub use digest::{Digest, NoDigest};
pub use reference::{ReferenceError, SecretReference};
pub use remote::{RemoteError, RemoteScheme, RemoteUrl};
pub use source::ComponentSource;
pub use text::{deceives, shell_word};
pub use workspace::Workspace;
