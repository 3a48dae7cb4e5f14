//! Which of the names that are not in the index git would call untracked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use git2::Repository;

use super::ContextError;

/// Counts like `git status`: a directory without any tracked file counts once, and only if it holds a file that is not ignored.
/// `unknown` are paths from the root, those of directories with a final `/`.
pub fn count(repository: &Repository, root: &Path, unknown: &[Vec<u8>]) -> Result<usize, ContextError> {
    let mut count = 0;
    for path in unknown {
        count +=
            usize::from(is_untracked(repository, root, path).map_err(ContextError::reading("ignore rules", root))?);
    }
    Ok(count)
}

fn is_untracked(repository: &Repository, root: &Path, path: &[u8]) -> Result<bool, git2::Error> {
    if repository.is_path_ignored(OsStr::from_bytes(path))? {
        return Ok(false);
    }
    if !path.ends_with(b"/") {
        return Ok(true);
    }
    let directory = root.join(OsStr::from_bytes(path));
    if is_repository(&directory) {
        return Ok(true);
    }
    // As git does: what may not be read, or went meanwhile, holds nothing.
    let Ok(listing) = std::fs::read_dir(&directory) else {
        return Ok(false);
    };
    for item in listing.flatten() {
        let Ok(kind) = item.file_type() else { continue };
        let name = item.file_name();
        if name == ".git" || !(kind.is_file() || kind.is_symlink() || kind.is_dir()) {
            continue;
        }
        let mut below = [path, name.as_bytes()].concat();
        if kind.is_dir() {
            below.push(b'/');
        }
        if is_untracked(repository, root, &below)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A nested repository is one thing, whatever it holds.
fn is_repository(directory: &Path) -> bool {
    let git = directory.join(".git");
    git.is_file() || git.join("HEAD").exists()
}
