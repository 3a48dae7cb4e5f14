//! Where a path leads to, followed name by name and by handles.
//!
//! In a directory that others may write to, anybody can plant a link in the place of a target that is known beforehand, and with it
//! choose what a download replaces. So the links are followed here and not by the system, and only those that are to be trusted.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use forgeport_platform::handle::{PASSED, is_mine};
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, readlinkat};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::error::{AtPath, DiskError, TargetError};

/// Links on one way; the system follows no more either (path_resolution(7)).
const FOLLOWED: u32 = 40;

/// The place of a target: a name in a directory. There may be an entry of that name.
#[derive(Debug)]
pub(crate) struct Place {
    parent: Directory,
    /// Directories that have to be made between the parent and the name.
    missing: Vec<OsString>,
    name: OsString,
}

/// A name that is still to be followed, and the link that it is part of.
struct PendingName {
    name: OsString,
    link: Option<Rc<PathBuf>>,
}

/// A walk along a path.
struct PathWalk {
    ahead: VecDeque<PendingName>,
    /// The directories from the root to where the walk is.
    here: Vec<Directory>,
    missing: Vec<OsString>,
    followed: u32,
}

impl Place {
    /// Follows a path as far as there is something.
    pub(crate) fn find(path: &Path) -> Result<Self, TargetError> {
        let absolute = std::path::absolute(path).at("read", path)?;
        // Handles alone do not have the system mount what it mounts when it is needed (`O_PATH` in open(2)).
        let _ = absolute.join(".").metadata();
        let root = openat(CWD, "/", PASSED | OFlags::DIRECTORY, Mode::empty()).map_err(io::Error::from);
        let root = Directory::new(root.at("open", Path::new("/"))?, PathBuf::from("/"));
        let mut walk =
            PathWalk { ahead: names(&absolute, None).collect(), here: vec![root], missing: Vec::new(), followed: 0 };
        while let Some(next) = walk.ahead.pop_front() {
            walk.step(next)?;
        }
        walk.end(absolute)
    }

    /// Makes what is missing up to the parent.
    pub(crate) fn make_parent(&mut self) -> Result<(), DiskError> {
        for name in std::mem::take(&mut self.missing) {
            let path = self.parent.path().join(&name);
            match mkdirat(&self.parent, &name, Mode::from_raw_mode(0o777)) {
                // Another download may have been faster. What else it is shows when it is opened.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(DiskError::new("create", &path, error.into())),
            }
            let made = openat(&self.parent, &name, PASSED | OFlags::DIRECTORY, Mode::empty()).map_err(io::Error::from);
            self.parent = Directory::new(made.at("open", &path)?, path);
        }
        Ok(())
    }

    pub(crate) fn parent(&self) -> &Directory {
        &self.parent
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Whether the parent is there.
    pub(crate) fn has_parent(&self) -> bool {
        self.missing.is_empty()
    }

    pub(crate) fn path(&self) -> PathBuf {
        let mut path = self.parent.path().to_path_buf();
        path.extend(&self.missing);
        path.join(&self.name)
    }
}

impl PathWalk {
    fn step(&mut self, next: PendingName) -> Result<(), TargetError> {
        if next.name == ".." {
            if self.missing.pop().is_none() && self.here.len() > 1 {
                self.here.pop();
            }
            return Ok(());
        }
        let Some(here) = self.here.last().filter(|_| self.missing.is_empty()) else {
            self.missing.push(next.name);
            return Ok(());
        };
        let path = here.path().join(&next.name);
        let handle = match openat(here, &next.name, PASSED, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => match next.link {
                Some(link) => return Err(TargetError::Dangling(link.to_path_buf())),
                None => {
                    self.missing.push(next.name);
                    return Ok(());
                }
            },
            Err(error) => return Err(DiskError::new("read", &path, error.into()).into()),
        };
        let found = fstat(&handle).map_err(io::Error::from).at("read", &path)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => self.here.push(Directory::new(handle, path)),
            FileType::Symlink if !may_follow(&found, here).at("read", here.path())? => {
                return Err(TargetError::Link(path));
            }
            FileType::Symlink => {
                self.followed += 1;
                if self.followed > FOLLOWED {
                    return Err(DiskError::new("follow", &path, Errno::LOOP.into()).into());
                }
                // Of the very link that was looked at.
                let target = readlinkat(&handle, "", Vec::new()).map_err(io::Error::from).at("read", &path)?;
                self.follow(Path::new(&OsString::from_vec(target.into_bytes())), Rc::new(path));
            }
            _ => return Err(TargetError::File(path)),
        }
        Ok(())
    }

    fn follow(&mut self, target: &Path, link: Rc<PathBuf>) {
        if target.is_absolute() {
            self.here.truncate(1);
        }
        for name in names(target, Some(link)).rev() {
            self.ahead.push_front(name);
        }
    }

    fn end(mut self, absolute: PathBuf) -> Result<Place, TargetError> {
        let named = match self.missing.pop() {
            Some(name) => Some(name),
            None => {
                let found = self.here.pop();
                found.and_then(|found| found.path().file_name().map(OsStr::to_owned))
            }
        };
        match (self.here.pop(), named) {
            (Some(parent), Some(name)) => Ok(Place { parent, missing: self.missing, name }),
            _ => Err(TargetError::Root(absolute)),
        }
    }
}

fn names(path: &Path, link: Option<Rc<PathBuf>>) -> impl DoubleEndedIterator<Item = PendingName> {
    path.components().filter_map(move |part| match part {
        Component::Normal(name) => Some(PendingName { name: name.to_owned(), link: link.clone() }),
        Component::ParentDir => Some(PendingName { name: "..".into(), link: link.clone() }),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Whether a link was made by us or the system, or where nobody else can make one.
///
/// This is stricter than Linux is (`protected_symlinks`), which asks so only where the directory is sticky, and not at all where a link is
/// read to be followed later.
fn may_follow(link: &Stat, directory: &Directory) -> io::Result<bool> {
    let trusted = |owner: u32| owner == 0 || is_mine(owner);
    if trusted(link.st_uid) {
        return Ok(true);
    }
    let directory = fstat(directory)?;
    Ok(trusted(directory.st_uid) && directory.st_mode & 0o022 == 0)
}
