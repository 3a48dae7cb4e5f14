//! A directory that is held by a handle, so that nobody who may write beside it can put another one in its place meanwhile.
//!
//! Names below it are paths of the repository or of Forgeport itself: they have no `..`, and no link lies on them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::error::{At, DiskError, UnpackError};

/// How a directory is opened whose entries are read. The rest keeps it from being a link or a pipe that somebody planted.
pub(crate) const LISTED: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A directory, and how it is called in messages.
#[derive(Debug)]
pub(crate) struct Directory {
    handle: OwnedFd,
    path: PathBuf,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Directory {
    pub(crate) fn new(handle: OwnedFd, path: PathBuf) -> Self {
        Self { handle, path }
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()?, path: self.path.clone() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A new directory in this one, which nobody but its owner may use if it is private.
    pub(crate) fn make(&self, name: &str, private: bool) -> Result<Self, DiskError> {
        let path = self.path.join(name);
        let mode = Mode::from_raw_mode(if private { 0o700 } else { 0o777 });
        mkdirat(&self.handle, name, mode).map_err(io::Error::from).at("create", &path)?;
        let handle = openat(&self.handle, name, LISTED, Mode::empty()).map_err(io::Error::from).at("open", &path)?;
        Ok(Self { handle, path })
    }

    /// A directory somewhere below, with its parents. One that is there already is fine.
    pub(crate) fn make_all(&self, below: &Path) -> Result<(), DiskError> {
        self.try_make_all(below).at("create", &self.path.join(below))
    }

    fn try_make_all(&self, below: &Path) -> io::Result<()> {
        let make = || mkdirat(&self.handle, below, Mode::from_raw_mode(0o777));
        match make() {
            Err(Errno::NOENT) => {
                self.make_parents(below)?;
                make().or_else(|error| if error == Errno::EXIST { Ok(()) } else { Err(error) })?;
                Ok(())
            }
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn make_parents(&self, below: &Path) -> io::Result<()> {
        match below.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => self.try_make_all(parent),
            None => Ok(()),
        }
    }

    /// A new file, with the mode that git gives it: what the process's umask leaves of it. Its parents come with it.
    pub(crate) fn create(&self, below: &Path, executable: bool) -> Result<File, DiskError> {
        let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = self.with_parents(below, || openat(&self.handle, below, flags, mode));
        file.map(File::from).at("create", &self.path.join(below))
    }

    /// A symbolic link; its parents come with it.
    pub(crate) fn link(&self, below: &Path, target: &Path) -> Result<(), DiskError> {
        let linked = self.with_parents(below, || symlinkat(target, &self.handle, below));
        linked.at("create the link", &self.path.join(below))
    }

    /// Move a file into another directory.
    pub(crate) fn move_to(&self, from: &Path, other: &Directory, below: &Path) -> Result<(), DiskError> {
        let moved = other.with_parents(below, || renameat(&self.handle, from, &other.handle, below));
        moved.at("create", &other.path.join(below))
    }

    fn with_parents<T>(&self, below: &Path, make: impl Fn() -> rustix::io::Result<T>) -> io::Result<T> {
        match make() {
            Err(Errno::NOENT) => {
                self.make_parents(below)?;
                Ok(make()?)
            }
            made => Ok(made?),
        }
    }

    /// A file, to read it.
    pub(crate) fn read(&self, below: &Path) -> Result<File, DiskError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.handle, below, flags, Mode::empty()).map_err(io::Error::from);
        file.map(File::from).at("read", &self.path.join(below))
    }

    /// Remove whatever is there, if anything is, with all that is in it. No link is followed.
    pub(crate) fn remove(&self, below: &Path, deadline: &Deadline) -> Result<(), UnpackError> {
        match remove(self.handle.as_fd(), below, deadline) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(UnpackError::at(error, "remove", &self.path.join(below)))
            }
            _ => Ok(()),
        }
    }

    /// Remove all that is in it.
    pub(crate) fn clear(&self, deadline: &Deadline) -> Result<(), UnpackError> {
        for name in self.names().at("read", &self.path)? {
            self.remove(Path::new(&name.at("read", &self.path)?), deadline)?;
        }
        Ok(())
    }

    /// What lies in it, without `.` and `..`.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<std::ffi::OsString>> + use<>> {
        // The handle itself may be one that only leads through (`O_PATH`).
        let listed = openat(&self.handle, ".", LISTED, Mode::empty())?;
        names(listed)
    }
}

fn names(listed: OwnedFd) -> io::Result<impl Iterator<Item = io::Result<std::ffi::OsString>> + use<>> {
    use std::os::unix::ffi::OsStringExt;
    let name = |entry: rustix::io::Result<rustix::fs::DirEntry>| match entry {
        Ok(entry) => match entry.file_name().to_bytes() {
            b"." | b".." => None,
            name => Some(Ok(std::ffi::OsString::from_vec(name.to_vec()))),
        },
        Err(error) => Some(Err(error.into())),
    };
    Ok(Dir::new(listed)?.filter_map(name))
}

/// The depth is bounded by the number of open files that a process may have.
fn remove(parent: BorrowedFd, name: &Path, deadline: &Deadline) -> io::Result<()> {
    deadline.check()?;
    match unlinkat(parent, name, AtFlags::empty()) {
        // What Linux says of directories, and POSIX.
        Err(Errno::ISDIR | Errno::PERM) => {}
        removed => return Ok(removed?),
    }
    let directory = openat(parent, name, LISTED, Mode::empty())?;
    for entry in names(directory.try_clone()?)? {
        remove(directory.as_fd(), Path::new(&entry?), deadline)?;
    }
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn open(path: &Path) -> Directory {
        Directory::new(fs::File::open(path).unwrap().into(), path.to_path_buf())
    }

    #[test]
    fn what_is_removed_goes_with_all_in_it_and_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("here/a/b")).unwrap();
        fs::create_dir(place.path().join("other")).unwrap();
        fs::write(place.path().join("other/file"), "").unwrap();
        std::os::unix::fs::symlink("../../../other", place.path().join("here/a/b/link")).unwrap();
        let here = open(&place.path().join("here"));
        here.remove(Path::new("a"), &Deadline::never()).unwrap();
        here.remove(Path::new("a"), &Deadline::never()).unwrap();
        assert_eq!(here.names().unwrap().count(), 0);
        assert!(place.path().join("other/file").exists());
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
