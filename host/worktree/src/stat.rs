//! Compares a file with its entry in the index, by metadata alone.

use std::fs::Metadata;

use forgeport_platform::metadata::{EntryMetadata, FileTime};
use gix::index::Entry;
use gix::index::entry::Flags;
use gix::index::entry::stat::Time;

const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const OWNER_MAY_EXECUTE: u32 = 0o100;

/// The result of the comparison by metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatMatch {
    Same,
    Changed,
    /// The content has to be compared.
    Unsure,
}

/// The configuration that the comparison depends on.
pub struct StatRules {
    /// `core.fileMode`: the executable bit of the file system means something.
    pub file_mode: bool,
    /// `core.symlinks`: where it is off, a link is checked out as a regular file.
    pub symlinks: bool,
    /// `core.sparseCheckout`: an entry that is left out of the work tree counts again where its file exists.
    pub sparse: bool,
    /// `core.trustctime`: when a file's metadata changed means something.
    pub trust_ctime: bool,
    /// `core.checkStat` is not `minimal`: more than the size and the second of the last change means something.
    pub whole_stat: bool,
    /// When the index was written, in seconds.
    pub index_written: i64,
}

/// Compares an entry that is no submodule with the metadata (of a link itself) at its path.
///
/// The rules are git's: a file whose recorded size, times and inode are unchanged is the same, unless it was written no earlier than the
/// index ("racily clean": a change in the same tick would not show).
pub fn compare(entry: &Entry, found: &Metadata, rules: &StatRules) -> StatMatch {
    if is_unwatched(entry) && !(is_skipped(entry) && rules.sparse) {
        return StatMatch::Same;
    }
    if entry.flags.contains(Flags::INTENT_TO_ADD) || !same_type(entry, found, rules) {
        return StatMatch::Changed;
    }
    // The index keeps the size modulo 2^32.
    let recorded = &entry.stat;
    if recorded.size != found.len() as u32 {
        // A recorded size of 0 may also mean that git wants the content compared.
        return if recorded.size == 0 { StatMatch::Unsure } else { StatMatch::Changed };
    }
    if recorded.size == 0 && !entry.id.is_empty_blob() {
        return StatMatch::Unsure;
    }
    let same = same_time(recorded.mtime, FileTime::modified(found), rules)
        && (!rules.trust_ctime || !rules.whole_stat || same_time(recorded.ctime, FileTime::changed(found), rules))
        && (!rules.whole_stat || recorded.ino == EntryMetadata::from(found).inode as u32);
    if same && !is_racy(recorded.mtime, rules.index_written) { StatMatch::Same } else { StatMatch::Unsure }
}

fn same_type(entry: &Entry, found: &Metadata, rules: &StatRules) -> bool {
    match entry.mode.bits() & TYPE_MASK {
        REGULAR => {
            let executable = entry.mode.bits() & OWNER_MAY_EXECUTE != 0;
            found.is_file() && (!rules.file_mode || executable == EntryMetadata::from(found).owner_may_execute())
        }
        SYMLINK => found.is_symlink() || (!rules.symlinks && found.is_file()),
        _ => false,
    }
}

/// Most builds of git compare seconds only. Where the fractions differ, the content is compared, which is never wrong.
fn same_time(recorded: Time, found: FileTime, rules: &StatRules) -> bool {
    let same_fraction = !rules.whole_stat || recorded.nsecs == 0 || i64::from(recorded.nsecs) == found.nanoseconds;
    recorded.secs == found.seconds as u32 && same_fraction
}

/// The index keeps 32 bits, which git reads as a signed number.
fn is_racy(recorded: Time, index_written: i64) -> bool {
    i64::from(recorded.secs.cast_signed()) >= index_written
}

/// True if the user or a sparse checkout excludes the file from comparison.
pub fn is_unwatched(entry: &Entry) -> bool {
    entry.flags.intersects(Flags::ASSUME_VALID | Flags::SKIP_WORKTREE)
}

/// True if a sparse checkout left the file out of the work tree.
fn is_skipped(entry: &Entry) -> bool {
    entry.flags.contains(Flags::SKIP_WORKTREE)
}
