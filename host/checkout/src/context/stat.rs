//! Whether a file is still what the index recorded, judged by its metadata alone.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use git2::Oid;

use super::index::{Entry, Time};

/// The id of the blob without content.
const EMPTY_BLOB: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const OWNER_MAY_EXECUTE: u32 = 0o100;

/// What the metadata tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Changed,
    /// The content has to be compared.
    Unsure,
}

/// What the comparison depends on besides the two sides.
pub struct Rules {
    /// `core.fileMode`: the executable bit of the file system means something.
    pub file_mode: bool,
    /// `core.symlinks`: where it is off, a link is checked out as a regular file.
    pub symlinks: bool,
    /// `core.sparseCheckout`: an entry that is left out of the work tree counts again where its file exists.
    pub sparse: bool,
    /// When the index was written: seconds and nanoseconds.
    pub index_written: (i64, i64),
}

/// Compares an entry that is no submodule with the metadata (of a link itself) at its path.
///
/// The rules are git's: a file whose recorded size, times and inode still hold is the same, unless it was written no earlier than the
/// index ("racily clean": a change in the same tick would not show).
pub fn compare(entry: &Entry, found: &Metadata, rules: &Rules) -> Verdict {
    if entry.is_unwatched() && !(entry.is_skipped() && rules.sparse) {
        return Verdict::Same;
    }
    if entry.is_intent_to_add() || !same_type(entry, found, rules) {
        return Verdict::Changed;
    }
    // The index keeps the size modulo 2^32.
    if entry.size != found.size() as u32 {
        // A recorded size of 0 may also mean that git wants the content compared.
        return if entry.size == 0 { Verdict::Unsure } else { Verdict::Changed };
    }
    if entry.size == 0 && found.size() == 0 && !is_empty_blob(entry.id) {
        return Verdict::Changed;
    }
    let same = same_time(entry.modified, found.mtime(), found.mtime_nsec())
        && same_time(entry.changed, found.ctime(), found.ctime_nsec())
        && entry.inode == found.ino() as u32;
    if same && !is_racy(entry.modified, rules.index_written) { Verdict::Same } else { Verdict::Unsure }
}

fn same_type(entry: &Entry, found: &Metadata, rules: &Rules) -> bool {
    match entry.mode & TYPE_MASK {
        REGULAR => {
            let executable = |mode: u32| mode & OWNER_MAY_EXECUTE != 0;
            found.is_file() && (!rules.file_mode || executable(entry.mode) == executable(found.mode()))
        }
        SYMLINK => found.is_symlink() || (!rules.symlinks && found.is_file()),
        _ => false,
    }
}

fn same_time(recorded: Time, seconds: i64, nanoseconds: i64) -> bool {
    recorded.seconds == seconds as i32 && (recorded.nanoseconds == 0 || i64::from(recorded.nanoseconds) == nanoseconds)
}

fn is_racy(recorded: Time, index_written: (i64, i64)) -> bool {
    let (seconds, nanoseconds) = index_written;
    let recorded_seconds = i64::from(recorded.seconds);
    if recorded.nanoseconds == 0 {
        recorded_seconds >= seconds
    } else {
        (recorded_seconds, i64::from(recorded.nanoseconds)) >= (seconds, nanoseconds)
    }
}

fn is_empty_blob(id: Oid) -> bool {
    Oid::from_str(EMPTY_BLOB).is_ok_and(|empty| empty == id)
}
