//! Directories by their handles, and operations on their entries by name.
//!
//! A user who can write beside a directory can exchange it. An operation on a handle affects the directory that was opened, so a download
//! uses handles only. No call here follows a link at the end of a name, and none waits for a pipe.
//!
//! | call | missing on | then |
//! | --- | --- | --- |
//! | rename without replacing | network file systems | the caller chooses another way |
//! | access control lists | systems without them | only the group counts |

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, RenameFlags, accessat, fgetxattr_query, fstat, linkat, mkdirat, openat,
    readlinkat, renameat, renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::metadata::{EntryKind, EntryMetadata, Owner};

/// How a directory is opened whose entries are read. The rest keeps it from being a link or a pipe that somebody planted.
const LISTED: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// How an entry is opened to look at it, or to go on from it.
const PASSED: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// How a file is opened; a link or a pipe that somebody planted neither leads elsewhere nor blocks.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// How a file is made.
const NEW: OFlags = OFlags::CREATE.union(OFlags::EXCL).union(OFlags::CLOEXEC);

/// An open directory. It is the same one for as long as this lives, whatever is put in its place.
#[derive(Debug)]
pub struct OwnedDirectory(OwnedFd);

/// The handle of a directory that something else keeps open; all that is done in a directory is done by this.
///
/// Names are looked up in it. They may be paths too, where no link lies on them.
#[derive(Clone, Copy, Debug)]
pub struct BorrowedDirectory<'a>(BorrowedFd<'a>);

/// An opened entry.
#[derive(Debug)]
pub enum OpenEntry {
    /// A directory, to go on from it.
    Directory(OwnedDirectory),
    /// A link itself.
    Link(OpenLink),
    /// Anything else.
    Other,
}

/// A link, open: what it says of itself is all of the same one.
#[derive(Debug)]
pub struct OpenLink {
    handle: OwnedFd,
    owner: Owner,
}

impl OwnedDirectory {
    /// Opens the directory that a path leads to, links followed, to go on from it; this needs no permission to read it.
    ///
    /// # Errors
    /// When there is none, or the way there is closed to this user.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// Its handle, by which everything in it is done.
    pub fn borrow(&self) -> BorrowedDirectory<'_> {
        BorrowedDirectory(self.0.as_fd())
    }

    /// Another handle of the same directory.
    ///
    /// # Errors
    /// When too many files are open.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    pub(crate) fn into_handle(self) -> OwnedFd {
        self.0
    }
}

impl AsFd for OwnedDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for BorrowedDirectory<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

impl<'a> BorrowedDirectory<'a> {
    pub(crate) fn new(handle: BorrowedFd<'a>) -> Self {
        Self(handle)
    }

    /// The metadata of the directory itself.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn metadata(self) -> io::Result<EntryMetadata> {
        Ok(EntryMetadata::from(&fstat(self.0)?))
    }

    /// The metadata of an entry.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub fn metadata_of(self, name: impl AsRef<Path>) -> io::Result<EntryMetadata> {
        Ok(EntryMetadata::from(&statat(self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// True if the entry of this name is the file or directory that is open.
    ///
    /// # Errors
    /// When the open one cannot be looked at.
    pub fn is_same(self, name: impl AsRef<Path>, open: impl AsFd) -> io::Result<bool> {
        let open = EntryMetadata::from(&fstat(open)?);
        Ok(self.metadata_of(name).is_ok_and(|there| there.id() == open.id()))
    }

    /// True if new entries of the directory inherit more than in another: its group, or an access control list.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn passes_on(self) -> io::Result<bool> {
        Ok(self.metadata()?.passes_group_on() || fgetxattr_query(self.0, "system.posix_acl_default").is_ok())
    }

    /// True if the permissions let this user make and remove entries.
    ///
    /// # Errors
    /// When the user may not, and when the directory was removed.
    pub fn check_change(self) -> io::Result<()> {
        Ok(accessat(self.0, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
    }

    /// True if the permissions let this user read a directory in this one and look at its entries.
    ///
    /// # Errors
    /// When the user may not, and when it is not there.
    pub fn check_read(self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(accessat(self.0, name.as_ref(), Access::READ_OK | Access::EXEC_OK, AtFlags::empty())?)
    }

    /// Opens a directory to read which entries it has, to work in it, or to lock it.
    ///
    /// # Errors
    /// `NotFound` where there is none, [`is_no_directory`](crate::system_error::is_no_directory) where something else is there.
    pub fn open_directory(self, name: impl AsRef<Path>) -> io::Result<OwnedDirectory> {
        Ok(OwnedDirectory(openat(self.0, name.as_ref(), LISTED, Mode::empty())?))
    }

    /// Opens a directory to go on from it; this needs no permission to read it.
    ///
    /// # Errors
    /// As [`open_directory`](Self::open_directory).
    pub fn pass_to_directory(self, name: impl AsRef<Path>) -> io::Result<OwnedDirectory> {
        Ok(OwnedDirectory(openat(self.0, name.as_ref(), PASSED | OFlags::DIRECTORY, Mode::empty())?))
    }

    /// Opens whatever is there; this needs no permission on it.
    ///
    /// # Errors
    /// `NotFound` where nothing is.
    pub fn open_entry(self, name: impl AsRef<Path>) -> io::Result<OpenEntry> {
        let handle = openat(self.0, name.as_ref(), PASSED, Mode::empty())?;
        let found = EntryMetadata::from(&fstat(&handle)?);
        Ok(match found.kind {
            EntryKind::Directory => OpenEntry::Directory(OwnedDirectory(handle)),
            EntryKind::Link => OpenEntry::Link(OpenLink { handle, owner: found.owner }),
            _ => OpenEntry::Other,
        })
    }

    /// Opens a file to read it.
    ///
    /// # Errors
    /// `NotFound` where nothing is.
    pub fn open_file(self, name: impl AsRef<Path>) -> io::Result<File> {
        Ok(openat(self.0, name.as_ref(), OFlags::RDONLY | FILE, Mode::empty())?.into())
    }

    /// Opens a file to lock it; some file systems lock only what may be written.
    ///
    /// # Errors
    /// As [`open_file`](Self::open_file).
    pub fn open_file_to_lock(self, name: impl AsRef<Path>) -> io::Result<File> {
        Ok(openat(self.0, name.as_ref(), OFlags::RDWR | FILE, Mode::empty())?.into())
    }

    /// Makes a file to write to it, for all whom the umask of this process lets have it.
    ///
    /// # Errors
    /// `AlreadyExists` where there is something.
    pub fn create_file(self, name: impl AsRef<Path>, executable: bool) -> io::Result<File> {
        let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
        Ok(openat(self.0, name.as_ref(), OFlags::WRONLY | NEW, mode)?.into())
    }

    /// Makes a file to read and write it, for this user alone.
    ///
    /// # Errors
    /// As [`create_file`](Self::create_file).
    pub fn create_private_file(self, name: impl AsRef<Path>) -> io::Result<File> {
        Ok(openat(self.0, name.as_ref(), OFlags::RDWR | NEW, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Makes a directory, for all whom the umask of this process lets have it.
    ///
    /// # Errors
    /// `AlreadyExists` where there is something.
    pub fn make_directory(self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(mkdirat(self.0, name.as_ref(), Mode::from_raw_mode(0o777))?)
    }

    /// Makes a directory for this user alone.
    ///
    /// # Errors
    /// As [`make_directory`](Self::make_directory).
    pub fn make_private_directory(self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(mkdirat(self.0, name.as_ref(), Mode::RWXU)?)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// `AlreadyExists` where there is something.
    pub fn make_link(self, name: impl AsRef<Path>, target: &Path) -> io::Result<()> {
        Ok(symlinkat(target, self.0, name.as_ref())?)
    }

    /// Gives a file another name beside the one that it has.
    ///
    /// # Errors
    /// `AlreadyExists` where there is something.
    pub fn add_name(self, name: impl AsRef<Path>, to: BorrowedDirectory, new: impl AsRef<Path>) -> io::Result<()> {
        Ok(linkat(self.0, name.as_ref(), to.0, new.as_ref(), AtFlags::empty())?)
    }

    /// Moves an entry, in the place of one that is there.
    ///
    /// # Errors
    /// `DirectoryNotEmpty` or `AlreadyExists` where it would replace a directory that is not empty, `NotADirectory` where it is one that
    /// would replace a file, [`is_not_movable`](crate::system_error::is_not_movable) where it would have to be copied.
    pub fn rename(self, name: impl AsRef<Path>, to: BorrowedDirectory, new: impl AsRef<Path>) -> io::Result<()> {
        Ok(renameat(self.0, name.as_ref(), to.0, new.as_ref())?)
    }

    /// Moves an entry without replacing anything; `false`, without a change, where the file system cannot make sure of that.
    ///
    /// # Errors
    /// `AlreadyExists` where there is something, and as [`rename`](Self::rename).
    pub fn rename_new(self, name: impl AsRef<Path>, to: BorrowedDirectory, new: impl AsRef<Path>) -> io::Result<bool> {
        match renameat_with(self.0, name.as_ref(), to.0, new.as_ref(), RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            renamed => Ok(renamed.map(|()| true)?),
        }
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    /// `NotFound` where nothing is; what is said of a directory differs between systems.
    pub fn remove_file(self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(unlinkat(self.0, name.as_ref(), AtFlags::empty())?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `NotFound` where nothing is.
    pub fn remove_directory(self, name: impl AsRef<Path>) -> io::Result<()> {
        Ok(unlinkat(self.0, name.as_ref(), AtFlags::REMOVEDIR)?)
    }
}

impl OpenLink {
    /// Its owner.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Its destination.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn target(&self) -> io::Result<PathBuf> {
        let target = readlinkat(&self.handle, "", Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }
}
