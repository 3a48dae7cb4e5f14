//! The progress of a download.

/// Receives how far a download is; called from several threads.
pub trait Progress: Send + Sync {
    /// This many more bytes came over the network.
    fn received(&self, bytes: u64);
    /// This many more bytes in this many more files are written.
    fn advance(&self, bytes: u64, files: u64);
}

/// For whoever does not want to know.
impl Progress for () {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}
