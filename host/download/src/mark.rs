//! The mark of an incomplete target: a file in it. While the mark exists, the target's content is not that of a commit.
//!
//! Its lock keeps two downloads from filling the same target together. Other users cannot open the file, so they cannot take the lock. The
//! mark appears with its content by a rename, and is removed in one step.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use crate::directory::Directory;
use crate::error::{AtPath, DiskError, TargetError};
use crate::unfinished::Unfinished;
use crate::work_directory::MARK;
use forgeport_platform::directory::OwnedDirectory;
use forgeport_platform::handle::try_lock;
use forgeport_platform::metadata::EntryKind;

/// Its name in the target. No commit may have it, in no spelling that a file system could take for it.
pub(crate) const NAME: &str = ".forgeport-unfinished";
/// The most bytes that are read of it.
const LONGEST: u64 = 64 << 10;

/// True if some file system would take this for the mark's name.
pub(crate) fn is_taken(name: &[u8]) -> bool {
    name.first() == NAME.as_bytes().first() && String::from_utf8_lossy(name).to_uppercase() == NAME.to_uppercase()
}

/// How often a mark is set anew where one was there and is gone.
const TRIES: u32 = 8;

/// The content of a mark: a file in JSON, with the commit and the subdirectory.
pub(crate) struct MarkContent {
    /// None where it cannot be read.
    of: Option<Unfinished>,
    /// True if this user made it. Another one could have planted it.
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
    let found = directory.handle().metadata_of(NAME).ok()?;
    let is_file = found.kind == EntryKind::File;
    is_file.then(|| MarkContent { of: read_file(directory).ok(), mine: found.owner.is_me() })
}

fn read_file(directory: &Directory) -> io::Result<Unfinished> {
    let file = directory.handle().open_file(NAME)?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// The mark in a target, and the lock on it for as long as this lives.
pub(crate) struct Mark<'a> {
    target: &'a Directory,
    _lock: File,
    /// True if the target was marked before.
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
        let failed = |error: io::Error| DiskError::new("write to", target.path(), error);
        let mut tries = 0..TRIES;
        let found = loop {
            match place(work_directory, target) {
                Ok(()) => return Ok(Self { target, _lock: lock, was_there: false }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
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
        work_directory.handle().rename(MARK, target.handle(), NAME).map_err(failed)?;
        Ok(Self { target, _lock: lock, was_there: true })
    }

    /// True if the target was marked before.
    pub(crate) fn was_there(&self) -> bool {
        self.was_there
    }

    /// The target is whole.
    pub(crate) fn remove(self) -> Result<(), DiskError> {
        let removed = self.target.handle().remove_file(NAME);
        removed.at("remove", &self.target.path().join(NAME))
    }

    /// The target is as it was: without a mark, if it had none.
    pub(crate) fn withdraw(self) -> Result<(), DiskError> {
        if self.was_there { Ok(()) } else { self.remove() }
    }
}

/// A mark that is still to be set, locked.
fn make(work_directory: &Directory, of: &Unfinished) -> io::Result<File> {
    let mut file = work_directory.handle().create_private_file(MARK)?;
    file.write_all(&serde_json::to_vec(of)?)?;
    if try_lock(&file)? { Ok(file) } else { Err(ErrorKind::ResourceBusy.into()) }
}

/// Sets it where there is none.
fn place(work_directory: &Directory, target: &Directory) -> io::Result<()> {
    let (work_directory, target) = (work_directory.handle(), target.handle());
    if work_directory.rename_new(MARK, target, NAME)? {
        return Ok(());
    }
    // Network file systems, where a file can have two names.
    work_directory.add_name(MARK, target, NAME)?;
    work_directory.remove_file(MARK)
}

/// Removes what has the mark's name and is not a file, so that nobody else's mark is removed with it.
fn remove_what_is_no_mark(target: &Directory) -> Result<(), DiskError> {
    match target.handle().metadata_of(NAME) {
        Ok(found) if found.kind != EntryKind::File => target.remove_all(NAME),
        _ => Ok(()),
    }
}

/// The lock on a mark whose download has ended.
fn take_over(target: &Directory) -> Result<File, TargetError> {
    let busy = || TargetError::Busy(target.path().to_owned());
    let path = target.path().join(NAME);
    let file = match target.handle().open_file_to_lock(NAME) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(busy()),
        file => file.at("open", &path)?,
    };
    if !try_lock(&file).at("lock", &path)? {
        return Err(busy());
    }
    // Its download may have come to its end before the lock was ours.
    if target.handle().is_same(NAME, &file).at("read", &path)? { Ok(file) } else { Err(busy()) }
}

/// Checks that a path is in no directory that was filled only in part: it and those that it lies in, up to the root of a checkout.
///
/// # Errors
/// When it is in one.
pub fn check_finished(path: &Path) -> Result<(), TargetError> {
    let Ok(path) = path.canonicalize() else { return Ok(()) };
    for at in path.ancestors() {
        let Ok(handle) = OwnedDirectory::at(at) else { continue };
        let directory = Directory::new(handle, at.to_owned());
        if let Some(MarkContent { of, .. }) = read(&directory) {
            return Err(TargetError::Unfinished { path: at.to_owned(), of });
        }
        if directory.handle().metadata_of(".git").is_ok() {
            break;
        }
    }
    Ok(())
}
