//! The error of a file or directory: what failed, where, why, and what to do about it.

use std::{
    io::{Error, ErrorKind},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// The advice if the home cannot be written.
pub const CHOOSE_ANOTHER_HOME: &str = "set FORGEPORT_HOME to a directory that you may write to";
/// The advice if the home's file system is full.
pub const MAKE_ROOM: &str =
    "make room, as `forgeport cache clear` does, or set FORGEPORT_HOME to a directory on another disk";

/// The file system failed.
#[derive(Debug, Error)]
#[error("cannot {doing} {path:?}: {source}{}", advice(.source))]
pub struct FileError {
    /// A verb.
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The error of the system.
    pub source: Error,
}

impl FileError {
    /// Adds to an error of the system what was being done, and where; for `map_err`.
    pub fn at<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(Error) -> FileError + 'a {
        move |source| FileError { doing, path: path.to_owned(), source }
    }
}

/// The advice that follows an error of the system.
fn advice(error: &Error) -> String {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => CHOOSE_ANOTHER_HOME,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => MAKE_ROOM,
        ErrorKind::Unsupported => "its file system has no locks: set FORGEPORT_HOME to a directory on another one",
        _ => return String::new(),
    };
    format!("; {advice}")
}
