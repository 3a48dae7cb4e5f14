//! Fills a staged directory from a pack, the format in which git transfers objects (gitformat-pack(5)).
//!
//! | step | file | what it does |
//! | --- | --- | --- |
//! | receive | `stream`, `receive` | reads the entries while they arrive; whole objects are written to the disk or into memory, deltas into a file |
//! | resolve | `delta`, `resolve` | computes objects from deltas |
//! | place | `trees`, `placer` | walks the trees of the commit, and moves the files to their places |
//! | complete | `complete` | compares with the commit, and places missing files |
//!
//! Every object is expanded once, on its way to the disk, and its id is computed from the expanded bytes. So only the hash function has to
//! be trusted.
//!
//! The reader is our own because of hostile packs: libgit2 expands deltas in memory, so one of 16 kB took 1.7 GB, and has no bound on its
//! computing time. Here memory does not depend on the size that an object states, the work is bounded by the limits on unpacked bytes, and
//! everything stops at the deadline.

mod complete;
mod delta;
mod objects;
mod placer;
mod receive;
mod resolve;
mod stream;
mod trees;

use std::io::Read;

use crate::directory::Directory;
use crate::error::{RejectReason, Rejected, UnpackError};
use crate::progress::Progress;
use crate::staging::Staging;
use objects::Objects;

pub use complete::Missing;
pub(crate) use complete::{compare_with_commit, put_missing};

/// Unpacks the commit into the staged directory; on failure parts may be there.
pub(crate) fn unpack(staging: &Staging, answer: impl Read, progress: &dyn Progress) -> Result<(), UnpackError> {
    let scratch = staging.scratch()?;
    placer::place(staging, &expand(staging, answer, scratch.directory())?, progress)
}

/// All objects of the pack in an answer, by their names.
fn expand<'a>(staging: &'a Staging, answer: impl Read, scratch: &'a Directory) -> Result<Objects<'a>, UnpackError> {
    let mut objects = Objects::new(staging, scratch);
    let deltas = receive::receive(staging, answer, &mut objects)?;
    resolve::resolve(&mut objects, deltas)?;
    Ok(objects)
}

fn malformed(why: &'static str) -> Rejected {
    Rejected::archive(RejectReason::Malformed(why))
}

/// Before the checksum was seen, what is malformed may have been damaged on its way: it is worth another try.
fn damaged(why: &str) -> UnpackError {
    UnpackError::transfer(&format!("the pack is damaged: {why}"))
}
