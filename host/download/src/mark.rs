//! The mark of a target that is being filled: as long as it is there, what lies beside it is no commit's.
//!
//! It is a file that nobody else can open, so that nobody else can take the lock on it, by which two downloads keep from filling the same
//! target together. It comes by rename, with all that it says, and goes in one step.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, linkat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::directory::Directory;
use crate::error::{AtPath, DiskError, TargetError};
use crate::unfinished::Unfinished;
use crate::work_directory::MARK;
use forgeport_platform::handle::{PASSED, is_mine, is_same, rename_new, try_lock};

/// Its name in the target. No commit may have it, in no spelling that a file system could take for it.
pub(crate) const NAME: &str = ".forgeport-unfinished";
/// The most bytes that are read of it.
const LONGEST: u64 = 64 << 10;
/// How it is opened; a link or a pipe that somebody planted neither leads elsewhere nor blocks.
const OPENED: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Whether some file system would take this for the mark's name.
pub(crate) fn is_taken(name: &[u8]) -> bool {
    name.first() == NAME.as_bytes().first() && String::from_utf8_lossy(name).to_uppercase() == NAME.to_uppercase()
}

/// How often a mark is set anew where one was there and is gone.
const TRIES: u32 = 8;

/// What a mark says: a file in JSON, with the commit and the subdirectory.
pub(crate) struct MarkContent {
    /// None where it cannot be read.
    of: Option<Unfinished>,
    /// Whether this user made it. Another one could have planted it.
    mine: bool,
}

impl MarkContent {
    /// Checks that the directory may be filled with this download, where that is known yet, without `--force`.
    pub(crate) fn check(self, directory: &Directory, with: Option<&Unfinished>) -> Result<(), TargetError> {
        if self.mine && (with.is_none() || with == self.of.as_ref()) {
            Ok(())
        } else {
            Err(TargetError::Unfinished { path: directory.path().to_owned(), of: self.of })
        }
    }
}

/// Reads the mark of a directory, if there is one.
pub(crate) fn read(directory: &Directory) -> Option<MarkContent> {
    let found = statat(directory, NAME, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    is_file.then(|| MarkContent { of: read_file(directory).ok(), mine: is_mine(found.st_uid) })
}

fn read_file(directory: &Directory) -> io::Result<Unfinished> {
    let file = File::from(openat(directory, NAME, OFlags::RDONLY | OPENED, Mode::empty())?);
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// The mark in a target, and the lock on it for as long as this lives.
pub(crate) struct Mark<'a> {
    target: &'a Directory,
    _lock: File,
    /// Whether the target was marked before.
    was_there: bool,
}

impl<'a> Mark<'a> {
    /// Marks a target, or takes over the mark that an ended download left.
    pub(crate) fn set(
        target: &'a Directory,
        work_directory: &Directory,
        of: &Unfinished,
        force: bool,
    ) -> Result<Self, TargetError> {
        let lock = make(work_directory, of).at("write", &work_directory.path().join(MARK))?;
        let failed = |error: Errno| DiskError::new("write to", target.path(), error.into());
        let mut tries = 0..TRIES;
        let found = loop {
            match place(work_directory, target) {
                Ok(()) => return Ok(Self { target, _lock: lock, was_there: false }),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(failed(error).into()),
            }
            match read(target) {
                Some(found) => break found,
                // Others that come and go here are at work.
                None if tries.next().is_none() => return Err(TargetError::Busy(target.path().to_owned())),
                // The mark that was there went with its download, or it is none.
                None => remove_what_is_no_mark(target)?,
            }
        };
        let _taken_over = take_over(target)?;
        if !force {
            found.check(target, Some(of))?;
        }
        renameat(work_directory, MARK, target, NAME).map_err(failed)?;
        Ok(Self { target, _lock: lock, was_there: true })
    }

    /// Whether the target was marked before.
    pub(crate) fn was_there(&self) -> bool {
        self.was_there
    }

    /// The target is whole.
    pub(crate) fn remove(self) -> Result<(), DiskError> {
        let removed = unlinkat(self.target, NAME, AtFlags::empty()).map_err(io::Error::from);
        removed.at("remove", &self.target.path().join(NAME))
    }

    /// The target is as it was: without a mark, if it had none.
    pub(crate) fn withdraw(self) -> Result<(), DiskError> {
        if self.was_there { Ok(()) } else { self.remove() }
    }
}

/// A mark that is still to be set, locked.
fn make(work_directory: &Directory, of: &Unfinished) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(openat(work_directory, MARK, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(&serde_json::to_vec(of)?)?;
    if try_lock(&file)? { Ok(file) } else { Err(io::ErrorKind::ResourceBusy.into()) }
}

/// Sets it where there is none.
fn place(work_directory: &Directory, target: &Directory) -> rustix::io::Result<()> {
    if rename_new(work_directory.as_fd(), MARK, target.as_fd(), NAME)? {
        return Ok(());
    }
    // Network file systems, which know links.
    linkat(work_directory, MARK, target, NAME, AtFlags::empty())?;
    unlinkat(work_directory, MARK, AtFlags::empty())
}

/// Removes what has the mark's name and is not a file, so that nobody else's mark is removed with it.
fn remove_what_is_no_mark(target: &Directory) -> Result<(), DiskError> {
    match statat(target, NAME, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile => target.remove_all(NAME),
        _ => Ok(()),
    }
}

/// The lock on a mark whose download has ended.
fn take_over(target: &Directory) -> Result<File, TargetError> {
    let busy = || TargetError::Busy(target.path().to_owned());
    let path = target.path().join(NAME);
    let file = match openat(target, NAME, OFlags::RDWR | OPENED, Mode::empty()) {
        Err(Errno::NOENT) => return Err(busy()),
        file => File::from(file.map_err(io::Error::from).at("open", &path)?),
    };
    if !try_lock(&file).at("lock", &path)? {
        return Err(busy());
    }
    // Its download may have come to its end before the lock was ours.
    if is_same(target.as_fd(), NAME, &file).at("read", &path)? { Ok(file) } else { Err(busy()) }
}

/// Checks that a path is in no directory that was filled only in part: it and those that it lies in, up to the root of a checkout.
///
/// # Errors
/// When it is in one.
pub fn check_finished(path: &Path) -> Result<(), TargetError> {
    let Ok(path) = path.canonicalize() else { return Ok(()) };
    for at in path.ancestors() {
        let Ok(handle) = openat(CWD, at, PASSED.difference(OFlags::NOFOLLOW) | OFlags::DIRECTORY, Mode::empty()) else {
            continue;
        };
        let directory = Directory::new(handle, at.to_owned());
        if let Some(MarkContent { of, .. }) = read(&directory) {
            return Err(TargetError::Unfinished { path: at.to_owned(), of });
        }
        if statat(&directory, ".git", AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            break;
        }
    }
    Ok(())
}
