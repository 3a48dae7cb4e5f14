//! Where the operator's policy is.

use crate::{Result, ServiceError};
use forgeport_model::Policy;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The operator's own place, which no user's environment gets around.
const SYSTEM: &str = "/etc/forgeport/policy.toml";

/// Reads `/etc/forgeport/policy.toml`, or else the file that is named. Without either nothing is forbidden.
///
/// # Errors
/// When there is one that cannot be read, or the named one is missing.
pub(crate) fn read_first(named: Option<PathBuf>) -> Result<Policy> {
    if let Some(policy) = read(Path::new(SYSTEM))? {
        return Ok(policy);
    }
    let Some(file) = named else { return Ok(Policy::default()) };
    let missing = || ServiceError::Unreadable { path: file.clone(), source: ErrorKind::NotFound.into() };
    read(&file)?.ok_or_else(missing)
}

fn read(file: &Path) -> Result<Option<Policy>> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let policy = Policy::parse(&text);
            policy.map(Some).map_err(|source| ServiceError::Policy { path: file.to_owned(), source })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ServiceError::Unreadable { path: file.to_owned(), source }),
    }
}
