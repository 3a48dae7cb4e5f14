//! The directory beside the target that a download fills, and how it takes the target's place.
//!
//! The directory that both lie in may be one that others write to (/tmp, a scratch disk). What they can do there must not hold a
//! download up, nor lead it elsewhere: nothing that they may open is locked, nothing of theirs is opened, and all is done by handles.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forgeport_grants::deadline;
use rustix::fs::{
    AtFlags, FlockOperation, Mode, RenameFlags, Stat, flock, fstat, mkdirat, openat, renameat, renameat_with, statat,
    unlinkat,
};
use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::directory::{Directory, LISTED};
use crate::error::{At, DiskError, TargetError, UnpackError};
use crate::place::Place;

/// What every staged directory's name begins with.
const PREFIX: &str = ".forgeport-";
/// The directory in it that becomes the target, and the one for what only the download itself needs.
const TREE: &str = "tree";
const SCRATCH: &str = "scratch";
/// How often a new directory is tried: another download may take it for one that a killed download left.
const ATTEMPTS: usize = 100;
/// The most time that is spent on what killed downloads left. The next download goes on with it.
const SWEEPING: Duration = Duration::from_secs(5);

/// A directory in the making. It is removed when it is dropped, and by the next download beside it when the process was killed.
pub(crate) struct Target {
    path: PathBuf,
    place: Place,
    force: bool,
    staging: Directory,
    workshop: Workshop,
}

impl Target {
    /// Make a staged directory beside `path`.
    pub(crate) fn prepare(path: &Path, force: bool) -> Result<Self, TargetError> {
        let mut place = Place::find(path)?;
        check_free(&place, force)?;
        place.make_parent()?;
        let workshop = Workshop::open(place.parent())?;
        sweep(place.parent(), &workshop);
        let staging = workshop.directory.make(TREE, false)?;
        Ok(Self { path: place.path(), place, force, staging, workshop })
    }

    /// Another directory beside the target, for what only this download needs. There is one at a time.
    pub(crate) fn scratch(&self) -> Result<Scratch<'_>, UnpackError> {
        let workshop = &self.workshop.directory;
        workshop.remove(Path::new(SCRATCH), &Deadline::never())?;
        Ok(Scratch { directory: workshop.make(SCRATCH, true)?, workshop })
    }

    /// Where to write.
    pub(crate) fn staging(&self) -> &Directory {
        &self.staging
    }

    /// Where it will be in the end.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Put the directory in the target's place, in one step.
    pub(crate) fn publish(self) -> Result<(), TargetError> {
        let (workshop, parent) = (&self.workshop.directory, self.place.parent());
        // A directory may be renamed onto an empty one, and onto no other: nobody's files are lost that came meanwhile.
        match renameat(workshop, TREE, parent, self.place.name()) {
            Ok(()) => Ok(()),
            // What was there lies in the workshop then, and is removed with it.
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.force => {
                let exchanged = renameat_with(workshop, TREE, parent, self.place.name(), RenameFlags::EXCHANGE);
                exchanged.map_err(|error| self.why(error))?;
                let removed = workshop.remove(Path::new(TREE), &Deadline::never());
                removed.map_err(|error| match error {
                    UnpackError::Disk(DiskError { path, source, .. }) => {
                        DiskError::new("remove what was there before, now", &path, source).into()
                    }
                    error => DiskError::new("remove", &self.path, io::Error::other(error)).into(),
                })
            }
            Err(error) => Err(self.why(error)),
        }
    }

    fn why(&self, error: Errno) -> TargetError {
        match error {
            Errno::NOTEMPTY | Errno::EXIST => TargetError::NotEmpty(self.path.clone()),
            Errno::XDEV | Errno::BUSY => TargetError::MountPoint(self.path.clone()),
            _ => DiskError::new("move the download to", &self.path, error.into()).into(),
        }
    }
}

/// A directory that is removed when this is dropped.
pub(crate) struct Scratch<'a> {
    directory: Directory,
    workshop: &'a Directory,
}

impl Scratch<'_> {
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let _ = self.workshop.remove(Path::new(SCRATCH), &Deadline::never());
    }
}

/// A directory of one download, into which nobody else can look: not even a lock on it can be taken by another user.
struct Workshop {
    /// The one that it lies in.
    parent: Directory,
    name: OsString,
    /// Its handle holds the lock for as long as somebody works in it; the system gives it up when the process dies.
    directory: Directory,
}

impl Workshop {
    fn open(parent: &Directory) -> Result<Self, DiskError> {
        let kept = parent.try_clone().at("open", parent.path())?;
        let (name, directory) = Self::try_open(parent).at("create a directory in", parent.path())?;
        Ok(Self { parent: kept, name, directory })
    }

    fn try_open(parent: &Directory) -> io::Result<(OsString, Directory)> {
        for _ in 0..ATTEMPTS {
            let name = OsString::from(format!("{PREFIX}{:016x}", fastrand::u64(..)));
            match mkdirat(parent, &name, Mode::RWXU) {
                Err(Errno::EXIST) => continue,
                made => made?,
            }
            let handle = match openat(parent, &name, LISTED, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                opened => opened?,
            };
            // Who sweeps may have seen it before it was locked, and have locked or removed it.
            let locked = flock(&handle, FlockOperation::NonBlockingLockExclusive).is_ok();
            if locked && is_same(statat(parent, &name, AtFlags::SYMLINK_NOFOLLOW), &fstat(&handle)?) {
                let path = parent.path().join(&name);
                return Ok((name, Directory::new(handle, path)));
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "what is made there is taken away at once"))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = self.parent.remove(Path::new(&self.name), &Deadline::never());
    }
}

fn is_same(there: rustix::io::Result<Stat>, held: &Stat) -> bool {
    there.is_ok_and(|there| (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino))
}

/// Could a download take this place?
pub(crate) fn check(path: &Path, force: bool) -> Result<(), TargetError> {
    check_free(&Place::find(path)?, force)
}

fn check_free(place: &Place, force: bool) -> Result<(), TargetError> {
    if !place.has_parent() {
        return Ok(());
    }
    let path = place.path();
    let listed = match openat(place.parent(), place.name(), LISTED, Mode::empty()) {
        Ok(handle) => Directory::new(handle, path.clone()),
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(TargetError::File(path)),
        Err(error) => return Err(DiskError::new("read", &path, error.into()).into()),
    };
    match listed.names().at("read", &path)?.next() {
        Some(_) if !force => Err(TargetError::NotEmpty(path)),
        _ => Ok(()),
    }
}

/// Remove what killed downloads left. That it cannot be removed is no reason not to download.
fn sweep(parent: &Directory, own: &Workshop) {
    let end = Deadline::at(deadline(SWEEPING));
    let (Ok(names), Ok(own)) = (parent.names(), fstat(&own.directory)) else { return };
    for name in names.flatten().filter(|name| is_staging(name)) {
        if end.check().is_err() {
            return;
        }
        // A pipe of this name does not block, and a link is not followed.
        let Ok(found) = openat(parent, &name, LISTED, Mode::empty()) else { continue };
        let found = Directory::new(found, parent.path().join(&name));
        if is_workshop(&found, &own) && flock(&found, FlockOperation::NonBlockingLockExclusive).is_ok() {
            tracing::debug!(path = %found.path().display(), "removing what a killed download left");
            if found.clear(&end).is_ok() {
                let _ = unlinkat(parent, &name, AtFlags::REMOVEDIR);
            }
        }
    }
}

/// Is it what a download of the same user made? The name proves nothing: where others may rename what is ours, they could give it to our
/// own work and have it removed.
fn is_workshop(found: &Directory, own: &Stat) -> bool {
    let made_alike = fstat(found).is_ok_and(|found| (found.st_uid, found.st_mode) == (own.st_uid, own.st_mode));
    let known = |name: io::Result<OsString>| name.is_ok_and(|name| name == TREE || name == SCRATCH);
    made_alike && found.names().is_ok_and(|mut names| names.all(known))
}

fn is_staging(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}
