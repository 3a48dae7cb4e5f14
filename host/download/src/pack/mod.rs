//! Fills a staged directory from a pack, the form in which git itself brings a commit (gitformat-pack(5)).
//!
//! | step | file | what it does |
//! | --- | --- | --- |
//! | receive | `stream`, `receive` | reads the entries while they come; whole objects go to the disk or into memory, deltas into a file |
//! | resolve | `delta`, `resolve` | makes objects out of deltas |
//! | place | `trees`, `placer` | walks the trees of the commit, and moves the files to their places |
//! | complete | `complete` | compares with the commit, and places what was missing |
//!
//! Every object is expanded once, on its way to the disk, and its id is computed then; what is found by its id has it. Only the hash function
//! has to be trusted.
//!
//! The reader is our own because of what packs can do to others: libgit2 expands deltas in memory, so that one of 16 kB took 1.7 GB, and
//! it computes for as long as the pack likes. Here, memory does not follow from what an object says of its size, the work is the sum of
//! what comes out, which has its limits, and all of it stops at the deadline.

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
