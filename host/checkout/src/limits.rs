//! What a download may use.

use serde::{Deserialize, Serialize};

use crate::error::{Reason, Rejected};

/// Limits on what a download unpacks. The defaults are above what the largest public repositories hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Files, links and directories.
    pub entries: u64,
    /// Bytes of an archive after gunzip, and of the files fetched singly.
    pub bytes: u64,
    /// Bytes of all names and link targets together; they are held in memory.
    pub names: u64,
    /// How many bytes may come out of gunzip for each that went in; counts from 1 GiB on, since small archives may well be of zeros.
    pub ratio: u64,
    /// Bytes of a path. More than 4096 can never be written.
    pub path_length: u64,
    /// Names in a path. More than 256 are never taken.
    pub path_depth: u64,
}

/// From here on the ratio counts.
const RATIO_COUNTS_FROM: u64 = 1 << 30;

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 500_000, bytes: 32 << 30, names: 32 << 20, ratio: 200, path_length: 4096, path_depth: 256 }
    }
}

/// Counts what comes out of what is packed.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    bytes: u64,
    ratio: u64,
    /// Bytes that earlier content of the same download took.
    used: u64,
    packed: u64,
    unpacked: u64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, used: u64) -> Self {
        Self { bytes: limits.bytes, ratio: limits.ratio, used, packed: 0, unpacked: 0 }
    }

    /// Bytes that came so far.
    pub(crate) fn came(&mut self, packed: u64) {
        self.packed = packed;
    }

    pub(crate) fn packed(&self) -> u64 {
        self.packed
    }

    /// Could so many more come out?
    pub(crate) fn check_room(&self, more: u64) -> Result<(), Rejected> {
        match self.used.saturating_add(self.unpacked).saturating_add(more) > self.bytes {
            true => Err(over("archive_bytes", self.bytes, "bytes")),
            false => Ok(()),
        }
    }

    /// So many more came out.
    pub(crate) fn pass(&mut self, more: u64) -> Result<(), Rejected> {
        self.check_room(more)?;
        self.unpacked += more;
        match self.unpacked > RATIO_COUNTS_FROM && self.unpacked / self.ratio.max(1) > self.packed {
            true => Err(over("archive_ratio", self.ratio, "unpacked bytes for each packed one")),
            false => Ok(()),
        }
    }
}

pub(crate) fn too_many_entries(limits: &Limits) -> Rejected {
    over("archive_entries", limits.entries, "files, links and directories")
}

pub(crate) fn too_many_bytes(limits: &Limits) -> Rejected {
    over("archive_bytes", limits.bytes, "bytes")
}

pub(crate) fn too_many_names(limits: &Limits) -> Rejected {
    // No user can set it.
    Rejected::archive(Reason::Names(limits.names))
}

fn over(name: &'static str, value: u64, what: &'static str) -> Rejected {
    Rejected::archive(Reason::Limit { name, value, what })
}
