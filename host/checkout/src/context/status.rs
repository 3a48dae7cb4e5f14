//! What differs between the last commit, the index and the work tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use git2::{Config, Delta, DiffOptions, Index, IndexEntry, Repository, Tree};

use super::stat::{Flags, Rules};
use super::tracked::Tracked;
use super::walk::Walk;
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
    let index = repository.index().map_err(&reading)?;
    let tracked = Tracked::read(&index);
    let walk = Walk::new(root, &tracked, &rules, look_for_untracked);
    let (found, staged) = walk.run(|| staged(repository, &index, &tracked, head).map_err(&reading))?;

    let unsure: Vec<_> = found.unsure.iter().map(|place| tracked.entry(*place)).collect();
    let mut submodules = 0;
    for place in &found.submodules {
        submodules += usize::from(is_submodule_changed(root, tracked.entry(*place))?);
    }
    Ok(Changes {
        modified: found.changed + content::count_changed(repository, root, &index, &unsure)?,
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
        Err(error) if super::walk::is_gone(&error) => (0, 0),
        Err(error) => return Err(ContextError::unreadable(&index)(error)),
    };
    Ok(Rules {
        file_mode: flag(&config, "core.fileMode", true),
        symlinks: flag(&config, "core.symlinks", true),
        sparse: flag(&config, "core.sparseCheckout", false),
        index_written,
    })
}

fn flag(config: &Config, name: &str, default: bool) -> bool {
    config.get_bool(name).unwrap_or(default)
}

/// How many paths of the index differ from the commit; a renamed file is one that went and one that came.
fn staged(
    repository: &Repository,
    index: &Index,
    tracked: &Tracked,
    head: Option<&Tree>,
) -> Result<usize, git2::Error> {
    let mut options = DiffOptions::new();
    options.include_typechange(true);
    let diff = repository.diff_tree_to_index(head, Some(index), Some(&mut options))?;
    let counts = |status| !matches!(status, Delta::Conflicted | Delta::Unmodified);
    let is_promise =
        |path: Option<&[u8]>| path.and_then(|path| tracked.find(path)).is_some_and(Flags::is_intent_to_add);
    Ok(diff.deltas().filter(|delta| counts(delta.status()) && !is_promise(delta.new_file().path_bytes())).count())
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
fn is_submodule_changed(root: &Path, entry: &IndexEntry) -> Result<bool, ContextError> {
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
