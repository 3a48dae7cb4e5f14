//! Git's own values: names of objects and how they are computed, and paths inside a repository.

mod object;
mod path;

pub use object::{Collision, Hasher, Kind, NoObjectId, ObjectFormat, ObjectId};
pub use path::{PathError, RepoPath, neutral};
