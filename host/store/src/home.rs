//! The directory of a store. Only its owner can read and write it.

use crate::error::{Result, StoreError};
use forgeport_platform::private;
use std::path::Path;

/// Makes a directory, unless it is there.
///
/// # Errors
/// As [`check`].
pub(crate) fn make(path: &Path) -> Result<()> {
    private::directory(path)?;
    check(path)
}

/// Looks at a directory, if it is there.
///
/// # Errors
/// When others may write to it: they could put their own files in the place of ours.
pub(crate) fn check(path: &Path) -> Result<()> {
    if private::others_may_write(path)? { Err(StoreError::DirectoryNotPrivate(path.to_owned())) } else { Ok(()) }
}
