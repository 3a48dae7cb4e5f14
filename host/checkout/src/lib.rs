//! What happens on the local disk: the staged directory that a download fills, unpacking, the tree's verification, the cache of
//! downloads, and the local context of a checkout.
//!
//! Nothing here knows of wasm or the network.

mod archive;
mod cache;
mod claims;
pub mod context;
mod deadline;
mod descent;
mod directory;
mod error;
mod fill;
mod limits;
mod links;
mod mark;
mod mount;
mod object;
mod pack;
mod paths;
mod pktline;
mod place;
pub mod program;
pub mod protocol;
mod receipt;
mod regular;
mod resume;
mod single;
mod source;
mod staged;
mod survey;
mod target;
mod tree;
mod unfinished;
mod unpack;
mod workshop;
mod writer;

pub use cache::{Cache, CacheKey, CacheUsage, Kept, Partial};
pub use claims::Entry;
pub use deadline::{CancelGuard, Deadline, Stopped};
pub use error::{DiskError, FinishError, Reason, Rejected, TargetError, UnpackError};
pub use mark::check_finished;
pub use object::{Collision, Kind, NoObjectId, ObjectFormat, ObjectId};
pub use pack::Missing;
pub use paths::{PathError, RepoPath, neutral};
pub use receipt::{Receipt, Verification};
pub use regular::open_regular;
pub use source::Format;
pub use staged::{Progress, Settings, Staged};
pub use target::Arrival;
pub use unfinished::Unfinished;
pub use unpack::Layout;
