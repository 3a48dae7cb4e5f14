//! The metadata of a directory's entries: kind, owner, permissions, times, space on the disk.

use std::env;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, Stat};
use rustix::process::geteuid;

/// A user of the system, as the owner of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u32);

/// The kind of an entry. A link is a link, whatever it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device with blocks, such as a disk.
    BlockDevice,
    /// Any other device.
    CharacterDevice,
    /// Any other kind.
    Other,
}

/// The metadata of an entry.
#[derive(Clone, Copy, Debug)]
pub struct EntryMetadata {
    /// Its kind.
    pub kind: EntryKind,
    /// Its owner.
    pub owner: Owner,
    /// The file system that it lies in.
    pub device: u64,
    /// Its number, unique in its file system while the entry exists.
    pub inode: u64,
    /// The permissions of its owner, its group and others.
    mode: Mode,
}

/// A moment as file systems record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTime {
    /// Seconds since 1970.
    pub seconds: i64,
    /// The fraction of the second.
    pub nanoseconds: i64,
}

/// Bytes that a file takes on the disk; a file with holes takes less than its length. A file system may not have allocated the last ones yet.
pub fn bytes_on_disk(metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

impl Owner {
    pub(crate) fn from_id(id: u32) -> Self {
        Self(id)
    }

    /// The user of this process.
    pub fn me() -> Self {
        Self(geteuid().as_raw())
    }

    /// The user who became root with sudo, if one did.
    pub fn before_sudo() -> Option<Self> {
        env::var("SUDO_UID").ok()?.parse().ok().map(Self)
    }

    /// True if this is the user of this process.
    pub fn is_me(self) -> bool {
        self == Self::me()
    }

    /// True if this is the one who may do everything.
    pub fn is_root(self) -> bool {
        self.0 == 0
    }
}

impl EntryMetadata {
    /// Its identity: no two entries have the same at the same time.
    pub fn id(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// True if its owner may execute it.
    pub fn owner_may_execute(&self) -> bool {
        self.mode.contains(Mode::XUSR)
    }

    /// True if others than its owner may write to it.
    pub fn others_may_write(&self) -> bool {
        self.mode.intersects(Mode::WGRP | Mode::WOTH)
    }

    /// Of a directory: whether only the owner of an entry, and its own, may remove the entry (sticky, as /tmp is).
    pub fn protects_entries(&self) -> bool {
        self.mode.contains(Mode::SVTX)
    }

    /// Of a directory: whether it has the permissions of one that is made for its owner alone
    /// ([`make_private_directory`](crate::directory::BorrowedDirectory::make_private_directory)), no more and no less.
    pub fn is_private_directory(&self) -> bool {
        self.mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO | Mode::SVTX) == Mode::RWXU
    }

    /// Of a directory: whether what is made in it belongs to the directory's group.
    pub(crate) fn passes_group_on(&self) -> bool {
        self.mode.contains(Mode::SGID)
    }

    /// The permissions, if the owner lacks one of them, with all of those.
    pub(crate) fn completed_for_owner(&self) -> Option<Mode> {
        (!self.mode.contains(Mode::RWXU)).then(|| self.mode | Mode::RWXU)
    }
}

impl From<&Stat> for EntryMetadata {
    fn from(found: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(found.st_mode).into(),
            owner: Owner(found.st_uid),
            device: found.st_dev,
            inode: found.st_ino,
            mode: Mode::from_raw_mode(found.st_mode),
        }
    }
}

impl From<&Metadata> for EntryMetadata {
    fn from(found: &Metadata) -> Self {
        Self {
            kind: FileType::from_raw_mode(found.mode()).into(),
            owner: Owner(found.uid()),
            device: found.dev(),
            inode: found.ino(),
            mode: Mode::from_raw_mode(found.mode()),
        }
    }
}

impl From<FileType> for EntryKind {
    fn from(found: FileType) -> Self {
        match found {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Pipe,
            FileType::Socket => Self::Socket,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::CharacterDevice => Self::CharacterDevice,
            _ => Self::Other,
        }
    }
}

impl FileTime {
    /// When the content was changed.
    pub fn modified(found: &Metadata) -> Self {
        Self { seconds: found.mtime(), nanoseconds: found.mtime_nsec() }
    }

    /// When the content, the name or the permissions were changed.
    pub fn changed(found: &Metadata) -> Self {
        Self { seconds: found.ctime(), nanoseconds: found.ctime_nsec() }
    }
}

/// True if this is the device that is always empty, and takes the place of a file that shall not be there.
pub fn is_null_device(found: &Metadata) -> bool {
    Path::new("/dev/null").metadata().is_ok_and(|null| null.rdev() == found.rdev())
}
