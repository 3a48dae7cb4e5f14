//! The local context of a checkout: where it is, which commit it has, what was changed since, and whether a remote has that commit.
//!
//! Everything is read from the disk, nothing is written, and nothing goes to the network.
//!
//! ```no_run
//! use forgeport_checkout::context::{inspect, Settings};
//!
//! let context = inspect(".".as_ref(), Settings { untracked: true })?;
//! println!("{:?} below {}", context.commit, context.root.display());
//! # Ok::<(), forgeport_checkout::context::ContextError>(())
//! ```

mod content;
mod error;
mod head;
mod index;
mod model;
mod remotes;
mod repository;
mod staged;
mod stat;
mod status;
mod tracked;
mod untracked;
mod walk;

use std::path::{Path, PathBuf};

use git2::Repository;

pub use error::ContextError;
pub use model::{Address, Changes, Distance, Head, LocalContext, Pushed, Remote, Settings, Upstream};

/// Tells the local context of `path`: a directory in a checkout, or a file in one, which stands for its directory.
///
/// The commit is read once, so that all that is told belongs to the same one. Each linked worktree and each submodule is a checkout of
/// its own. `GIT_DIR` and the variables like it are not heeded, as `path` says what is meant.
///
/// # Errors
/// When there is no checkout at `path`, or it cannot be read; see [`ContextError`].
pub fn inspect(path: &Path, settings: Settings) -> Result<LocalContext, ContextError> {
    let directory = directory(path)?;
    let repository = repository::find(&directory)?;
    let root = root(&repository)?;
    let subdirectory = subdirectory(&directory, &root, &repository)?;

    let commit = head::commit(&repository).map_err(ContextError::reading("the commit that is checked out", &root))?;
    let reading = ContextError::reading("the refs", &root);
    let head = head::head(&repository).map_err(&reading)?;
    let upstream = head::upstream(&repository, &head, commit.as_ref()).map_err(&reading)?;
    let id = commit.as_ref().map(git2::Commit::id);
    let remotes = remotes::remotes(&repository, id).map_err(ContextError::reading("the remotes", &root))?;
    let changes = if repository.is_bare() {
        None
    } else {
        let tree = commit.as_ref().map(git2::Commit::tree).transpose();
        let tree = tree.map_err(ContextError::reading("the tree of the commit", &root))?;
        Some(status::changes(&repository, &root, tree.as_ref(), settings.untracked)?)
    };
    Ok(LocalContext {
        subdirectory,
        commit: id.map(|id| id.to_string()),
        head,
        upstream,
        bare: repository.is_bare(),
        shallow: repository.is_shallow(),
        changes,
        remotes,
        root: root.clone(),
    })
}

/// The real path of the directory that is meant.
fn directory(path: &Path) -> Result<PathBuf, ContextError> {
    let missing = || ContextError::Missing { path: path.to_path_buf() };
    let real = path.canonicalize().map_err(|error| match walk::is_gone(&error) {
        true => missing(),
        false => ContextError::unreadable(path)(error),
    })?;
    if real.is_dir() {
        return Ok(real);
    }
    real.parent().map(Path::to_path_buf).ok_or_else(missing)
}

/// The root of the work tree; of a bare repository, its directory.
fn root(repository: &Repository) -> Result<PathBuf, ContextError> {
    let root = repository.workdir().unwrap_or_else(|| repository.path());
    root.canonicalize().map_err(ContextError::unreadable(root))
}

/// Where `directory` is below the root, separated by `/`.
fn subdirectory(directory: &Path, root: &Path, repository: &Repository) -> Result<String, ContextError> {
    if repository.is_bare() {
        return Ok(String::new());
    }
    let inside_git = repository.path().canonicalize().is_ok_and(|git| directory.starts_with(git));
    let below = match directory.strip_prefix(root) {
        Ok(below) if !inside_git => below,
        _ => {
            return Err(ContextError::OutsideWorkTree { path: directory.to_path_buf(), root: root.to_path_buf() });
        }
    };
    below.to_str().map(str::to_owned).ok_or_else(|| ContextError::NotUnicode { path: directory.to_path_buf() })
}

/// A ref's name without `prefix`. Names that are not UTF-8 are shown as well as they can be.
fn short_name(name: &[u8], prefix: &str) -> String {
    String::from_utf8_lossy(name.strip_prefix(prefix.as_bytes()).unwrap_or(name)).into_owned()
}
