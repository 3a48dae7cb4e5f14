//! Errors of the system that callers handle, and that `std::io::ErrorKind` does not distinguish on every system.

use std::io;

use rustix::io::Errno;

/// True if a file could not be opened since too many are open, in this process or on the whole system.
pub fn is_too_many_open(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// True if what was opened as a directory is something else; a link too, whatever it leads to.
pub fn is_no_directory(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::LOOP))
}

/// True if an entry cannot be moved, though it may well be removed: it lies in another file system or, as a directory of an image's lower
/// layer, seems to; or it is a directory to which this user may not write.
///
/// An entry that must not be changed at all (`EPERM`) has the same `ErrorKind`, and is not included.
pub fn is_not_movable(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::XDEV | Errno::ACCESS))
}

/// The error of the system for a chain of links that is too long.
pub fn too_many_links() -> io::Error {
    Errno::LOOP.into()
}
