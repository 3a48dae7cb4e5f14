//! The cache of downloads, shown and cleared. It needs no store, which may be on a full disk or damaged.

use crate::{Home, Result, ServiceError, api::CacheUsage};
use forgeport_model::Workspace;

impl Home {
    /// How much is kept for a workspace. It blocks.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn cache_usage(&self, workspace: &Workspace) -> Result<CacheUsage> {
        let usage = self.downloads(workspace).usage().map_err(ServiceError::CacheUnreadable)?;
        Ok(usage.into())
    }

    /// Removes all that is kept for a workspace; returns what it was. It blocks.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear_cache(&self, workspace: &Workspace) -> Result<CacheUsage> {
        let usage = self.downloads(workspace).clear().map_err(ServiceError::CacheNotCleared)?;
        Ok(usage.into())
    }
}
