//! The local context of a checkout: its root, its commit, what has changed since, and which remotes have that commit.
//!
//! The answer is read from the disk alone: the checkout is not written, and there is no network. It is the same as that of `git status`,
//! with or without git on the machine. This crate does not know archives and downloads.
//!
//! A checkout may be a stranger's, so reading it must be safe:
//!
//! | Danger | Answer | Where |
//! | --- | --- | --- |
//! | its configuration names a program | only programs that the user or the system configured run | `filter`, `config` |
//! | it belongs to another user | it is refused, as git refuses it (`safe.directory`) | `owner` |
//! | a file is a pipe, a device or very large | each file is checked before it is opened | `file_check`, `preflight`, `includes` |
//! | trees and histories have no end | the whole has a time limit, and numbers and depths have limits | `inspection`, `sparse` |
//! | its configuration contains a credential | every text that leaves is masked | `mask` |
//!
//! # What is reported
//!
//! | Fact | Read from | If it cannot be determined |
//! | --- | --- | --- |
//! | root, commit, branch | the repository of the path | [`ContextError`] |
//! | upstream and distance | the branch's configuration and its remote-tracking ref | [`Fact::Upstream`] in [`LocalContext::unknown`] |
//! | changes | the commit's tree, the index, the work tree and the submodules | counted in [`WorktreeChanges::not_compared`] |
//! | remotes | the configuration with `insteadOf`; remote-tracking refs | [`Fact::Remotes`], or [`Pushed::Unknown`] |
//!
//! What cannot be determined is never reported as clean.
//!
//! # Accepted forms
//!
//! | What | Accepted | Refused |
//! | --- | --- | --- |
//! | path | a directory in a checkout, a linked worktree, a submodule or a bare repository; a file, for its directory | `.git` itself, names that are not UTF-8 |
//! | repository | SHA-1, refs in files, format version 0 or 1 | SHA-256, reftable, unknown extensions |
//! | encoding of a file | UTF-8, UTF-16 in every form, Latin-1 | others are reported as not compared |
//!
//! # Example
//!
//! ```no_run
//! use forgeport_worktree::{InspectOptions, WorktreeState, inspect};
//! use std::time::Duration;
//!
//! let context = inspect(".".as_ref(), InspectOptions { untracked: true, time: Duration::from_secs(60) })?;
//! println!("{:?} in {}", context.commit, context.root.display());
//! if context.state() == WorktreeState::Dirty {
//!     println!("{:?}", context.changes);
//! }
//! # Ok::<(), forgeport_worktree::ContextError>(())
//! ```

mod config;
mod content;
mod context;
mod convert;
mod discovery;
mod error;
mod file_check;
mod filter;
mod graph;
mod head;
mod includes;
mod inspection;
mod mask;
mod owner;
mod preflight;
mod refs;
mod remotes;
mod replaced;
mod repository;
mod sparse;
mod staged;
mod stat;
mod status;
mod tracked;
mod untracked;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use gix::Repository;

use inspection::Inspection;
use mask::MaskedText;
use status::{CountedChanges, InspectedRepository};

pub use context::{
    Distance, Fact, Head, InspectOptions, LocalContext, Pushed, Remote, RemoteAddress, Unknown, Upstream,
    WorktreeChanges, WorktreeState,
};
pub use error::ContextError;

/// Stack for the deepest trees that git accepts.
const STACK: usize = 32 << 20;

/// Reads the local context of `path`: a directory in a checkout, or a file in one, for its directory.
///
/// The commit is read once, so that the whole answer belongs to the same one. Each linked worktree and each submodule is a checkout of
/// its own. `GIT_DIR` and similar variables are ignored, since `path` is explicit.
///
/// It blocks, for at most the time in the options. A thread that is then still blocked by the file system is left behind.
///
/// # Errors
/// When there is no checkout at `path`, or it cannot be read; see [`ContextError`].
pub fn inspect(path: &Path, options: InspectOptions) -> Result<LocalContext, ContextError> {
    let inspection = Inspection::new(options.time);
    let too_long = inspection.too_long(path);
    let (sender, receiver) = channel();
    let of = path.to_path_buf();
    let work = move || {
        let result = read_context(&of, options, &inspection);
        // The only place where an answer leaves the crate.
        let result = result
            .map(|context| context.masked(&inspection.secrets))
            .map_err(|error| error.masked(&inspection.secrets));
        let _ = sender.send(result);
    };
    let unreadable = ContextError::unreadable(path);
    let worker = thread::Builder::new().stack_size(STACK).spawn(work).map_err(unreadable)?;
    match receiver.recv_timeout(options.time) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(too_long),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            // The panic's text may repeat a part of the checkout, so it is not shown.
            Err(_) => Err(ContextError::Failed {
                path: path.to_path_buf(),
                what: "the checkout",
                why: MaskedText::new("the reader failed"),
            }),
            Ok(()) => Err(too_long),
        },
    }
}

fn read_context(path: &Path, options: InspectOptions, inspection: &Inspection) -> Result<LocalContext, ContextError> {
    let directory = directory(path)?;
    let repository = repository::find(&directory, &inspection.secrets)?;
    let root = root(&repository)?;
    let subdirectory = subdirectory(&directory, &root, &repository)?;

    let commit = head::commit(&repository).map_err(ContextError::damaged("the commit that is checked out", &root))?;
    let head = head::head(&repository).map_err(ContextError::damaged("the branch", &root))?;
    let id = commit.as_ref().map(|commit| commit.id);
    let mut unknown = Vec::new();
    let upstream =
        or_unknown(head::upstream(&repository, &head, commit.as_ref(), inspection), Fact::Upstream, &mut unknown);
    let remotes = or_unknown(remotes::remotes(&repository, id, inspection), Fact::Remotes, &mut unknown);
    let bare = repository.workdir().is_none();
    let changes = if bare {
        None
    } else {
        let place = InspectedRepository { repository: &repository, root: &root, inspection, depth: 0 };
        let CountedChanges { changes, unknown: more } = status::changes(&place, commit.as_ref(), options.untracked)?;
        unknown.extend(more);
        Some(changes)
    };
    Ok(LocalContext {
        subdirectory,
        commit: id.map(|id| id.to_string()),
        head,
        upstream,
        bare,
        shallow: repository.is_shallow().map_err(ContextError::failed("whether the history is complete", &root))?,
        changes,
        remotes,
        unknown,
        root: root.clone(),
    })
}

/// An empty value where a fact cannot be determined, with the reason in `unknown`: the other facts are still reported.
fn or_unknown<T: Default>(result: Result<T, MaskedText>, fact: Fact, unknown: &mut Vec<Unknown>) -> T {
    result.unwrap_or_else(|why| {
        unknown.push(Unknown { fact, why: why.to_string() });
        T::default()
    })
}

/// The real path of the directory that is meant.
fn directory(path: &Path) -> Result<PathBuf, ContextError> {
    let missing = || ContextError::Missing { path: path.to_path_buf() };
    let unreadable =
        |error| if file_check::is_missing(&error) { missing() } else { ContextError::unreadable(path)(error) };
    let real = path.canonicalize().map_err(unreadable)?;
    if real.is_dir() {
        return Ok(real);
    }
    real.parent().map(Path::to_path_buf).ok_or_else(missing)
}

/// The root of the work tree; of a bare repository, its directory.
fn root(repository: &Repository) -> Result<PathBuf, ContextError> {
    let root = repository.workdir().unwrap_or_else(|| repository.git_dir());
    root.canonicalize().map_err(ContextError::unreadable(root))
}

/// The path of `directory` relative to the root, separated by `/`.
fn subdirectory(directory: &Path, root: &Path, repository: &Repository) -> Result<String, ContextError> {
    if repository.workdir().is_none() {
        return Ok(String::new());
    }
    let inside_git = repository.git_dir().canonicalize().is_ok_and(|git| directory.starts_with(git));
    let below = match directory.strip_prefix(root) {
        Ok(below) if !inside_git => below,
        _ => {
            return Err(ContextError::OutsideWorkTree { path: directory.to_path_buf(), root: root.to_path_buf() });
        }
    };
    below.to_str().map(str::to_owned).ok_or_else(|| ContextError::NotUnicode { path: directory.to_path_buf() })
}
