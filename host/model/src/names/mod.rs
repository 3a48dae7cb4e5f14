//! Names that people give and read: remote URLs, references to secrets, and the one table of characters that deceive.

mod reference;
mod remote;
pub(crate) mod text;

pub use reference::{ReferenceError, SecretReference};
pub use remote::{RemoteError, RemoteScheme, RemoteUrl};
pub use text::{deceives, shell_word};
