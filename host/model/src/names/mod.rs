//! Names that people give and read, and the one table of characters that deceive.
//!
//! A name comes from a person, a file or a stranger's checkout, and decides where a request or a secret is sent. So each has one normal form,
//! in which two of them can be compared, and what two programs could read in two ways is refused.
//!
//! # Accepted forms
//!
//! | Name | Form | Normal form |
//! | --- | --- | --- |
//! | host | `GitHub.com.`, `bücher.example`, `[2001:DB8::1]` | lower-case ASCII, no dot at the end, punycode, shortest IPv6 in brackets |
//! | remote, by URL | `https://[user@]host[:port]/path[.git]`; also `http`, `ssh`, `git`, `git+ssh`, `ssh+git` | without user, default port and `.git` |
//! | remote, as scp writes it | `[user@]host:path`, `[user@][address]:path` | as `ssh://host/path` |
//! | digest of a component | 64 hexadecimal digits in lower case | the same |
//! | reference to a secret | `{{name.key}}`, alone in the value; white space only within the braces | `{{name.key}}` |
//!
//! # Example
//!
//! ```
//! use forgeport_model::{RemoteUrl, SecretReference};
//!
//! let remote = RemoteUrl::parse("git@GitHub.com:acme/demo.git")?;
//! assert_eq!((remote.host(), remote.path()), ("github.com", "acme/demo"));
//! assert_eq!(RemoteUrl::parse("https://me:secret@github.com:443/acme/demo/")?.to_string(), "https://github.com/acme/demo");
//!
//! let reference = SecretReference::parse("{{github.token}}").unwrap().unwrap();
//! assert_eq!((reference.name(), reference.key()), ("github", "token"));
//! assert_eq!(SecretReference::parse("plain"), Ok(None));
//! # Ok::<(), forgeport_model::RemoteError>(())
//! ```

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
pub use text::{deceives, escape_untrusted, escape_untrusted_short, shell_word, some_of};
pub use workspace::Workspace;
