//! Checks a file before it is opened: that it is a regular file, and not larger than git could need.
//!
//! Neither git nor `gix` checks this: a named pipe makes `open` wait for ever, and a sparse file of a terabyte is read whole. Both are
//! easily put into an archive. Only files that are known to be opened are checked here; the time limit of the inspection ends the rest.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::ContextError;
use forgeport_platform::metadata::{EntryKind, EntryMetadata, is_null_device};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A file with a name or an id in it.
pub const NAME: u64 = 64 * KIB;
/// A configuration. One with 10,000 branches has 1 MiB.
pub const CONFIG: u64 = 16 * MIB;
/// Rules for paths. git reads none of more than 100 MiB (`PATTERN_MAX_FILE_SIZE`, `ATTR_MAX_FILE_SIZE`).
pub const RULES: u64 = 100 * MIB;
/// Ten million files.
pub const INDEX: u64 = 1024 * MIB;
/// Ten million refs.
pub const REFS: u64 = 1024 * MIB;
/// Packs and objects, which are not read whole.
pub const ANY: u64 = u64::MAX;

/// Files with rules for paths (`.gitignore`, `.gitattributes`): which can be read, by directory.
pub struct RuleFiles<'a> {
    root: &'a Path,
    name: &'a str,
    usable: HashMap<Vec<u8>, bool>,
}

/// Checks a file that git may read; a missing one is accepted.
///
/// # Errors
/// When it is not a regular file, or too large.
pub fn check_file(path: &Path, limit: u64) -> Result<(), ContextError> {
    metadata(path).map_or(Ok(()), |metadata| check_metadata(path, &metadata, limit))
}

/// All files below a directory, at whatever depth; links to directories are followed once.
pub fn all_below(directory: &Path, limit: u64) -> Result<(), ContextError> {
    let mut seen = HashSet::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(directory) = pending.pop() {
        each_in(&directory, limit, |path, metadata| {
            if seen.insert(EntryMetadata::from(metadata).id()) {
                pending.push(path);
            }
        })?;
    }
    Ok(())
}

/// Checks the files of a directory, and passes its directories to `descend`.
pub fn each_in(directory: &Path, limit: u64, mut descend: impl FnMut(PathBuf, &Metadata)) -> Result<(), ContextError> {
    // A directory that cannot be listed is reported where it is needed.
    let Ok(listing) = std::fs::read_dir(directory) else { return Ok(()) };
    for entry in listing.flatten() {
        // There may be many thousands, and their kind is known from the listing.
        if limit == ANY && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        match metadata(&path) {
            Some(metadata) if metadata.is_dir() => descend(path, &metadata),
            Some(metadata) => check_metadata(&path, &metadata, limit)?,
            None => {}
        }
    }
    Ok(())
}

fn check_metadata(path: &Path, metadata: &Metadata, limit: u64) -> Result<(), ContextError> {
    if let Some(what) = no_file(metadata) {
        return Err(ContextError::NoFile { path: path.to_path_buf(), what });
    }
    if metadata.is_file() && metadata.len() > limit {
        return Err(ContextError::TooLarge { path: path.to_path_buf(), limit });
    }
    Ok(())
}

/// The metadata of a link's target. None where it is missing, circular or forbidden: it cannot be opened either, and is reported where it
/// is needed.
pub fn metadata(path: &Path) -> Option<Metadata> {
    path.metadata().ok()
}

/// The kind, if it is neither file nor directory. The null device counts as an empty file, as configurations use it.
fn no_file(metadata: &Metadata) -> Option<&'static str> {
    match EntryMetadata::from(metadata).kind {
        EntryKind::Pipe => Some("a named pipe"),
        EntryKind::Socket => Some("a socket"),
        EntryKind::CharacterDevice if is_null_device(metadata) => None,
        EntryKind::BlockDevice | EntryKind::CharacterDevice => Some("a device"),
        EntryKind::File | EntryKind::Directory | EntryKind::Link | EntryKind::Other => None,
    }
}

/// True if the file is missing, or a part of its path is no directory.
pub fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl<'a> RuleFiles<'a> {
    pub fn new(root: &'a Path, name: &'a str) -> Self {
        Self { root, name, usable: HashMap::new() }
    }

    /// True if all files with rules for `path` (from the root) can be read.
    pub fn are_usable_for(&mut self, path: &[u8]) -> bool {
        let mut end = path.len();
        loop {
            // The rules of `a/b/c` are in `a/b`, `a` and the root; a directory's path ends with a slash, and it has rules of its own.
            let directory = &path[..path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)];
            if !self.is_usable(directory) {
                return false;
            }
            if directory.is_empty() {
                return true;
            }
            end = directory.len() - 1;
        }
    }

    fn is_usable(&mut self, directory: &[u8]) -> bool {
        if let Some(known) = self.usable.get(directory) {
            return *known;
        }
        let path = self.root.join(OsStr::from_bytes(directory)).join(self.name);
        // Git does not follow a link there.
        let usable = path.symlink_metadata().map_or(Ok(()), |metadata| check_metadata(&path, &metadata, RULES)).is_ok();
        self.usable.insert(directory.to_vec(), usable);
        usable
    }
}
