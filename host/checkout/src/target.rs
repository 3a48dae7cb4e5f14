//! The directory beside the target that a download fills, and how it takes the target's place.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::error::{At, DiskError, TargetError};

/// What every staged directory's name begins with.
const PREFIX: &str = ".forgeport-";

/// A directory in the making. It is removed when it is dropped, and by the next download beside it when the process was killed.
pub(crate) struct Target {
    path: PathBuf,
    force: bool,
    staging: TempDir,
    /// Held for as long as somebody works in the directory; the system gives it up when the process dies.
    _lock: File,
}

impl Target {
    /// Make a staged directory beside `path`.
    pub(crate) fn prepare(path: &Path, force: bool) -> Result<Self, TargetError> {
        let path = real(path)?;
        check_free(&path, force)?;
        let parent = path.parent().ok_or_else(|| TargetError::Root(path.clone()))?;
        fs::create_dir_all(parent).at("create", parent)?;
        // Who sweeps must not see a directory that is made and not locked yet.
        let sweeping = File::open(parent).at("open", parent)?;
        sweeping.lock().at("lock", parent)?;
        sweep(parent);
        let (staging, lock) = make(parent)?;
        Ok(Self { path, force, staging, _lock: lock })
    }

    /// Another directory beside the target, for what only this download needs.
    pub(crate) fn scratch(&self) -> Result<Scratch, DiskError> {
        let parent = self.staging().parent().unwrap_or(&self.path);
        let sweeping = File::open(parent).at("open", parent)?;
        sweeping.lock().at("lock", parent)?;
        let (directory, lock) = make(parent)?;
        Ok(Scratch { directory, _lock: lock })
    }

    /// Where to write.
    pub(crate) fn staging(&self) -> &Path {
        self.staging.path()
    }

    /// Where it will be in the end.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Remove all that was written.
    pub(crate) fn clear(&self) -> Result<(), DiskError> {
        let staging = self.staging();
        for entry in fs::read_dir(staging).at("read", staging)? {
            let entry = entry.at("read", staging)?;
            let path = entry.path();
            let removed = match entry.file_type().at("read", &path)?.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.at("remove", &path)?;
        }
        Ok(())
    }

    /// Put the directory in the target's place, in one step.
    pub(crate) fn publish(self) -> Result<(), TargetError> {
        // A directory may be renamed onto an empty one, and onto no other: nobody's files are lost that came meanwhile.
        match fs::rename(self.staging(), &self.path) {
            Ok(()) => {
                let _ = self.staging.keep();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && self.force => self.exchange(),
            Err(error) => Err(self.why(error)),
        }
    }

    /// What was there lies in the staged directory's place then, and is removed with it.
    fn exchange(self) -> Result<(), TargetError> {
        let exchanged = renameat_with(CWD, self.staging(), CWD, &self.path, RenameFlags::EXCHANGE);
        exchanged.map_err(|error| self.why(error.into()))?;
        let old = self.staging.keep();
        fs::remove_dir_all(&old).at("remove what was there before, now", &old)?;
        Ok(())
    }

    fn why(&self, error: io::Error) -> TargetError {
        match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => TargetError::NotEmpty(self.path.clone()),
            io::ErrorKind::CrossesDevices | io::ErrorKind::ResourceBusy => TargetError::MountPoint(self.path.clone()),
            _ => DiskError::new("move the download to", &self.path, error).into(),
        }
    }
}

/// A directory that is removed when this is dropped.
pub(crate) struct Scratch {
    directory: TempDir,
    _lock: File,
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A new directory in `parent`, locked.
fn make(parent: &Path) -> Result<(TempDir, File), DiskError> {
    let everybody = Permissions::from_mode(0o777);
    let made = tempfile::Builder::new().prefix(PREFIX).permissions(everybody).tempdir_in(parent);
    let directory = made.at("create a directory in", parent)?;
    let lock = File::open(directory.path()).at("open", directory.path())?;
    lock.lock().at("lock", directory.path())?;
    Ok((directory, lock))
}

/// Could a download take this place?
pub(crate) fn check(path: &Path, force: bool) -> Result<(), TargetError> {
    check_free(&real(path)?, force)
}

/// The absolute path, with symbolic links followed where there is something already.
fn real(path: &Path) -> Result<PathBuf, TargetError> {
    match path.canonicalize() {
        Ok(real) => return Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(DiskError::new("read", path, error).into()),
    }
    if path.is_symlink() {
        return Err(TargetError::Dangling(path.to_path_buf()));
    }
    let absolute = std::path::absolute(path).at("read", path)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) if parent.exists() => Ok(parent.canonicalize().at("read", parent)?.join(name)),
        _ => Ok(absolute),
    }
}

fn check_free(path: &Path, force: bool) -> Result<(), TargetError> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(true) if !force => Err(TargetError::NotEmpty(path.to_path_buf())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(TargetError::File(path.to_path_buf())),
        Err(error) => Err(DiskError::new("read", path, error).into()),
    }
}

/// Remove what killed downloads left. That it cannot be removed is no reason not to download.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| is_staging(&entry.file_name())) {
        let path = entry.path();
        let abandoned = File::open(&path).is_ok_and(|directory| directory.try_lock().is_ok());
        if abandoned && path.is_dir() && !path.is_symlink() {
            tracing::debug!(path = %path.display(), "removing what a killed download left");
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_staging(name: &OsStr) -> bool {
    let name: OsString = name.to_owned();
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}
