//! Removes an entry of any kind, with its content.
//!
//! No link is followed, and no mount is entered. A directory of this user that is not writable is made writable first.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{AtFlags, fchmod, unlinkat};
use rustix::io::Errno;

use crate::descent::{Visitor, descend};
use crate::directory::BorrowedDirectory;
use crate::mount;

/// Removes the entry `name` of `parent` with all that is in it; that there is none is fine. `check` is asked before each entry whether to
/// go on.
///
/// # Errors
/// Those of `check` and of the system; `ResourceBusy` where something is mounted.
pub fn remove(parent: BorrowedDirectory, name: &OsStr, check: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    let mut removal = Removal { check };
    if removal.entry(parent, name)? { descend(parent, name, &mut removal) } else { Ok(()) }
}

struct Removal<'a> {
    check: &'a dyn Fn() -> io::Result<()>,
}

impl Visitor for Removal<'_> {
    fn enter(&mut self, here: BorrowedDirectory, _: &OsStr) -> io::Result<()> {
        let found = here.metadata()?;
        // A directory whose owner may not write to it, such as tools make for what is not to be changed.
        if found.owner.is_me()
            && let Some(mode) = found.completed_for_owner()
        {
            fchmod(here, mode)?;
        }
        Ok(())
    }

    fn entry(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<bool> {
        (self.check)()?;
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

    fn leave(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<()> {
        match here.remove_directory(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}
