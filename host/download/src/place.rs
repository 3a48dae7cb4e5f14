//! Resolves the path of a target, name by name and by handles.
//!
//! In a directory that other users can write to, an attacker can plant a link in the place of a predictable target, and so choose what a
//! download replaces. So links are followed here and not by the system, and only trusted ones.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use forgeport_platform::directory::{OpenEntry, OpenLink, OwnedDirectory};
use forgeport_platform::metadata::Owner;
use forgeport_platform::system_error::too_many_links;

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
        let root = Path::new("/");
        let root = Directory::new(OwnedDirectory::at(root).at("open", root)?, root.to_owned());
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
            match self.parent.handle().make_directory(&name) {
                // Another download may have been faster. What else it is shows when it is opened.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made.at("create", &path)?,
            }
            let made = self.parent.handle().pass_to_directory(&name);
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

    /// True if the parent is there.
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
        let found = match here.handle().open_entry(&next.name) {
            Err(error) if error.kind() == ErrorKind::NotFound => match next.link {
                Some(link) => return Err(TargetError::Dangling(link.to_path_buf())),
                None => {
                    self.missing.push(next.name);
                    return Ok(());
                }
            },
            found => found.at("read", &path)?,
        };
        match found {
            OpenEntry::Directory(handle) => self.here.push(Directory::new(handle, path)),
            OpenEntry::Link(link) if !may_follow(&link, here).at("read", here.path())? => {
                return Err(TargetError::Link(path));
            }
            OpenEntry::Link(link) => {
                self.followed += 1;
                if self.followed > FOLLOWED {
                    return Err(DiskError::new("follow", &path, too_many_links()).into());
                }
                let target = link.target().at("read", &path)?;
                self.follow(&target, Rc::new(path));
            }
            OpenEntry::Other => return Err(TargetError::File(path)),
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

/// True if a link was made by us or the system, or where nobody else can make one.
///
/// This is stricter than Linux is (`protected_symlinks`), which asks so only where the directory is sticky, and not at all where a link is
/// read to be followed later.
fn may_follow(link: &OpenLink, directory: &Directory) -> io::Result<bool> {
    let trusted = |owner: Owner| owner.is_root() || owner.is_me();
    if trusted(link.owner()) {
        return Ok(true);
    }
    let directory = directory.handle().metadata()?;
    Ok(trusted(directory.owner) && !directory.others_may_write())
}
