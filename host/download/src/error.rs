//! The errors of a download.

use std::io;
use std::path::{Path, PathBuf};

use forgeport_model::LimitReached;
use forgeport_platform::system_error::is_too_many_open;

use crate::deadline::Stopped;
use crate::unfinished::Unfinished;
use forgeport_model::{Collision, FileKind, ObjectId};
use forgeport_model::{PathError, RepoPath, escape_untrusted_short};

/// An operation on the disk failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct DiskError {
    /// The attempted action, as in "could not {action} ...".
    pub action: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self { action, path: path.to_path_buf(), source }
    }

    fn text(&self) -> String {
        let what =
            format!("could not {} {}", self.action, escape_untrusted_short(self.path.as_os_str().as_encoded_bytes()));
        match self.source.kind() {
            io::ErrorKind::StorageFull => format!("the disk is full: {what}; free some space and try again"),
            io::ErrorKind::QuotaExceeded => format!("the disk quota is used up: {what}; free some space and try again"),
            io::ErrorKind::PermissionDenied => {
                format!("{what}: permission denied; choose a directory that you may write to")
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                format!("{what}: the file system is read-only; choose another directory")
            }
            _ if is_too_many_open(&self.source) => {
                format!("{what}: too many files are open; raise the limit on them for this process")
            }
            _ => format!("{what}: {}", self.source),
        }
    }
}

/// Gives an error of the system its place.
pub(crate) trait AtPath<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError::new(action, path, source))
    }
}

/// Why content was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Not everything came, or not as it was sent: another try may succeed.
    #[error("the transfer was interrupted: {0}")]
    Transfer(#[source] io::Error),
    /// The response is not an archive at all, perhaps a web page; its beginning, safe to print.
    #[error("the answer is not a {format} archive: it begins with `{begins}`")]
    NoArchive {
        /// The expected format.
        format: &'static str,
        /// The first bytes.
        begins: String,
    },
    /// The content must not or cannot be written: another attempt would end the same.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The local disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The other side cannot or does not want to give it in this way; another way may do. In words that are safe to print.
    #[error("{0}")]
    Unsupported(String),
    /// Its time was up.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl UnpackError {
    /// The error of the disk, unless the work was only stopped.
    pub(crate) fn at(error: io::Error, action: &'static str, path: &Path) -> Self {
        Self::inside(error).unwrap_or_else(|error| DiskError::new(action, path, error).into())
    }

    /// The reason that a reader or writer reported inside of its error, if there is one.
    fn inside(error: io::Error) -> Result<Self, io::Error> {
        let error = match error.downcast::<Self>() {
            Ok(reason) => return Ok(reason),
            Err(error) => error,
        };
        error.downcast::<Stopped>().map(Self::from)
    }

    pub(crate) fn transfer(text: &str) -> Self {
        Self::Transfer(io::Error::new(io::ErrorKind::UnexpectedEof, text))
    }
}

/// Readers in the chain below hand over their reasons inside of `io::Error`.
impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        Self::inside(error).unwrap_or_else(Self::Transfer)
    }
}

impl From<UnpackError> for io::Error {
    fn from(error: UnpackError) -> Self {
        io::Error::other(error)
    }
}

/// Hostile or impossible content: the entry, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("`{entry}` was rejected: {why}")]
pub struct Rejected {
    /// The path, safe to print; `archive` where it is the whole.
    pub entry: String,
    /// The reason.
    pub why: RejectReason,
}

impl Rejected {
    pub(crate) fn new(entry: &[u8], why: impl Into<RejectReason>) -> Self {
        Self { entry: escape_untrusted_short(entry), why: why.into() }
    }

    pub(crate) fn archive(why: impl Into<RejectReason>) -> Self {
        Self { entry: "archive".into(), why: why.into() }
    }
}

/// Why an entry is not written.
#[derive(Debug, thiserror::Error)]
pub enum RejectReason {
    /// Its path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A kind of entry that a commit cannot contain.
    #[error("it is a {0}, which a commit cannot contain")]
    Type(&'static str),
    /// The archive is not well-formed.
    #[error("the archive is malformed: {0}")]
    Malformed(&'static str),
    /// There is one of this path already.
    #[error("the path appears twice, first as a {0}")]
    Twice(FileKind),
    /// It would lie in something that is not a directory.
    #[error("it would lie in `{parent}`, which is a {kind}")]
    Parent {
        /// The entry in which it would lie, safe to print.
        parent: String,
        /// The kind of that entry.
        kind: FileKind,
    },
    /// It lies outside of the archive's one root folder.
    #[error("it is not in the archive's root folder")]
    Root,
    /// A link's target is empty or too long, or holds a NUL.
    #[error("the link's target is not a path")]
    Target,
    /// A link leads out of the directory.
    #[error("the link to `{0}` leads out of the directory")]
    Leaves(String),
    /// The archive names another commit than the one asked for.
    #[error("it is of the commit {found}, but {expected} was requested")]
    Commit {
        /// The commit that the archive names.
        found: ObjectId,
        /// The requested commit.
        expected: ObjectId,
    },
    /// A limit of the host.
    #[error(transparent)]
    Limit(#[from] LimitReached),
    /// The wanted directory belongs to another repository.
    #[error(
        "it is a submodule or lies in one: register the repository that .gitmodules names for it, and download from there"
    )]
    Submodule,
    /// The kind cannot be written in this way.
    #[error("a {0} cannot be written as a single file")]
    FileKind(FileKind),
    /// In the forge's own words, safe to print.
    #[error("the forge says: {0}")]
    Refused(String),
    /// Its content has the marks of an attack on SHA-1.
    #[error(transparent)]
    Collision(#[from] Collision),
    /// A name in its path is the one of the mark of a directory that is not complete.
    #[error("a name in its path is the name of the mark of unfinished directories, which is reserved")]
    Mark,
    /// An entry of a listing is not of the directory that was listed.
    #[error("it is not directly in `{0}`, which the forge listed")]
    Listing(String),
}

/// Why a target cannot take a download.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not empty.
    #[error("{} is not empty: choose another directory, or replace what is in it with --force", .0.display())]
    NotEmpty(PathBuf),
    /// It is not a directory.
    #[error("{} is a file: choose another directory", .0.display())]
    File(PathBuf),
    /// It is a link to something that does not exist.
    #[error("{} is a link to something that does not exist: choose another directory", .0.display())]
    Dangling(PathBuf),
    /// A link on the way to it is not to be trusted.
    #[error("{} is a link that another user may have made to lead elsewhere: name the directory that is meant", .0.display())]
    Link(PathBuf),
    /// Another user can have made it for us to fill.
    #[error("{} belongs to another user, who may have made it to own what is written into it: choose another directory", .0.display())]
    Planted(PathBuf),
    /// The root of the file system.
    #[error("{} is the root of the file system: choose a directory in it", .0.display())]
    Root(PathBuf),
    /// A download into it was killed, or failed, when a part was there.
    #[error("{} contains only a part of a commit, because a download into it was interrupted: {}", .path.display(), finishing(.of))]
    Unfinished {
        /// The directory.
        path: PathBuf,
        /// The download that it is a part of, if its mark can be read.
        of: Option<Unfinished>,
    },
    /// Another one is filling it.
    #[error("another download is filling {}: wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// The existing content cannot be removed.
    #[error("nothing was changed, because {} cannot be removed by this user: remove it, or choose another directory", .0.display())]
    Protected(PathBuf),
    /// A part of the commit would have to lie where something stays.
    #[error("nothing was changed, because {} is a mount point or belongs to the file system, and the commit has an entry of that name: choose another directory", .0.display())]
    Occupied(PathBuf),
    /// It could neither be filled nor left as it was.
    #[error("{} is filled only in part and marked as unfinished; run the same download again to finish it: {why}", .path.display())]
    Halfway {
        /// The directory.
        path: PathBuf,
        /// The cause.
        why: Box<TargetError>,
    },
    /// The local disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl TargetError {
    /// Looking at a directory that nobody has marked for us fails when another download moves what is in it.
    pub(crate) fn or_busy(self, path: &Path) -> Self {
        let moved =
            |error: &DiskError| matches!(error.source.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::NotFound);
        match self {
            Self::Disk(error) if moved(&error) => Self::Busy(path.to_owned()),
            error => error,
        }
    }
}

/// Why what came did not become the target.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// No such directory.
    #[error("the commit has no directory `{0}`: look for its right name, upper and lower case count")]
    Missing(String),
    /// It is a file or a link.
    #[error("`{0}` is no directory of the commit: name the directory that it lies in")]
    NoDirectory(String),
    /// The content is not the commit's.
    #[error("the content is not the commit's: the forge reports the tree {told} for `/{path}`, and {}; try again, and report it to the forge's operator if it persists", found_text(.found))]
    Mismatch {
        /// The directory.
        path: RepoPath,
        /// The id that the forge reported.
        told: ObjectId,
        /// The id of the received content.
        found: Option<ObjectId>,
    },
    /// The forge contradicts itself.
    #[error(
        "the forge reports the tree {one} for `/{path}`, and then {other}; try again, and report it to the forge's operator if it persists"
    )]
    Contradiction {
        /// The directory.
        path: RepoPath,
        /// The first claim.
        one: ObjectId,
        /// The second claim.
        other: ObjectId,
    },
    /// A link that leads out, or the disk.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl FinishError {
    /// True if the content is the reason, and neither the disk nor the target.
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::Missing(_) | Self::NoDirectory(_) | Self::Mismatch { .. } | Self::Contradiction { .. } => true,
            Self::Unpack(error) => !matches!(error, UnpackError::Disk(_) | UnpackError::Stopped(_)),
            Self::Target(_) => false,
        }
    }
}

fn finishing(of: &Option<Unfinished>) -> String {
    match of {
        Some(of) => {
            format!("a download into it with {of} finishes it, one of anything else takes its place with --force")
        }
        None => "another one takes its place with --force".to_owned(),
    }
}

fn found_text(found: &Option<ObjectId>) -> String {
    match found {
        Some(id) => format!("the content has the tree {id}"),
        None => "no content came for it".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::deadline::Deadline;

    #[test]
    fn a_reader_that_is_stopped_reports_that_and_no_broken_transfer() {
        let deadline = Deadline::never();
        deadline.cancel();
        let stopped = || deadline.reading(&b"x"[..]).read(&mut [0]).unwrap_err();
        assert!(matches!(UnpackError::from(stopped()), UnpackError::Stopped(Stopped)));
        assert!(matches!(UnpackError::at(stopped(), "write", Path::new("/x")), UnpackError::Stopped(Stopped)));
    }
}
