//! Files and directories that only their owner can read, and files that are written whole or not at all.
//!
//! | file | written | name while it is written |
//! | --- | --- | --- |
//! | with contents | [`write`](fn@write): beside its place, synced, and then renamed | `.new-NAME` |
//! | empty, for another program to fill | [`empty_file`] | `.new-NAME` |
//! | a lock | [`exclusive`]: it has no contents | its own |
//!
//! The name of an unfinished file is always the same, so the next write reuses one that a killed process left.

use crate::{FileError, open_regular, open_regular_with};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::{NamedTempFile, TempPath};

/// How the names of files begin that are being written.
pub const UNFINISHED: &str = ".new-";

type Result<T> = std::result::Result<T, FileError>;

/// Makes a directory for the owner alone, and those above it, unless it is there.
///
/// # Errors
/// When the file system fails.
pub fn directory(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(FileError::at("make the directory", path))
}

/// True if others than the owner may write to a directory: they could put their own files in the place of ours. Where there is none,
/// they may not.
///
/// # Errors
/// When the file system fails.
pub fn others_may_write(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        found => Ok(found.map_err(FileError::at("read", path))?.permissions().mode() & 0o022 != 0),
    }
}

/// The permission bits of a file that others than its owner may use in any way.
///
/// # Errors
/// When the file system fails.
pub fn mode_for_others(file: &File) -> std::io::Result<Option<u32>> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Takes a file from others who may read it, where that is possible.
pub fn take_from_others(path: &Path) {
    let is_open_to_others = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    if is_open_to_others {
        let _ = fs::set_permissions(path, Permissions::from_mode(0o600));
    }
}

/// Makes an empty file for the owner alone, unless it is there. Nobody else may be making it.
///
/// The file is never opened under its own name: closing it would drop the locks that another thread's SQLite has on it.
///
/// # Errors
/// When the file system fails.
pub fn empty_file(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let created = unfinished(path)?.into_temp_path().persist_noclobber(path);
    match created {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(FileError::at("make", path)(error.error)),
        _ => Ok(()),
    }
}

/// The contents of a file, if it is there.
///
/// # Errors
/// When the file system fails, or something else than a regular file is in its place.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match open_regular(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        file => file.and_then(|mut file| file.read_to_end(&mut bytes)).map(|_| Some(bytes)),
    }
    .map_err(FileError::at("read", path))
}

/// Writes a file whole or not at all, and onto the disk. One that is there is replaced. Nobody else may be writing it.
///
/// # Errors
/// When the file system fails.
pub fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let mut file = unfinished(path)?;
    let written = file.write_all(contents).and_then(|()| file.as_file().sync_all());
    written.map_err(FileError::at("write", path))?;
    file.persist(path).map_err(|error| FileError::at("write", path)(error.error))?;
    sync_parent(path)
}

/// Gives a file another name, in whose place there may be one, and sees to it that it stays so after a power cut.
///
/// # Errors
/// When the file system fails.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(FileError::at("rename", from))?;
    sync_parent(to)
}

/// Removes a file, if it is there.
///
/// # Errors
/// When the file system fails.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(FileError::at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Opens a file that has no contents, to lock it, and waits for the lock. It is given up when the file is dropped.
///
/// # Errors
/// When the file system fails or has no locks.
pub fn exclusive(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let file = open_regular_with(path, for_owner(&mut options)).map_err(FileError::at("open", path))?;
    file.lock().map_err(FileError::at("lock", path))?;
    Ok(file)
}

/// Has a file that these options make be for its owner alone.
pub fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// The path of a file while it is being written.
pub fn unfinished_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}"))
}

fn unfinished(path: &Path) -> Result<NamedTempFile> {
    let beside = unfinished_name(path);
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    let file = open_regular_with(&beside, for_owner(&mut options)).map_err(FileError::at("write", &beside))?;
    let path = TempPath::try_from_path(&beside).map_err(FileError::at("write", &beside))?;
    Ok(NamedTempFile::from_parts(file, path))
}

fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(FileError::at("write", parent))
}
