//! Where things are kept.

use crate::{Result, ServiceError};
use etcetera::BaseStrategy;
use forgeport_download::Cache;
use std::path::PathBuf;

/// Bytes that kept downloads may take.
const DOWNLOADS: u64 = 8 << 30;

/// The directories of one user, or of whoever sets `FORGEPORT_HOME`.
#[derive(Clone, Debug)]
pub struct Home {
    /// What must not be lost: the store.
    pub data: PathBuf,
    /// What can be made again: compiled code and downloads.
    pub cache: PathBuf,
}

impl Home {
    /// `$FORGEPORT_HOME/{data,cache}` where it is set, otherwise `forgeport` in the system's places (the XDG base directories on Linux).
    ///
    /// # Errors
    /// When neither it nor a home directory is known.
    pub fn detect() -> Result<Home> {
        if let Some(home) = std::env::var_os("FORGEPORT_HOME").filter(|home| !home.is_empty()) {
            let home = std::path::absolute(&home).map_err(|_| ServiceError::NoHome)?;
            return Ok(Home { data: home.join("data"), cache: home.join("cache") });
        }
        let base = etcetera::choose_base_strategy().map_err(|_| ServiceError::NoHome)?;
        Ok(Home { data: base.data_dir().join("forgeport"), cache: base.cache_dir().join("forgeport") })
    }

    /// The downloads that are kept; they need no store.
    pub fn downloads(&self) -> Cache {
        Cache::new(self.cache.join("downloads"), DOWNLOADS)
    }
}
