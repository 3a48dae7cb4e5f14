//! Why the local context of a path cannot be told.

use std::path::{Path, PathBuf};

use git2::ErrorCode;

/// Why the local context of a path cannot be told; the text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Nothing is at the path.
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
        /// The directory that was asked about.
        path: PathBuf,
        /// The root of the work tree.
        root: PathBuf,
    },
    /// The repository belongs to another user and is not listed in `safe.directory`. Its configuration might run programs, so it is
    /// not read, just as git refuses to.
    #[error(
        "the repository of {0} belongs to another user: if you trust it, run `git config --global --add safe.directory <its root>`",
        path.display()
    )]
    OtherOwner {
        /// The directory that was asked about.
        path: PathBuf,
    },
    /// libgit2 cannot read this kind of repository: SHA-256, reftable, a split or a sparse index.
    #[error("the repository of {} uses what Forgeport cannot read: {why}; {}", path.display(), advice(why))]
    Unsupported {
        /// The directory that was asked about.
        path: PathBuf,
        /// What libgit2 says.
        why: String,
    },
    /// An object, a ref or a file of the repository is missing or broken.
    #[error("cannot read {what} of {}: {why}; `git fsck` tells what is damaged, a new clone is whole", path.display())]
    Damaged {
        /// The repository or checkout.
        path: PathBuf,
        /// What was being read.
        what: &'static str,
        /// What libgit2 says.
        why: String,
    },
    /// The file system does not let a tracked directory or file be read.
    #[error("cannot read {}: {source}; make it readable for the user who runs this", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The file system's answer.
        source: std::io::Error,
    },
    /// The subdirectory's name is not UTF-8, so that no code reference can hold it.
    #[error("{} is not UTF-8, which a code reference needs: rename the directory", path.display())]
    NotUnicode {
        /// The directory that was asked about.
        path: PathBuf,
    },
}

impl ContextError {
    /// Sorts an error of libgit2 that came up while `what` of the repository at `path` was read.
    pub(super) fn reading(what: &'static str, path: &Path) -> impl Fn(git2::Error) -> Self {
        move |error| {
            let path = path.to_path_buf();
            let why = one_line(error.message());
            match error.code() {
                ErrorCode::Owner => Self::OtherOwner { path },
                _ if is_unsupported(&why) => Self::Unsupported { path, why },
                _ => Self::Damaged { path, what, why },
            }
        }
    }

    pub(super) fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Unreadable { path: path.to_path_buf(), source }
    }
}

/// libgit2 has no code of its own for "not implemented".
fn is_unsupported(message: &str) -> bool {
    message.starts_with("unsupported") || message.starts_with("unknown object format")
}

fn advice(why: &str) -> &'static str {
    if why.contains("'link'") {
        "run `git update-index --no-split-index`"
    } else if why.contains("'sdir'") {
        "run `git sparse-checkout reapply --no-sparse-index`"
    } else {
        "use a clone with SHA-1 objects and the default ref format"
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
