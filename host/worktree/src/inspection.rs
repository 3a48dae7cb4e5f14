//! The state of one inspection of a checkout and its submodules: its time limit, and the secrets that it has found.

use std::path::Path;
use std::time::{Duration, Instant};

use forgeport_model::deadline;

use crate::ContextError;
use crate::mask::KnownSecrets;

/// The time limit, and the secrets that must not be repeated.
pub struct Inspection {
    pub secrets: KnownSecrets,
    limit: Duration,
    pub end: Instant,
}

impl Inspection {
    pub fn new(limit: Duration) -> Self {
        Self { secrets: KnownSecrets::default(), limit, end: deadline(limit) }
    }

    /// Called wherever a checkout decides how much work there is: trees of 4,096 bytes may have 10^10 files.
    ///
    /// # Errors
    /// When the time is over.
    pub fn check_time(&self, path: &Path) -> Result<(), ContextError> {
        if Instant::now() < self.end { Ok(()) } else { Err(self.too_long(path)) }
    }

    pub fn too_long(&self, path: &Path) -> ContextError {
        ContextError::TookTooLong { path: path.to_path_buf(), limit: self.limit }
    }
}
