//! A directory by its handle, so that another user who can write beside it cannot exchange it during the download.
//!
//! Names below it are paths of the repository or of Forgeport itself: they have no `..`, and no link lies on them.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::deadline::Deadline;
use crate::error::{AtPath, DiskError, UnpackError};
use forgeport_platform::directory::{BorrowedDirectory, OwnedDirectory};
use forgeport_platform::{descent, removal};

/// A directory, and how it is called in messages.
#[derive(Debug)]
pub(crate) struct Directory {
    handle: OwnedDirectory,
    path: PathBuf,
}

impl Directory {
    pub(crate) fn new(handle: OwnedDirectory, path: PathBuf) -> Self {
        Self { handle, path }
    }

    /// Its handle, by which everything in it is done.
    pub(crate) fn handle(&self) -> BorrowedDirectory<'_> {
        self.handle.borrow()
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()?, path: self.path.clone() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A new directory in this one, which nobody but its owner may use if it is private.
    pub(crate) fn make(&self, name: impl AsRef<OsStr>, private: bool) -> Result<Self, DiskError> {
        let (name, path) = (name.as_ref(), self.path.join(name.as_ref()));
        let here = self.handle();
        let made = if private { here.make_private_directory(name) } else { here.make_directory(name) };
        made.at("create", &path)?;
        let handle = here.open_directory(name).at("open", &path)?;
        Ok(Self { handle, path })
    }

    /// A directory somewhere below, with its parents. One that is there already is fine.
    pub(crate) fn make_all(&self, below: &Path) -> Result<(), DiskError> {
        self.try_make_all(below).at("create", &self.path.join(below))
    }

    fn try_make_all(&self, below: &Path) -> io::Result<()> {
        let make = || match self.handle().make_directory(below) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        self.with_parents(below, make)
    }

    fn make_parents(&self, below: &Path) -> io::Result<()> {
        match below.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => self.try_make_all(parent),
            None => Ok(()),
        }
    }

    /// A new file, with the mode that git gives it: what the process's umask leaves of it. Its parents come with it.
    pub(crate) fn create(&self, below: &Path, executable: bool) -> Result<File, DiskError> {
        let file = self.with_parents(below, || self.handle().create_file(below, executable));
        file.at("create", &self.path.join(below))
    }

    /// A symbolic link; its parents come with it.
    pub(crate) fn link(&self, below: &Path, target: &Path) -> Result<(), DiskError> {
        let linked = self.with_parents(below, || self.handle().make_link(below, target));
        linked.at("create the link", &self.path.join(below))
    }

    /// Moves a file into another directory.
    pub(crate) fn move_to(&self, from: &Path, other: &Directory, below: &Path) -> Result<(), DiskError> {
        let moved = other.with_parents(below, || self.handle().rename(from, other.handle(), below));
        moved.at("create", &other.path.join(below))
    }

    fn with_parents<T>(&self, below: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match make() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make_parents(below)?;
                make()
            }
            made => made,
        }
    }

    /// A file, to read it.
    pub(crate) fn read(&self, below: &Path) -> Result<File, DiskError> {
        self.handle().open_file(below).at("read", &self.path.join(below))
    }

    /// Removes whatever is there, with all that is in it. No link is followed, and no mount is entered.
    pub(crate) fn remove(&self, below: &Path, deadline: &Deadline) -> Result<(), UnpackError> {
        let removed = self.try_remove(below.as_os_str(), deadline);
        removed.map_err(|error| UnpackError::at(error, "remove", &self.path.join(below)))
    }

    /// As [`remove`](Self::remove), to its end.
    pub(crate) fn remove_all(&self, below: impl AsRef<OsStr>) -> Result<(), DiskError> {
        let below = below.as_ref();
        self.try_remove(below, &Deadline::never()).at("remove", &self.path.join(below))
    }

    fn try_remove(&self, below: &OsStr, deadline: &Deadline) -> io::Result<()> {
        removal::remove(self.handle(), below, &|| Ok(deadline.check()?))
    }

    /// Removes all that is in it.
    pub(crate) fn clear(&self, deadline: &Deadline) -> Result<(), UnpackError> {
        for name in self.names().at("read", &self.path)? {
            self.remove(Path::new(&name.at("read", &self.path)?), deadline)?;
        }
        Ok(())
    }

    /// The names of its entries, without `.` and `..`.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        descent::names(self.handle())
    }

    /// A directory in this one, if it is there and is one.
    pub(crate) fn open(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self { handle: self.handle().open_directory(name)?, path: self.path.join(name) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn open(path: &Path) -> Directory {
        Directory::new(OwnedDirectory::at(path).unwrap(), path.to_path_buf())
    }

    #[test]
    fn it_stays_the_same_directory_when_another_takes_its_place() {
        let place = tempfile::tempdir().unwrap();
        let [here, moved, other] = ["here", "moved", "other"].map(|name| place.path().join(name));
        fs::create_dir(&here).unwrap();
        fs::create_dir(&other).unwrap();
        let directory = open(&here);
        fs::rename(&here, &moved).unwrap();
        std::os::unix::fs::symlink(&other, &here).unwrap();
        directory.create(Path::new("a/b"), false).unwrap();
        directory.link(Path::new("c/d"), Path::new("x")).unwrap();
        assert!(moved.join("a/b").exists() && moved.join("c/d").is_symlink());
        assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
    }

    #[test]
    fn removing_ends_when_it_is_told_to() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        let deadline = Deadline::never();
        deadline.cancel();
        let stopped = open(place.path()).clear(&deadline);
        assert!(matches!(stopped, Err(UnpackError::Stopped(_))));
        assert!(place.path().join("file").exists());
    }
}
