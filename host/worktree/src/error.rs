//! Errors of an inspection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forgeport_model::shell_word;

use crate::mask::{KnownSecrets, MaskedText};

/// Why the local context of a path cannot be read; the text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The path does not exist.
    #[error("{} does not exist: give the path of a directory in a git checkout", path.display())]
    Missing {
        /// As the caller gave it.
        path: PathBuf,
    },
    /// Neither the path nor a directory above it, on the same file system, is a git repository.
    #[error("{} is not in a git checkout: go to one, or make one with `git clone`", path.display())]
    NotACheckout {
        /// The directory where the search began.
        path: PathBuf,
    },
    /// The path belongs to a repository, but not to the files of its work tree.
    #[error("{} is not in the work tree of its repository: give a path below {}", path.display(), root.display())]
    OutsideWorkTree {
        /// The directory that was given.
        path: PathBuf,
        /// The root of the work tree.
        root: PathBuf,
    },
    /// The repository belongs to another user and is not listed in `safe.directory`. Its configuration might run programs, so it is
    /// not read, just as git refuses to.
    #[error(
        "the repository {} belongs to another user: if you trust it, run `git config --global --add safe.directory {}`; without git, \
         set GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0={1}",
        root.display(), shell_word(root)
    )]
    OtherOwner {
        /// The root of its work tree; of a bare one, its directory.
        root: PathBuf,
    },
    /// A kind of repository that cannot be read: SHA-256, reftable.
    #[error("the repository of {} uses a format that Forgeport does not support: {why}; use a clone with SHA-1 objects and the default ref format", path.display())]
    Unsupported {
        /// The directory that was given.
        path: PathBuf,
        /// What is wrong with it.
        why: MaskedText,
    },
    /// An object, a ref or a file of the repository is missing or broken.
    #[error("cannot read {what} of {}: {why}; `git fsck` shows what is damaged; a new clone repairs it", path.display())]
    Damaged {
        /// The repository or checkout.
        path: PathBuf,
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        why: MaskedText,
    },
    /// A line of the git configuration that cannot be read.
    #[error("cannot read the git configuration of {}: {why}; `git config --list --show-origin` there shows the file", path.display())]
    Misconfigured {
        /// The repository or checkout.
        path: PathBuf,
        /// What is wrong with it.
        why: MaskedText,
    },
    /// Another failure.
    #[error("cannot read {what} of {}: {why}; `git status` there may show more", path.display())]
    Failed {
        /// The repository or checkout.
        path: PathBuf,
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        why: MaskedText,
    },
    /// A pipe, a socket or a device where git keeps a file: reading it could have no end. Git itself never makes one.
    #[error("{} is {what} where git keeps a file: do not trust this checkout, make a new one with `git clone`", path.display())]
    NoFile {
        /// Its path.
        path: PathBuf,
        /// Its kind.
        what: &'static str,
    },
    /// A file that is far larger than git writes it.
    #[error("{} has more than {} MiB, which no checkout needs: make a new one with `git clone`", path.display(), limit >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// In bytes.
        limit: u64,
    },
    /// The configuration includes other files, and those include others, too often.
    #[error("the git configuration {} leads to more than {limit} files by `include`: remove some", path.display())]
    TooManyIncludes {
        /// The file where it begins.
        path: PathBuf,
        /// How many are read.
        limit: usize,
    },
    /// Deeper than git itself accepts.
    #[error("the commit that is checked out in {} has directories more than {limit} deep, which git does not accept either", path.display())]
    TooDeep {
        /// The root of the work tree.
        path: PathBuf,
        /// Directories in one another.
        limit: usize,
    },
    /// The time limit was reached.
    #[error("inspecting {} took more than {} s and was stopped: check whether its disk is slow, or try `git status` there", path.display(), limit.as_secs())]
    TookTooLong {
        /// The path that was given.
        path: PathBuf,
        /// The time limit.
        limit: Duration,
    },
    /// The file system does not let a tracked directory or file be read.
    #[error("cannot read {}: {source}; make it readable for the user who runs this", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The file system's answer.
        source: std::io::Error,
    },
    /// The subdirectory's name is not UTF-8, so that no code reference can contain it.
    #[error("{} is not UTF-8, which a code reference needs: rename the directory", path.display())]
    NotUnicode {
        /// The directory that was given.
        path: PathBuf,
    },
}

impl ContextError {
    /// A file or object that git wrote, `what` of the repository at `path`, cannot be read.
    pub(crate) fn damaged(what: &'static str, path: &Path) -> impl Fn(gix::Error) -> Self {
        move |error| Self::Damaged { path: path.to_path_buf(), what, why: MaskedText::of(&error) }
    }

    /// The same for what may fail without being damaged.
    pub(crate) fn failed(what: &'static str, path: &Path) -> impl Fn(gix::Error) -> Self {
        move |error| Self::Failed { path: path.to_path_buf(), what, why: MaskedText::of(&error) }
    }

    /// The same error, without the checkout's secrets.
    pub(crate) fn masked(mut self, secrets: &KnownSecrets) -> Self {
        match &mut self {
            Self::Unsupported { path, why }
            | Self::Damaged { path, why, .. }
            | Self::Misconfigured { path, why }
            | Self::Failed { path, why, .. } => {
                secrets.mask_path(path);
                secrets.mask_text(why);
            }
            Self::OutsideWorkTree { path, root } => {
                secrets.mask_path(path);
                secrets.mask_path(root);
            }
            Self::Missing { path }
            | Self::NotACheckout { path }
            | Self::OtherOwner { root: path }
            | Self::NoFile { path, .. }
            | Self::TooLarge { path, .. }
            | Self::TooManyIncludes { path, .. }
            | Self::TooDeep { path, .. }
            | Self::TookTooLong { path, .. }
            | Self::Unreadable { path, .. }
            | Self::NotUnicode { path } => secrets.mask_path(path),
        }
        self
    }

    pub(crate) fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Unreadable { path: path.to_path_buf(), source }
    }
}
