//! Files and directories that only their owner may read.

use crate::{Result, StoreError};
use rustix::fs::OFlags;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::{NamedTempFile, TempPath};

/// How the names of files begin that are being written.
pub(crate) const UNFINISHED: &str = ".new-";

/// Makes a directory for the owner alone, unless it is there.
///
/// # Errors
/// As [`check_directory`].
pub(crate) fn directory(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(StoreError::io("make the directory", path))?;
    check_directory(path)
}

/// Looks at a directory, if it is there.
///
/// # Errors
/// When others may write to it: they could put their own files in the place of ours.
pub(crate) fn check_directory(path: &Path) -> Result<()> {
    let mode = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io("read", path))?.permissions().mode(),
    };
    match mode & 0o022 {
        0 => Ok(()),
        _ => Err(StoreError::DirectoryNotPrivate(path.to_owned())),
    }
}

/// Takes a file from others who may read it, where that is possible: what is a secret in it is sealed.
pub(crate) fn take_from_others(path: &Path) {
    let open_to_others = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    if open_to_others {
        let _ = fs::set_permissions(path, Permissions::from_mode(0o600));
    }
}

/// Makes an empty file for the owner alone, unless it is there. Nobody else may be making it.
///
/// The file is never opened under its own name: closing it would drop the locks that another thread's SQLite has on it.
pub(crate) fn empty_file(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let created = unfinished(path)?.into_temp_path().persist_noclobber(path);
    match created {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(StoreError::io("make", path)(error.error)),
        _ => Ok(()),
    }
}

/// Opens a file that has to be one. A pipe in its place would keep whoever opens it waiting, for ever.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let odd = || io::Error::new(ErrorKind::InvalidInput, "it is no regular file, so remove it");
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(odd());
    }
    let file = options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(odd()) }
}

/// What a file holds, if it is there.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        file => file?.read_to_end(&mut bytes).map(|_| Some(bytes)),
    }
}

/// Writes a file whole or not at all, and onto the disk. One that is there is replaced. Nobody else may be writing it.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let mut file = unfinished(path)?;
    let written = file.write_all(contents).and_then(|()| file.as_file().sync_all());
    written.map_err(StoreError::io("write", path))?;
    file.persist(path).map_err(|error| StoreError::io("write", path)(error.error))?;
    sync_parent(path)
}

/// Gives a file another name, in whose place there may be one, and sees to it that it stays so.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(StoreError::io("rename", from))?;
    sync_parent(to)
}

fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(StoreError::io("write", parent))
}

/// Opens a file that has no contents, to lock it, and waits for the lock. It is given up when the file is dropped.
pub(crate) fn exclusive(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = open(path, &mut options).map_err(StoreError::io("open", path))?;
    file.lock().map_err(StoreError::io("lock", path))?;
    Ok(file)
}

/// A file beside the one that is to be written. Its name is always the same, so what a killed process left is what the next one fills.
fn unfinished(path: &Path) -> Result<NamedTempFile> {
    let beside = unfinished_name(path);
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let file = open(&beside, &mut options).map_err(StoreError::io("write", &beside))?;
    let path = TempPath::try_from_path(&beside).map_err(StoreError::io("write", &beside))?;
    Ok(NamedTempFile::from_parts(file, path))
}

/// Where a file is while it is being written.
pub(crate) fn unfinished_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}"))
}
