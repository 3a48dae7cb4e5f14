//! The directory in which a download works until its target is filled: beside the target, or in it.
//!
//! Other users may be able to write to the parent directory (/tmp, a scratch disk). They must not be able to block a download or redirect it:
//! no file that they can open is locked, no file of theirs is opened, and every operation uses handles.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use forgeport_model::deadline;

use crate::deadline::Deadline;
use crate::directory::Directory;
use crate::error::{AtPath, DiskError};
use forgeport_platform::handle::try_lock;

/// The prefix of every work directory's name.
const PREFIX: &str = ".forgeport-";
/// What may lie in one: the tree that becomes the target's content, what only the download itself needs, what was in the target before,
/// and the target's mark before it is set and after.
pub(crate) const TREE: &str = "tree";
pub(crate) const SCRATCH: &str = "scratch";
pub(crate) const OLD: &str = "old";
pub(crate) const MARK: &str = "mark";
/// The name by which is tried whether something can be moved into the target.
const PROBE: &str = "probe";
/// How often a new directory is tried: another download may take it for one that a killed download left.
const ATTEMPTS: usize = 100;
/// The most time that is spent on what killed downloads left. The next download goes on with it.
const SWEEPING: Duration = Duration::from_secs(5);
/// Open files that removing a directory takes.
const FOR_REMOVAL: usize = 3;

/// A directory of one download, into which nobody else can look: not even a lock on it can be taken by another user. It is removed when
/// it is dropped, and by the next download there when the process was killed.
pub(crate) struct WorkDirectory {
    /// The one that it lies in.
    parent: Directory,
    name: OsString,
    /// Its handle has the lock for as long as it is in use; the system gives it up when the process dies.
    directory: Directory,
    /// So that it can be removed when the process has no more to spare.
    spare: Vec<Directory>,
}

impl WorkDirectory {
    /// One from which a target can be filled that is there: beside it, so that it is untouched for as long as can be; otherwise in it.
    pub(crate) fn reaching(parent: &Directory, target: &Directory) -> Result<Self, DiskError> {
        sweep(target);
        if !target.handle().passes_on().at("read", target.path())? {
            let beside = Self::open(parent).ok();
            if let Some(work_directory) = beside.filter(|work_directory| work_directory.can_fill(target)) {
                return Ok(work_directory);
            }
        }
        Self::open(target)
    }

    pub(crate) fn open(parent: &Directory) -> Result<Self, DiskError> {
        let work_directory = Self::try_open(parent).at("create a directory in", parent.path())?;
        sweep(parent);
        Ok(work_directory)
    }

    fn try_open(parent: &Directory) -> io::Result<Self> {
        let kept = parent.try_clone()?;
        let spare = (0..FOR_REMOVAL).map(|_| parent.try_clone()).collect::<io::Result<_>>()?;
        for _ in 0..ATTEMPTS {
            let name = OsString::from(format!("{PREFIX}{:016x}", fastrand::u64(..)));
            match parent.handle().make_private_directory(&name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            match hold(parent, &name) {
                Ok(Some(directory)) => return Ok(Self { parent: kept, name, directory, spare }),
                Ok(None) => {}
                Err(error) => {
                    let _ = parent.handle().remove_directory(&name);
                    return Err(error);
                }
            }
        }
        Err(io::Error::new(ErrorKind::ResourceBusy, "what is made there is taken away at once"))
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Removes it with all that is in it; where that cannot be done, says where it is.
    pub(crate) fn remove(mut self) -> Result<(), PathBuf> {
        self.try_remove().map_err(|error| {
            tracing::debug!(%error, "what a download needed for itself is left");
            self.directory.path().to_owned()
        })
    }

    fn try_remove(&mut self) -> io::Result<()> {
        self.spare.clear();
        // By its handle: where others may rename what is ours, something else could have its name.
        self.directory.clear(&Deadline::never())?;
        self.parent.handle().remove_directory(&self.name)
    }

    /// True if a directory can be moved from here into the target. Only trying shows it: a file system may be mounted twice, or keep parts of itself
    /// from each other.
    fn can_fill(&self, target: &Directory) -> bool {
        let (here, target) = (self.directory.handle(), target.handle());
        let probe = || {
            here.make_private_directory(PROBE)?;
            here.rename(PROBE, target, &self.name)?;
            match target.remove_directory(&self.name) {
                // Whoever sweeps was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        };
        probe()
            .inspect_err(|error: &io::Error| tracing::debug!(%error, "the target cannot be filled from beside it"))
            .is_ok()
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        let _ = self.try_remove();
    }
}

/// A directory that was just made, locked; none when another download that sweeps has seen it before.
fn hold(parent: &Directory, name: &OsStr) -> io::Result<Option<Directory>> {
    let handle = match parent.handle().open_directory(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        handle => handle?,
    };
    let locked = try_lock(&handle).unwrap_or(false);
    let same = parent.handle().is_same(name, &handle)?;
    Ok((locked && same).then(|| Directory::new(handle, parent.path().join(name))))
}

/// Removes what killed downloads left. That it cannot be removed is no reason not to download.
pub(crate) fn sweep(parent: &Directory) {
    let end = Deadline::at(deadline(SWEEPING));
    let Ok(names) = parent.names() else { return };
    for name in names.flatten() {
        if end.check().is_err() {
            return;
        }
        if let Some((found, State::LeftOver)) = find(parent, &name) {
            tracing::debug!(path = %found.path().display(), "removing what a killed download left");
            if found.clear(&end).is_ok() {
                let _ = parent.handle().remove_directory(&name);
            }
        }
    }
}

/// True if this is a work directory of this user that a killed download left.
pub(crate) fn is_left_over(parent: &Directory, name: &OsStr) -> bool {
    matches!(find(parent, name), Some((_, State::LeftOver)))
}

/// True if this is a work directory in which a download is at work.
pub(crate) fn is_at_work(parent: &Directory, name: &OsStr) -> bool {
    matches!(find(parent, name), Some((_, State::AtWork)))
}

enum State {
    AtWork,
    LeftOver,
}

/// A work directory of this user. What is left over is locked for as long as its handle is held.
///
/// The name proves nothing: where others may rename what is ours, they could give it to our own work and have it removed.
fn find(parent: &Directory, name: &OsStr) -> Option<(Directory, State)> {
    if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
        return None;
    }
    // A pipe of this name does not block, and a link is not followed.
    let found = parent.open(name).ok()?;
    let made_alike = found.handle().metadata().is_ok_and(|found| found.owner.is_me() && found.is_private_directory());
    let known = |name: io::Result<OsString>| {
        name.is_ok_and(|name| [TREE, SCRATCH, OLD, MARK, PROBE].iter().any(|known| name == *known))
    };
    if !made_alike || !found.names().is_ok_and(|mut names| names.all(known)) {
        return None;
    }
    let state = if try_lock(found.handle()).unwrap_or(false) { State::LeftOver } else { State::AtWork };
    Some((found, state))
}
