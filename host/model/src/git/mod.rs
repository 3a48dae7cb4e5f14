//! Git's own values: names of objects and how they are computed, and paths inside a repository.
//!
//! Both come from forges, archives and strangers' checkouts. An object's name proves what a download contains; a path decides where a file
//! is written. Each is checked once, where it is parsed, so that no other code has to check it again.
//!
//! # Accepted forms
//!
//! | What | Form | Refused |
//! | --- | --- | --- |
//! | object id | 40 (SHA-1) or 64 (SHA-256) hex digits, in any case | abbreviations; content with the marks of a SHA-1 collision |
//! | path | names separated by `/`, of any bytes; empty for the root | absolute paths, empty names, `.`, `..`, NUL, whatever a file system takes for `.git` |
//! | length of a path | at most 4096 bytes, 255 in a name, 256 levels | |
//!
//! # Example
//!
//! ```
//! use forgeport_model::{ObjectFormat, ObjectId, RepoPath};
//!
//! let id = ObjectId::of_blob(ObjectFormat::Sha1, b"hello\n").unwrap();
//! assert_eq!(id.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
//! assert!("ce01362".parse::<ObjectId>().is_err());
//!
//! assert!(RepoPath::parse("src/main.rs").is_ok());
//! assert!(RepoPath::parse("../outside").is_err());
//! assert!(RepoPath::parse("sub/.GIT/config").is_err());
//! ```

mod commit;
mod object;
mod path;

pub use commit::{Commit, Identity};
pub use object::{Collision, FileKind, Hasher, NoObjectId, ObjectFormat, ObjectId};
pub use path::{PathError, RepoPath};
