//! Walks through all that lies in a directory, however deep it is, with two open handles.
//!
//! A directory that was there before a download may be anybody's making, deeper than a process may have files open and longer than a path
//! may be. So only the directory where the walk is stays open; the way back leads through `..`, and has to end where it began.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{Dir, DirEntry, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;

/// How a directory is opened whose entries are read. The rest keeps it from being a link or a pipe that somebody planted.
pub const LISTED: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// What is done on the walk.
pub trait Visitor {
    /// The walk is in this directory now; of its entries none has been visited.
    fn enter(&mut self, here: BorrowedFd, name: &OsStr) -> io::Result<()>;
    /// An entry of it. Returns whether it is a directory to enter, once all entries have been visited.
    fn entry(&mut self, here: BorrowedFd, name: &OsStr) -> io::Result<bool>;
    /// All that lies in the directory of this name has been visited; the walk is back in the one that it lies in.
    fn leave(&mut self, here: BorrowedFd, name: &OsStr) -> io::Result<()>;
}

/// A directory on the way from the top to where the walk is.
struct Level {
    name: OsString,
    id: (u64, u64),
    /// Directories in it that are still to be entered.
    ahead: Vec<OsString>,
}

/// Visits all that lies in the directory `name` of `parent`; that itself is entered and left too.
///
/// # Errors
/// Those of the visitor and of the system; `ResourceBusy` where a directory was moved away while it was walked through.
pub fn descend(parent: BorrowedFd, name: &OsStr, visitor: &mut impl Visitor) -> io::Result<()> {
    let mut here = Dir::new(open(parent, name)?)?;
    let mut way = vec![look(&mut here, name, visitor)?];
    while let Some(level) = way.last_mut() {
        if let Some(name) = level.ahead.pop() {
            match open(here.fd()?, &name) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => here = Dir::new(opened?)?,
            }
            way.push(look(&mut here, &name, visitor)?);
            continue;
        }
        let left = way.pop().map(|level| level.name).unwrap_or_default();
        match way.last() {
            None => visitor.leave(parent, &left)?,
            Some(level) => {
                let above = open(here.fd()?, OsStr::new(".."))?;
                if id(&fstat(&above)?) != level.id {
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, "a directory was moved away meanwhile"));
                }
                here = Dir::new(above)?;
                visitor.leave(here.fd()?, &left)?;
            }
        }
    }
    Ok(())
}

/// The names in a directory, one after the other.
pub fn names(directory: BorrowedFd) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
    // The handle itself may be one that only leads through (`O_PATH`).
    let listed = Dir::new(open(directory, OsStr::new("."))?)?;
    Ok(listed.filter_map(|entry| entry.map_err(io::Error::from).map(|entry| name_of(&entry)).transpose()))
}

/// What no two directories have at the same time.
pub fn id(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

fn open(parent: BorrowedFd, name: &OsStr) -> io::Result<OwnedFd> {
    Ok(openat(parent, name, LISTED, Mode::empty())?)
}

fn look(here: &mut Dir, name: &OsStr, visitor: &mut impl Visitor) -> io::Result<Level> {
    visitor.enter(here.fd()?, name)?;
    let mut level = Level { name: name.to_owned(), id: id(&fstat(here.fd()?)?), ahead: Vec::new() };
    while let Some(entry) = here.read() {
        let entry = match entry {
            // What lies in a directory that somebody removed.
            Err(Errno::NOENT) => break,
            entry => entry?,
        };
        let Some(name) = name_of(&entry) else { continue };
        if visitor.entry(here.fd()?, &name)? {
            level.ahead.push(name);
        }
    }
    Ok(level)
}

fn name_of(entry: &DirEntry) -> Option<OsString> {
    match entry.file_name().to_bytes() {
        b"." | b".." => None,
        name => Some(OsString::from_vec(name.to_vec())),
    }
}
