//! What a download does on the local disk: the staged directory that it fills, unpacking, the tree's verification, and the cache of
//! downloads.
//!
//! Nothing here knows of wasm or the network.

mod archive;
mod cache;
mod claims;
mod deadline;
mod directory;
mod error;
mod fill;
mod limits;
mod links;
mod mark;
mod pack;
mod pktline;
mod place;
pub mod protocol;
mod receipt;
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
pub use pack::Missing;
pub use receipt::{Receipt, Verification};
pub use source::Format;
pub use staged::{Progress, Settings, Staged};
pub use target::Arrival;
pub use unfinished::Unfinished;
pub use unpack::Layout;
