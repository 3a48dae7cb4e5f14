//! A directory by its handle, so that nobody who may write beside it can put another one in its place meanwhile.
//!
//! Names below it are paths of the repository or of Forgeport itself: they have no `..`, and no link lies on them.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, mkdirat, openat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::error::{AtPath, DiskError, UnpackError};
use forgeport_platform::descent::{self, LISTED, Visitor, descend};
use forgeport_platform::{handle::is_mine, mount};

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
    pub(crate) fn make(&self, name: impl AsRef<OsStr>, private: bool) -> Result<Self, DiskError> {
        let (name, path) = (name.as_ref(), self.path.join(name.as_ref()));
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

    /// Moves a file into another directory.
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

    /// Removes whatever is there, with all that is in it. No link is followed, and no mount is entered.
    pub(crate) fn remove(&self, below: &Path, deadline: &Deadline) -> Result<(), UnpackError> {
        let removed = remove(self.handle.as_fd(), below.as_os_str(), deadline);
        removed.map_err(|error| UnpackError::at(error, "remove", &self.path.join(below)))
    }

    /// As [`remove`](Self::remove), to its end.
    pub(crate) fn remove_all(&self, below: impl AsRef<OsStr>) -> Result<(), DiskError> {
        let below = below.as_ref();
        remove(self.handle.as_fd(), below, &Deadline::never()).at("remove", &self.path.join(below))
    }

    /// Removes all that is in it.
    pub(crate) fn clear(&self, deadline: &Deadline) -> Result<(), UnpackError> {
        for name in self.names().at("read", &self.path)? {
            self.remove(Path::new(&name.at("read", &self.path)?), deadline)?;
        }
        Ok(())
    }

    /// What lies in it, without `.` and `..`.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        descent::names(self.as_fd())
    }

    /// A directory in this one, if it is there and is one.
    pub(crate) fn open(&self, name: &OsStr) -> io::Result<Self> {
        let handle = openat(&self.handle, name, LISTED, Mode::empty())?;
        Ok(Self { handle, path: self.path.join(name) })
    }
}

fn remove(parent: BorrowedFd, name: &OsStr, deadline: &Deadline) -> io::Result<()> {
    let mut removal = Removal { deadline };
    if removal.entry(parent, name)? { descend(parent, name, &mut removal) } else { Ok(()) }
}

struct Removal<'a> {
    deadline: &'a Deadline,
}

impl Visitor for Removal<'_> {
    fn enter(&mut self, here: BorrowedFd, _: &OsStr) -> io::Result<()> {
        let found = fstat(here)?;
        // A directory whose owner may not write to it, such as tools make for what is not to be changed.
        if is_mine(found.st_uid) && found.st_mode & 0o700 != 0o700 {
            fchmod(here, Mode::from_raw_mode(found.st_mode | 0o700))?;
        }
        Ok(())
    }

    fn entry(&mut self, here: BorrowedFd, name: &OsStr) -> io::Result<bool> {
        self.deadline.check()?;
        match unlinkat(here, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(false),
            // What Linux says of directories, and POSIX.
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        match mount::look(here, name)? {
            None => Ok(false),
            Some(seen) if !seen.directory => Err(Errno::PERM.into()),
            Some(seen) if seen.mount_point => Err(Errno::BUSY.into()),
            Some(_) => Ok(true),
        }
    }

    fn leave(&mut self, here: BorrowedFd, name: &OsStr) -> io::Result<()> {
        match unlinkat(here, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

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
    fn what_is_deeper_than_there_are_handles_and_longer_than_a_path_is_removed() {
        const DEEP: usize = 3000;
        let place = tempfile::tempdir().unwrap();
        let mut deep = open(place.path());
        for _ in 0..DEEP {
            deep.make("directory", false).unwrap();
            deep.create(Path::new("file"), false).unwrap();
            deep = deep.open(OsStr::new("directory")).unwrap();
        }
        open(place.path()).clear(&Deadline::never()).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn directories_of_ours_that_are_not_to_be_written_to_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let kept = place.path().join("kept/deep");
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        for path in [&kept, kept.parent().unwrap()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
        }
        open(place.path()).remove(Path::new("kept"), &Deadline::never()).unwrap();
        assert!(!place.path().join("kept").exists());
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
