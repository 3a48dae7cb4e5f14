//! Opens repositories as git would find them.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Once;

use git2::{ConfigLevel, ErrorCode, Repository, RepositoryOpenFlags};

use super::ContextError;

/// The repository that `directory` is in: the nearest one upward on the same file system. `GIT_DIR` and its like are not heeded: the
/// caller has named a directory, and in a git hook they would name another repository.
pub fn find(directory: &Path) -> Result<Repository, ContextError> {
    open(directory, RepositoryOpenFlags::empty()).map_err(|error| match error.code() {
        ErrorCode::NotFound => ContextError::NotACheckout { path: directory.to_path_buf() },
        _ => ContextError::reading("the repository", directory)(error),
    })
}

/// The repository that has just this work tree.
pub fn at(root: &Path) -> Result<Repository, ContextError> {
    open(root, RepositoryOpenFlags::NO_SEARCH).map_err(ContextError::reading("the repository", root))
}

fn open(path: &Path, flags: RepositoryOpenFlags) -> Result<Repository, git2::Error> {
    allow_partial_clones();
    let repository = Repository::open_ext(path, flags, &[] as &[&OsStr])?;
    // libgit2 looks in the home directory only.
    if let Some(global) = std::env::var_os("GIT_CONFIG_GLOBAL") {
        repository.config()?.add_file(Path::new(&global), ConfigLevel::Global, true)?;
    }
    Ok(repository)
}

/// A partial clone lacks only blobs and trees that are not checked out, none of which is needed here; but libgit2 refuses any extension
/// that it was not told of.
fn allow_partial_clones() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the list is global to the process; it is set once, before this crate opens its first repository.
        let set = unsafe { git2::opts::set_extensions(&["partialclone"]) };
        if let Err(error) = set {
            // Partial clones are then refused as unsupported, everything else works.
            tracing::debug!(%error, "libgit2 takes no extensions");
        }
    });
}
