//! Opens repositories as git would find them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Once;

use git2::{Config, ConfigLevel, ErrorCode, Repository, RepositoryOpenFlags};

use super::foreign::Secrets;
use super::{ContextError, plain};

/// Settings whose values are files with rules for paths.
const RULES: &[&str] = &["core.attributesFile", "core.excludesFile"];

/// The repository that `directory` is in: the nearest one upward on the same file system. `GIT_DIR` and its like are not heeded: the
/// caller has named a directory, and in a git hook they would name another repository.
pub fn find(directory: &Path, secrets: &Secrets) -> Result<Repository, ContextError> {
    prepare(plain::search(directory)?, secrets)?;
    let repository = open(directory, RepositoryOpenFlags::empty()).map_err(|error| match error.code() {
        ErrorCode::NotFound => ContextError::NotACheckout { path: directory.to_path_buf() },
        _ => ContextError::reading("the repository", directory)(error),
    })?;
    look_at(&repository, directory, secrets)?;
    Ok(repository)
}

/// The repository that has just this work tree.
pub fn at(root: &Path, secrets: &Secrets) -> Result<Repository, ContextError> {
    prepare(plain::at(root)?, secrets)?;
    let repository =
        open(root, RepositoryOpenFlags::NO_SEARCH).map_err(ContextError::reading("the repository", root))?;
    look_at(&repository, root, secrets)?;
    Ok(repository)
}

/// Looks at what is going to be opened, and learns what libgit2 must not repeat if it cannot open it.
fn prepare(git: Option<PathBuf>, secrets: &Secrets) -> Result<(), ContextError> {
    let Some(git) = git else { return Ok(()) };
    plain::repository(&git)?;
    for place in [&git, &plain::common(&git)?] {
        for name in ["config", "config.worktree"] {
            // What is wrong with it, the repository will tell.
            let _ = Config::open(&place.join(name)).and_then(|config| secrets.learn(&config));
        }
    }
    Ok(())
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

/// Learns what else is secret, and looks at what the configuration tells libgit2 to open.
fn look_at(repository: &Repository, path: &Path, secrets: &Secrets) -> Result<(), ContextError> {
    let reading = ContextError::reading("the configuration", path);
    let config = repository.config().map_err(&reading)?;
    secrets.learn(&config).map_err(&reading)?;
    for setting in RULES {
        if let Ok(file) = config.get_path(setting) {
            plain::file(&file, plain::RULES)?;
        }
    }
    Ok(())
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
