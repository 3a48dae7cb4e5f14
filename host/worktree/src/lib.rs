//! The local context of a checkout: where it is, which commit it has, what was changed since, and whether a remote has that commit.
//!
//! Everything is read from the disk, nothing in the checkout is written, and nothing goes to the network. A checkout may be a stranger's:
//! no program runs that only its own configuration names, no text of it or of a library is told with a credential in it, and the answer
//! comes within a time.
//!
//! ```no_run
//! use forgeport_worktree::{inspect, InspectOptions};
//! use std::time::Duration;
//!
//! let context = inspect(".".as_ref(), InspectOptions { untracked: true, time: Duration::from_secs(60) })?;
//! println!("{:?} below {}", context.commit, context.root.display());
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

/// Room for the deepest trees that git takes.
const STACK: usize = 32 << 20;

/// Tells the local context of `path`: a directory in a checkout, or a file in one, which stands for its directory.
///
/// The commit is read once, so that all that is told belongs to the same one. Each linked worktree and each submodule is a checkout of
/// its own. `GIT_DIR` and the variables like it are not heeded, as `path` says what is meant.
///
/// It blocks, for at most the time of the settings. What is stuck in the file system then, stays behind in a thread of its own.
///
/// # Errors
/// When there is no checkout at `path`, or it cannot be read; see [`ContextError`].
pub fn inspect(path: &Path, settings: InspectOptions) -> Result<LocalContext, ContextError> {
    let inspection = Inspection::new(settings.time);
    let too_long = inspection.too_long(path);
    let (sender, receiver) = channel();
    let asked = path.to_path_buf();
    let work = move || {
        let told = look(&asked, settings, &inspection);
        // Here and nowhere else it leaves.
        let told = told.map(|told| told.masked(&inspection.secrets)).map_err(|error| error.masked(&inspection.secrets));
        let _ = sender.send(told);
    };
    let unreadable = ContextError::unreadable(path);
    let worker = thread::Builder::new().stack_size(STACK).spawn(work).map_err(unreadable)?;
    match receiver.recv_timeout(settings.time) {
        Ok(told) => told,
        Err(RecvTimeoutError::Timeout) => Err(too_long),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            // It has told where, and nobody knows what of the checkout it would repeat.
            Err(_) => Err(ContextError::Failed {
                path: path.to_path_buf(),
                what: "the checkout",
                why: MaskedText::new("the reader came to an end that it should not have"),
            }),
            Ok(()) => Err(too_long),
        },
    }
}

fn look(path: &Path, settings: InspectOptions, inspection: &Inspection) -> Result<LocalContext, ContextError> {
    let directory = directory(path)?;
    let repository = repository::find(&directory, &inspection.secrets)?;
    let root = root(&repository)?;
    let subdirectory = subdirectory(&directory, &root, &repository)?;

    let commit = head::commit(&repository).map_err(ContextError::damaged("the commit that is checked out", &root))?;
    let head = head::head(&repository).map_err(ContextError::damaged("the branch", &root))?;
    let id = commit.as_ref().map(|commit| commit.id);
    let mut unknown = Vec::new();
    let upstream = known(head::upstream(&repository, &head, commit.as_ref(), inspection), Fact::Upstream, &mut unknown);
    let remotes = known(remotes::remotes(&repository, id, inspection), Fact::Remotes, &mut unknown);
    let bare = repository.workdir().is_none();
    let changes = if bare {
        None
    } else {
        let place = InspectedRepository { repository: &repository, root: &root, inspection, depth: 0 };
        let CountedChanges { changes, unknown: more } = status::changes(&place, commit.as_ref(), settings.untracked)?;
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

/// Nothing where it cannot be told: the rest is told nevertheless.
fn known<T: Default>(told: Result<T, MaskedText>, fact: Fact, unknown: &mut Vec<Unknown>) -> T {
    told.unwrap_or_else(|why| {
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

/// Where `directory` is below the root, separated by `/`.
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
