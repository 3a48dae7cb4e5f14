//! What holds for one question about a checkout, and the submodules in it.

use std::path::Path;
use std::time::{Duration, Instant};

use forgeport_model::deadline;

use crate::ContextError;
use crate::mask::KnownSecrets;

/// How long it may take, and what must not be told.
pub struct Inspection {
    pub secrets: KnownSecrets,
    limit: Duration,
    pub end: Instant,
}

impl Inspection {
    pub fn new(limit: Duration) -> Self {
        Self { secrets: KnownSecrets::default(), limit, end: deadline(limit) }
    }

    /// Asked wherever a checkout decides how much there is to do: its trees may be of 4,096 bytes and hold 10^10 files.
    pub fn check_time(&self, path: &Path) -> Result<(), ContextError> {
        if Instant::now() < self.end { Ok(()) } else { Err(self.too_long(path)) }
    }

    pub fn too_long(&self, path: &Path) -> ContextError {
        ContextError::TookTooLong { path: path.to_path_buf(), limit: self.limit }
    }
}
