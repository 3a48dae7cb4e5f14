//! Directories and their entries by handles: the calls that not every system or file system has.
//!
//! | call | where it lacks | what is done then |
//! | --- | --- | --- |
//! | rename without replacing | network file systems | the caller chooses another way |
//! | lists of who may use an entry (ACL) | systems without them | only the group counts |

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, fgetxattr_query, flock, fstat, renameat_with, statat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::descent::id;

/// How a directory is opened to go on from it, or a link to look at it; this needs no permission to read it.
pub const PASSED: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Whether the owner of an entry is the user of this process.
pub fn is_mine(owner: u32) -> bool {
    owner == geteuid().as_raw()
}

/// Locks a file or directory for as long as its handle is open; `false` where another one has the lock. The system gives it up when the
/// process dies.
///
/// # Errors
/// When the file system has no locks.
pub fn try_lock(handle: impl AsFd) -> io::Result<bool> {
    match flock(handle, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        locked => Ok(locked.map(|()| true)?),
    }
}

/// Renames without replacing anything; `false`, without a change, where the file system cannot make sure of that.
///
/// # Errors
/// `EEXIST` where there is something, and as rename(2).
pub fn rename_new(
    from: BorrowedFd,
    name: impl AsRef<Path>,
    to: BorrowedFd,
    new: impl AsRef<Path>,
) -> rustix::io::Result<bool> {
    match renameat_with(from, name.as_ref(), to, new.as_ref(), RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        renamed => renamed.map(|()| true),
    }
}

/// Whether the entry of this name is the one that is open.
///
/// # Errors
/// When the open one cannot be looked at.
pub fn is_same(parent: BorrowedFd, name: impl AsRef<Path>, open: impl AsFd) -> io::Result<bool> {
    let open = fstat(open)?;
    Ok(statat(parent, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|there| id(&there) == id(&open)))
}

/// Whether a directory gives what is made in it more than another does: its group, or a list of who may use it.
///
/// # Errors
/// When it cannot be looked at.
pub fn passes_on(directory: impl AsFd) -> io::Result<bool> {
    let shares_group = Mode::from_raw_mode(fstat(&directory)?.st_mode).contains(Mode::SGID);
    Ok(shares_group || fgetxattr_query(directory, "system.posix_acl_default").is_ok())
}

/// Whether a file could not be opened since too many are open, in this process or on the whole system.
pub fn is_too_many_open(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn a_lock_is_given_up_with_its_handle() {
        let place = tempfile::tempdir().unwrap();
        let [one, other] = [0; 2].map(|_| File::open(place.path()).unwrap());
        assert!(try_lock(&one).unwrap());
        assert!(!try_lock(&other).unwrap());
        drop(one);
        assert!(try_lock(&other).unwrap());
    }

    #[test]
    fn a_rename_without_replacing_leaves_what_is_there() {
        let place = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::write(place.path().join(name), name).unwrap();
        }
        let here = File::open(place.path()).unwrap();
        let here = here.as_fd();
        let replaced = rename_new(here, "a", here, "b");
        assert!(matches!(replaced, Ok(false) | Err(Errno::EXIST)), "{replaced:?}");
        assert_eq!(fs::read_to_string(place.path().join("b")).unwrap(), "b");
        let b = File::open(place.path().join("b")).unwrap();
        assert!(is_same(here, "b", &b).unwrap() && !is_same(here, "a", &b).unwrap());
    }
}
