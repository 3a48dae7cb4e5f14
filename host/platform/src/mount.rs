//! Mount points: a volume in a directory is neither moved nor removed with it.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::io::Errno;

use crate::directory::BorrowedDirectory;
use crate::metadata::Owner;

/// An entry of a directory.
pub struct Seen {
    /// True if it is a directory; a link to one is none.
    pub directory: bool,
    /// True if a file system, or a part of one, is mounted on it; on files too, as containers have it.
    pub mount_point: bool,
    /// Whose it is.
    pub owner: Owner,
}

/// Looks at an entry; none where there is no such entry. No link is followed.
///
/// # Errors
/// When it cannot be looked at.
pub fn look(parent: BorrowedDirectory, name: &OsStr) -> io::Result<Option<Seen>> {
    match try_look(parent, name) {
        Err(Errno::NOENT) => Ok(None),
        seen => Ok(Some(seen?)),
    }
}

#[cfg(target_os = "linux")]
fn try_look(parent: BorrowedDirectory, name: &OsStr) -> rustix::io::Result<Seen> {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    let known = StatxAttributes::MOUNT_ROOT;
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    match statx(parent, name, flags, StatxFlags::TYPE | StatxFlags::UID) {
        Ok(found) if found.stx_attributes_mask.contains(known) => Ok(Seen {
            directory: FileType::from_raw_mode(found.stx_mode.into()) == FileType::Directory,
            mount_point: found.stx_attributes.contains(known),
            owner: Owner::from_id(found.stx_uid),
        }),
        // Linux before 5.8; and filters of old container runtimes, which forbid what they do not know.
        Ok(_) | Err(Errno::NOSYS | Errno::PERM) => by_device(parent, name),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn try_look(parent: BorrowedDirectory, name: &OsStr) -> rustix::io::Result<Seen> {
    by_device(parent, name)
}

fn by_device(parent: BorrowedDirectory, name: &OsStr) -> rustix::io::Result<Seen> {
    let found = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
    // Of files it says nothing where several file systems are seen as one.
    let mount_point = directory && found.st_dev != fstat(parent)?.st_dev;
    Ok(Seen { directory, mount_point, owner: Owner::from_id(found.st_uid) })
}
