//! Brings the files of one commit into a directory, all of them or none, and proves by their tree hash that they are the commit's.
//!
//! The layer between the network (bytes, listings) and the local disk; it contains no WebAssembly, HTTP or store. Content is untrusted. It is
//! unpacked, counted and hashed while it arrives, into a staging directory that other users cannot read; only complete and verified content
//! reaches the target.
//!
//! | layer, from below | files | what it does |
//! | --- | --- | --- |
//! | directories | `directory`, `place`, `work_directory`, `survey`, `mark`, `fill`, `target` | find the target, stage beside it, fill it |
//! | content | `archive`, `layout`, `source`, `writer`, `pktline`, `tree`, `links`, `claims` | read archives, write and hash files, compute tree ids |
//! | staging | `ledger`, `staging` | the staging directory and its state |
//! | filling | `unpack`, `pack`, `single`, `listing` | fill it from an archive, a git pack, single files; compare it with a listing |
//! | download | `download`, `receipt`, `cache` | one download from its target to its receipt; kept downloads |
//!
//! ```
//! use forgeport_download::{ArchiveFormat, DownloadSpec, Layout, StagedDownload, Verification};
//! use forgeport_model::{Limits, RepoPath};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // An archive as forges send it: all paths lie in one root folder.
//! let mut archive = tar::Builder::new(Vec::new());
//! let mut header = tar::Header::new_ustar();
//! header.set_size(2);
//! header.set_mode(0o644);
//! archive.append_data(&mut header, "demo-c506d60/a", &b"a\n"[..])?;
//! let archive = archive.into_inner()?;
//!
//! let place = tempfile::tempdir()?;
//! let target = place.path().join("code");
//! let commit = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d".parse()?;
//! let spec = DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits: Limits::default() };
//! let download = StagedDownload::new(&target, spec)?;
//! // The commit's tree, as the forge reports it.
//! download.expect_tree(&RepoPath::root(), "aaff74984cccd156a469afa7d9ab10e4777beb24".parse()?)?;
//! download.unpack(&archive[..], ArchiveFormat::Tar, &Layout { strip: 1, base: RepoPath::root() }, &())?;
//! assert!(!target.exists());
//!
//! let receipt = download.finish()?;
//! assert_eq!(receipt.verification, Verification::Verified);
//! assert_eq!(std::fs::read_to_string(target.join("a"))?, "a\n");
//! # Ok(())
//! # }
//! ```

mod archive;
mod cache;
mod claims;
mod deadline;
mod directory;
mod download;
mod error;
mod fill;
mod layout;
mod ledger;
mod limits;
mod links;
mod listing;
mod mark;
mod pack;
mod pktline;
mod place;
mod progress;
pub mod protocol;
mod receipt;
mod single;
mod source;
mod spec;
mod staging;
mod survey;
mod target;
mod tree;
mod unfinished;
mod unpack;
mod work_directory;
mod writer;

pub use cache::{Cache, CacheKey, CacheUsage, KeptDownload, PartialDownload, WrittenDownload};
pub use deadline::{CancelGuard, Deadline, Stopped};
pub use download::StagedDownload;
pub use error::{DiskError, FinishError, RejectReason, Rejected, TargetError, UnpackError};
pub use layout::Layout;
pub use listing::ListedEntry;
pub use mark::check_finished;
pub use pack::Missing;
pub use progress::Progress;
pub use receipt::{Receipt, Verification};
pub use source::ArchiveFormat;
pub use spec::DownloadSpec;
pub use target::Arrival;
pub use unfinished::Unfinished;
