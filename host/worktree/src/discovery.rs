//! Finds the repository that a directory is in, as git does: upwards, within the same file system.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::ContextError;
use crate::file_check::{NAME, check_file, metadata};
use forgeport_platform::metadata::EntryMetadata;

/// A found repository.
#[derive(Debug)]
pub struct Location {
    /// The directory that has it as `.git`, or is it.
    pub directory: PathBuf,
    /// The repository's own directory.
    pub git: PathBuf,
}

impl Location {
    /// The path that `safe.directory` would name: the root of the work tree, or the bare repository.
    pub fn root(&self) -> &Path {
        &self.directory
    }

    /// The paths that have to belong to the user: both directories, and the file that links them, if there is one.
    pub fn of_ownership(&self) -> [PathBuf; 3] {
        [self.directory.clone(), self.directory.join(".git"), self.git.clone()]
    }
}

/// Searches from `directory` upwards. Like git's, the search ends where another file system begins.
///
/// # Errors
/// When a file on the way is not one that git writes.
pub fn search(directory: &Path) -> Result<Option<Location>, ContextError> {
    let device = |path: &Path| metadata(path).map(|found| EntryMetadata::from(&found).device);
    let first = device(directory);
    for place in directory.ancestors().take_while(|place| device(place) == first) {
        if let Some(found) = at(place)? {
            return Ok(Some(found));
        }
        if is_repository(place)? {
            return Ok(Some(Location { directory: place.to_path_buf(), git: place.to_path_buf() }));
        }
    }
    Ok(None)
}

/// Finds the repository of this work tree, without a search.
///
/// # Errors
/// As [`search`].
pub fn at(root: &Path) -> Result<Option<Location>, ContextError> {
    let git = root.join(".git");
    let git = match metadata(&git) {
        Some(found) if found.is_dir() => git,
        // Anything but a file is ignored.
        Some(found) if found.is_file() => {
            check_file(&git, NAME)?;
            let link = std::fs::read(&git).map_err(ContextError::unreadable(&git))?;
            let link = link.strip_prefix(b"gitdir:").unwrap_or_default().trim_ascii();
            root.join(OsStr::from_bytes(link))
        }
        _ => return Ok(None),
    };
    Ok(is_repository(&git)?.then(|| Location { directory: root.to_path_buf(), git }))
}

fn is_repository(directory: &Path) -> Result<bool, ContextError> {
    check_file(&directory.join("commondir"), NAME)?;
    let has = |name: &str| directory.join(name).exists();
    Ok(has("HEAD") && (has("commondir") || (has("objects") && has("refs"))))
}
