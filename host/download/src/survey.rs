//! The content of a target before it is filled: which entries stay, which are to be removed, and whether they can be.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use crate::directory::Directory;
use crate::error::{AtPath, TargetError};
use crate::mark;
use crate::work_directory;
use forgeport_platform::descent::{Visitor, descend};
use forgeport_platform::directory::BorrowedDirectory;
use forgeport_platform::metadata::{EntryKind, Owner};
use forgeport_platform::mount;

/// The directory that `fsck` needs and every new ext file system has; no user made it.
const LOST_AND_FOUND: &str = "lost+found";

/// The content of a target.
#[derive(Default)]
pub(crate) struct Survey {
    /// Names in it of what this program itself needs there meanwhile.
    ours: BTreeSet<OsString>,
    /// Entries that are not removed, by their paths below the target: `lost+found`, and mount points.
    stays: BTreeSet<PathBuf>,
    /// Names in it of all else.
    goes: Vec<OsString>,
}

impl Survey {
    /// Looks at what is there.
    pub(crate) fn of(target: &Directory) -> Result<Self, TargetError> {
        let mut survey = Self::default();
        // Also where it is still to be set.
        survey.ours.insert(mark::NAME.into());
        for name in target.names().at("read", target.path())? {
            let name = name.at("read", target.path())?;
            let is_mark = name == mark::NAME && mark::read(target).is_some();
            if is_mark || work_directory::is_at_work(target, &name) {
                survey.ours.insert(name);
            } else if name == LOST_AND_FOUND {
                survey.stays.insert(name.into());
            } else {
                survey.goes.push(name);
            }
        }
        Ok(survey)
    }

    /// True if it is empty but for what killed downloads left.
    pub(crate) fn is_free(&self, target: &Directory) -> bool {
        self.goes.iter().all(|name| work_directory::is_left_over(target, name))
    }

    /// Looks for what is mounted, and whether the rest can be removed.
    pub(crate) fn examine(mut self, target: &Directory) -> Result<Self, TargetError> {
        let mut walk = RemovalCheck::new(&self);
        let walked = descend(target.handle(), OsStr::new("."), &mut walk);
        let RemovalCheck { mounted, protected, way, .. } = walk;
        if let Some(below) = protected {
            return Err(TargetError::Protected(target.path().join(below)));
        }
        walked.at("look at what is in", &target.path().join(way))?;
        self.stays.extend(mounted);
        Ok(self)
    }

    /// Names in the target of what is removed, at least in part.
    pub(crate) fn going(&self) -> &[OsString] {
        &self.goes
    }

    /// True if it stays as it is.
    pub(crate) fn stays(&self, below: &Path) -> bool {
        self.stays.contains(below) || self.ours.contains(below.as_os_str())
    }

    /// True if something that stays lies in it.
    pub(crate) fn holds(&self, below: &Path) -> bool {
        let next = self.stays.range::<Path, _>((Bound::Included(below), Bound::Unbounded)).next();
        next.is_some_and(|path| path != below && path.starts_with(below))
    }

    /// All that stays of what is not ours, for a person.
    pub(crate) fn staying(&self) -> impl Iterator<Item = &Path> {
        self.stays.iter().map(PathBuf::as_path)
    }

    /// Makes sure that no entry of the commit would have to lie where something stays.
    pub(crate) fn check_room(&self, tree: &Directory, target: &Directory) -> Result<(), TargetError> {
        for stays in &self.stays {
            // From the top down, so that nothing is looked at through a link.
            let mut way: Vec<&Path> = stays.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
            while let Some(path) = way.pop() {
                let Ok(found) = tree.handle().metadata_of(path) else { break };
                let fits = found.kind == EntryKind::Directory
                    && (path != stays || is_empty(tree, path).at("read", tree.path())?);
                if !fits {
                    return Err(TargetError::Occupied(target.path().join(stays)));
                }
            }
        }
        Ok(())
    }
}

fn is_empty(tree: &Directory, below: &Path) -> io::Result<bool> {
    Ok(tree.open(below.as_os_str())?.names()?.next().is_none())
}

struct RemovalCheck<'a> {
    survey: &'a Survey,
    /// From the target to where the walk is.
    way: PathBuf,
    mounted: Vec<PathBuf>,
    /// True if entries of the directory may be removed, and only those of this user.
    writable: bool,
    own_only: bool,
    protected: Option<PathBuf>,
}

impl<'a> RemovalCheck<'a> {
    fn new(survey: &'a Survey) -> Self {
        let (way, mounted) = (PathBuf::new(), Vec::new());
        Self { survey, way, mounted, writable: false, own_only: false, protected: None }
    }
}

impl Visitor for RemovalCheck<'_> {
    fn enter(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<()> {
        if name != "." {
            self.way.push(name);
        }
        let found = here.metadata()?;
        let mine = found.owner.is_me();
        // What is ours we can make writable.
        self.writable = mine || is_allowed(here.check_change());
        self.own_only = found.protects_entries() && !mine && !Owner::me().is_root();
        Ok(())
    }

    fn entry(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<bool> {
        let path = self.way.join(name);
        if self.survey.stays(&path) {
            return Ok(false);
        }
        let Some(seen) = mount::look(here, name)? else { return Ok(false) };
        if seen.mount_point {
            self.mounted.push(path);
            return Ok(false);
        }
        let removable = self.writable && (!self.own_only || seen.owner.is_me());
        let readable = !seen.directory || is_allowed(here.check_read(name));
        if !removable || !readable {
            self.protected = Some(path);
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(seen.directory)
    }

    fn leave(&mut self, _: BorrowedDirectory, _: &OsStr) -> io::Result<()> {
        self.way.pop();
        Ok(())
    }
}

/// An entry that was removed meanwhile, such as another download's directory, is not in the way.
fn is_allowed(checked: io::Result<()>) -> bool {
    checked.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}
