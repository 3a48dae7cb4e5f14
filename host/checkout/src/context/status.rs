//! What differs between the last commit, the index and the work tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use git2::{Config, Repository, Tree};

use super::index::Entry;
use super::inquiry::Inquiry;
use super::staged::Staged;
use super::stat::Rules;
use super::tracked::Tracked;
use super::untracked::Untracked;
use super::walk::{Walk, is_gone};
use super::{Changes, ContextError, Fact, State, Unknown, content};

/// Submodules in one another that are looked into. Each takes room on the stack.
const DEEPEST: usize = 32;

/// A repository that has a work tree, and that as it is to be looked at.
pub struct Place<'a> {
    pub repository: &'a Repository,
    pub root: &'a Path,
    pub inquiry: &'a Inquiry,
    /// 0 for the one that was asked about, 1 for its submodules.
    pub depth: usize,
}

/// What differs, and why some of that cannot be told.
#[derive(Default)]
pub struct Counted {
    pub changes: Changes,
    pub unknown: Vec<Unknown>,
}

/// Counts the changes against `head` (nothing, before the first commit).
pub fn changes(place: &Place, head: Option<&Tree>, look_for_untracked: bool) -> Result<Counted, ContextError> {
    let Place { repository, root, inquiry, .. } = *place;
    let reading = ContextError::reading("the index", root);
    // Before it is read: an index that somebody writes meanwhile is then trusted too little rather than too much.
    let rules = rules(repository, root)?;
    let file = read_if_there(&repository.path().join("index"))?;
    let tracked = Tracked::read(repository, file.as_deref()).map_err(&reading)?;
    let staged = Staged { repository, tracked: &tracked, root, inquiry };
    let walk = Walk::new(root, &tracked, &rules, look_for_untracked, inquiry);
    let (found, staged) = walk.run(|| staged.count(head, &tracked.root()))?;

    let unsure: Vec<_> = found.unsure.iter().map(|number| tracked.entry(*number)).collect();
    let attributes = if unsure.is_empty() { Vec::new() } else { attributes(&tracked) };
    let compared = content::compare(repository, root, &unsure, &attributes, inquiry.end)?;
    let mut counted = Counted::default();
    counted.changes.modified = found.changed + compared.changed;
    counted.changes.staged = staged;
    counted.changes.conflicted = conflicted(&tracked);
    counted.changes.not_compared = compared.not_compared;
    counted.unknown.extend(compared.why.into_iter().map(|why| Unknown { fact: Fact::Modified, why }));
    match Untracked::new(repository, root, inquiry).count(&found.unknown) {
        Ok(untracked) => counted.changes.untracked = Some(untracked),
        Err(why) => {
            counted.changes.untracked = None;
            counted.unknown.push(Unknown { fact: Fact::Untracked, why });
        }
    }
    for number in &found.submodules {
        match look_into(place, tracked.entry(*number), &mut counted) {
            Err(error @ ContextError::TookTooLong { .. }) => return Err(error),
            // It is another repository: what is wrong with it leaves this one.
            Err(error) => counted.leave_out_submodule(error.to_string()),
            Ok(()) => {}
        }
    }
    Ok(counted)
}

impl Counted {
    fn leave_out_submodule(&mut self, why: String) {
        self.changes.not_compared += 1;
        self.unknown.push(Unknown { fact: Fact::Submodules, why });
    }
}

/// The entries of the files with rules for how files become blobs.
fn attributes<'a, 'b>(tracked: &'a Tracked<'b>) -> Vec<&'a Entry<'b>> {
    let is_one = |entry: &&Entry| {
        !entry.is_conflicted() && entry.path.rsplit(|byte| *byte == b'/').next() == Some(b".gitattributes")
    };
    tracked.entries(tracked.root().range).iter().filter(is_one).collect()
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

/// Notes a submodule that has another commit checked out than the index says, or tracked files in it that changed.
fn look_into(place: &Place, entry: &Entry, counted: &mut Counted) -> Result<(), ContextError> {
    let path = place.root.join(OsStr::from_bytes(&entry.path));
    if !path.join(".git").exists() {
        // Not checked out at all: as the commit has it, in git's eyes.
        return Ok(());
    }
    place.inquiry.check_time(&path)?;
    if place.depth == DEEPEST {
        counted.leave_out_submodule(format!("submodules lie in one another more than {DEEPEST} deep"));
        return Ok(());
    }
    let repository = super::repository::at(&path, &place.inquiry.secrets)?;
    let reading = ContextError::reading("a submodule", &path);
    let commit = super::head::commit(&repository).map_err(&reading)?;
    if commit.as_ref().is_some_and(|commit| commit.id() != entry.id) {
        counted.changes.submodules += 1;
        return Ok(());
    }
    let tree = commit.map(|commit| commit.tree()).transpose().map_err(&reading)?;
    let inner = Place { repository: &repository, root: &path, inquiry: place.inquiry, depth: place.depth + 1 };
    let inside = changes(&inner, tree.as_ref(), false)?;
    match inside.changes.state() {
        State::Dirty => counted.changes.submodules += 1,
        State::Clean => {}
        State::Unknown => {
            counted.changes.not_compared += inside.changes.not_compared;
            counted.unknown.extend(inside.unknown);
        }
    }
    Ok(())
}
