//! Walks through a directory of any depth, with two open handles.
//!
//! A directory that existed before a download may be hostile: deeper than a process can have open files, with paths longer than the system
//! accepts. So only the current directory stays open; the walk returns through `..`, and must end where it began.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{Dir, DirEntry};
use rustix::io::Errno;

use crate::directory::{BorrowedDirectory, OwnedDirectory};

/// The actions of a walk.
pub trait Visitor {
    /// The walk is in this directory now; of its entries none has been visited.
    fn enter(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<()>;
    /// An entry of it. Returns whether it is a directory to enter, once all entries have been visited.
    fn entry(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<bool>;
    /// All that lies in the directory of this name has been visited; the walk is back in the one that it lies in.
    fn leave(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<()>;
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
pub fn descend(parent: BorrowedDirectory, name: &OsStr, visitor: &mut impl Visitor) -> io::Result<()> {
    let mut here = reading(parent.open_directory(name)?)?;
    let mut way = vec![look(&mut here, name, visitor)?];
    while let Some(level) = way.last_mut() {
        if let Some(name) = level.ahead.pop() {
            match handle(&here)?.open_directory(&name) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => here = reading(opened?)?,
            }
            way.push(look(&mut here, &name, visitor)?);
            continue;
        }
        let left = way.pop().map(|level| level.name).unwrap_or_default();
        match way.last() {
            None => visitor.leave(parent, &left)?,
            Some(level) => {
                let above = handle(&here)?.open_directory("..")?;
                if above.borrow().metadata()?.id() != level.id {
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, "a directory was moved away meanwhile"));
                }
                here = reading(above)?;
                visitor.leave(handle(&here)?, &left)?;
            }
        }
    }
    Ok(())
}

/// The names in a directory, one after the other.
///
/// # Errors
/// When it cannot be read.
pub fn names(directory: BorrowedDirectory) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
    // The handle itself may be one that only leads through (`O_PATH`).
    let listed = reading(directory.open_directory(".")?)?;
    Ok(listed.filter_map(|entry| entry.map_err(io::Error::from).map(|entry| name_of(&entry)).transpose()))
}

fn reading(directory: OwnedDirectory) -> io::Result<Dir> {
    Ok(Dir::new(directory.into_handle())?)
}

fn handle(directory: &Dir) -> io::Result<BorrowedDirectory<'_>> {
    Ok(BorrowedDirectory::new(directory.fd()?))
}

fn look(here: &mut Dir, name: &OsStr, visitor: &mut impl Visitor) -> io::Result<Level> {
    visitor.enter(handle(here)?, name)?;
    let mut level = Level { name: name.to_owned(), id: handle(here)?.metadata()?.id(), ahead: Vec::new() };
    while let Some(entry) = here.read() {
        let entry = match entry {
            // What lies in a directory that somebody removed.
            Err(Errno::NOENT) => break,
            entry => entry?,
        };
        let Some(name) = name_of(&entry) else { continue };
        if visitor.entry(handle(here)?, &name)? {
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
