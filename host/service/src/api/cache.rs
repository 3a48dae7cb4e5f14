//! The cache of downloads, as it is shown.

use serde::Serialize;

/// The usage of a workspace's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CacheUsage {
    /// Downloads that are kept.
    pub entries: u64,
    /// Bytes that they take on the disk.
    pub bytes: u64,
    /// Bytes that they may take.
    pub limit: u64,
}

impl From<forgeport_download::CacheUsage> for CacheUsage {
    fn from(usage: forgeport_download::CacheUsage) -> CacheUsage {
        let forgeport_download::CacheUsage { entries, bytes, limit } = usage;
        CacheUsage { entries, bytes, limit }
    }
}
