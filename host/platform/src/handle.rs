//! Open files and directories: locks, and reads at an offset.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

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

/// Reads from a place in a file, whose position for other reads stays; returns how many bytes, none at the end.
///
/// # Errors
/// When it cannot be read.
pub fn read_at(file: &File, buffer: &mut [u8], place: u64) -> io::Result<usize> {
    file.read_at(buffer, place)
}

/// Fills the buffer from a place in a file, as [`read_at`] does.
///
/// # Errors
/// `UnexpectedEof` where the file ends before.
pub fn read_exact_at(file: &File, buffer: &mut [u8], place: u64) -> io::Result<()> {
    file.read_exact_at(buffer, place)
}
