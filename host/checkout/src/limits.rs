//! What a download may use.

use serde::{Deserialize, Serialize};

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
pub(crate) const RATIO_COUNTS_FROM: u64 = 1 << 30;

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 500_000, bytes: 32 << 30, names: 32 << 20, ratio: 200, path_length: 4096, path_depth: 256 }
    }
}
