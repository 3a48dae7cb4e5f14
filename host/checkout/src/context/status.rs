//! What differs between the last commit, the index and the work tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use git2::{Config, Repository, Tree};

use super::index::Entry;
use super::staged::Staged;
use super::stat::Rules;
use super::tracked::Tracked;
use super::walk::{Walk, is_gone};
use super::{Changes, ContextError, content, untracked};

/// Counts the changes of a repository that has a work tree, at `root`, against `head` (nothing, before the first commit).
pub fn changes(
    repository: &Repository,
    root: &Path,
    head: Option<&Tree>,
    look_for_untracked: bool,
) -> Result<Changes, ContextError> {
    let reading = ContextError::reading("the index", root);
    // Before it is read: an index that somebody writes meanwhile is then trusted too little rather than too much.
    let rules = rules(repository, root)?;
    let file = read_if_there(&repository.path().join("index"))?;
    let tracked = Tracked::read(repository, file.as_deref()).map_err(&reading)?;
    let staged = Staged { repository, tracked: &tracked };
    let walk = Walk::new(root, &tracked, &rules, look_for_untracked);
    let (found, staged) = walk.run(|| staged.count(head, &tracked.root()).map_err(&reading))?;

    let unsure: Vec<_> = found.unsure.iter().map(|place| tracked.entry(*place)).collect();
    let mut submodules = 0;
    for place in &found.submodules {
        submodules += usize::from(is_submodule_changed(root, tracked.entry(*place))?);
    }
    Ok(Changes {
        modified: found.changed + content::count_changed(repository, root, &unsure)?,
        staged,
        untracked: untracked::count(repository, root, &found.unknown)?,
        conflicted: conflicted(&tracked),
        submodules,
    })
}

fn rules(repository: &Repository, root: &Path) -> Result<Rules, ContextError> {
    let config = repository.config().map_err(ContextError::reading("the configuration", root))?;
    let index = repository.path().join("index");
    let index_written = match index.metadata() {
        Ok(metadata) => (metadata.mtime(), metadata.mtime_nsec()),
        // Nothing is tracked then.
        Err(error) if is_gone(&error) => (0, 0),
        Err(error) => return Err(ContextError::unreadable(&index)(error)),
    };
    Ok(Rules {
        file_mode: flag(&config, "core.fileMode", true),
        symlinks: flag(&config, "core.symlinks", true),
        sparse: flag(&config, "core.sparseCheckout", false),
        index_written,
    })
}

fn read_if_there(file: &Path) -> Result<Option<Vec<u8>>, ContextError> {
    match std::fs::read(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(ContextError::unreadable(file)(error)),
    }
}

fn flag(config: &Config, name: &str, default: bool) -> bool {
    config.get_bool(name).unwrap_or(default)
}

/// How many paths wait for a merge to be settled; each has up to three entries, side by side.
fn conflicted(tracked: &Tracked) -> usize {
    let stages = tracked.entries(tracked.root().range);
    let paths = stages.iter().filter(|entry| entry.is_conflicted()).map(|entry| &entry.path);
    let mut count = 0;
    let mut last = None;
    for path in paths {
        count += usize::from(last != Some(path));
        last = Some(path);
    }
    count
}

/// Whether another commit is checked out than the index says, or tracked files inside changed.
fn is_submodule_changed(root: &Path, entry: &Entry) -> Result<bool, ContextError> {
    let path = root.join(OsStr::from_bytes(&entry.path));
    if !path.join(".git").exists() {
        // Not checked out at all: as the commit has it, in git's eyes.
        return Ok(false);
    }
    let reading = ContextError::reading("a submodule", &path);
    let repository = super::repository::at(&path)?;
    let Some(commit) = super::head::commit(&repository).map_err(&reading)? else {
        return Ok(changes(&repository, &path, None, false)?.any());
    };
    if commit.id() != entry.id {
        return Ok(true);
    }
    let tree = commit.tree().map_err(&reading)?;
    Ok(changes(&repository, &path, Some(&tree), false)?.any())
}
