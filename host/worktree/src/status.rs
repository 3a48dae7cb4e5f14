//! The differences between the last commit, the index and the work tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use forgeport_platform::metadata::FileTime;
use gix::index::Entry;
use gix::{Commit, Repository};

use crate::file_check::is_missing;
use crate::inspection::Inspection;
use crate::staged::StagedComparison;
use crate::stat::StatRules;
use crate::tracked::{Tracked, is_conflicted};
use crate::untracked::Untracked;
use crate::walk::WorktreeWalk;
use crate::{ContextError, Fact, MaskedText, Unknown, WorktreeChanges, WorktreeState, content, replaced};

/// The deepest nesting of submodules that is inspected; each level takes stack.
const DEEPEST: usize = 32;

/// A repository with a work tree that is inspected.
pub struct InspectedRepository<'a> {
    pub repository: &'a Repository,
    pub root: &'a Path,
    pub inspection: &'a Inspection,
    /// 0 for the one that was given, 1 for its submodules.
    pub depth: usize,
}

/// The differences, and why some of them are unknown.
#[derive(Default)]
pub struct CountedChanges {
    pub changes: WorktreeChanges,
    pub unknown: Vec<Unknown>,
}

/// Counts the changes against `commit` (none before the first commit).
pub fn changes(
    place: &InspectedRepository,
    commit: Option<&Commit>,
    look_for_untracked: bool,
) -> Result<CountedChanges, ContextError> {
    let InspectedRepository { repository, root, inspection, .. } = *place;
    // Before the index is read: one that is written meanwhile is then trusted too little rather than too much.
    let rules = rules(repository, root)?;
    let tracked = Tracked::read(repository, root, inspection)?;
    let tree = commit.map(Commit::tree).transpose();
    let tree = tree.map_err(ContextError::damaged("the tree of the commit", root))?;
    let staged = StagedComparison { repository, tracked: &tracked, root, inspection };
    let walk = WorktreeWalk::new(root, &tracked, &rules, look_for_untracked, inspection);
    let (mut found, staged) = walk.run(|| staged.count(tree.as_ref()))?;

    // Rules for paths are read directory by directory.
    found.unsure.sort_unstable();
    found.unknown.sort_unstable();
    let compared = content::compare(repository, &tracked, root, &found.unsure, inspection)?;
    let mut counted = CountedChanges::default();
    counted.changes.modified = found.changed + compared.changed;
    counted.changes.staged = staged;
    counted.changes.conflicted = conflicted(&tracked);
    counted.changes.not_compared = compared.not_compared;
    counted.unknown.extend(compared.why.into_iter().map(|why| Unknown { fact: Fact::Modified, why }));
    if let Some(why) = commit.and_then(|commit| replaced::reason(repository, commit)) {
        counted.changes.not_compared += 1;
        counted.unknown.push(Unknown { fact: Fact::Modified, why });
    }
    let untracked = if found.unknown.is_empty() {
        Ok(0)
    } else {
        Untracked::new(repository, &tracked, root, inspection).and_then(|mut untracked| untracked.count(&found.unknown))
    };
    match untracked {
        Ok(untracked) => counted.changes.untracked = Some(untracked),
        Err(why) => {
            counted.changes.untracked = None;
            counted.unknown.push(Unknown { fact: Fact::Untracked, why });
        }
    }
    for number in &found.submodules {
        match look_into(place, &tracked, tracked.entry(*number), &mut counted) {
            Err(error @ ContextError::TookTooLong { .. }) => return Err(error),
            // It is another repository: an error in it does not end the inspection of this one.
            Err(error) => counted.leave_out_submodule(error.to_string()),
            Ok(()) => {}
        }
    }
    Ok(counted)
}

impl CountedChanges {
    fn leave_out_submodule(&mut self, why: String) {
        self.changes.not_compared += 1;
        self.unknown.push(Unknown { fact: Fact::Submodules, why });
    }
}

fn rules(repository: &Repository, root: &Path) -> Result<StatRules, ContextError> {
    let config = repository.config_snapshot();
    let index = repository.git_dir().join("index");
    let index_written = match index.metadata() {
        Ok(metadata) => FileTime::modified(&metadata).seconds,
        // No file is tracked then.
        Err(error) if is_missing(&error) => 0,
        Err(error) => return Err(ContextError::unreadable(&index)(error)),
    };
    let flag = |name: &'static str, default| match config.try_boolean(name) {
        Ok(value) => Ok(value.unwrap_or(default)),
        Err(error) => Err(ContextError::Misconfigured { path: root.to_path_buf(), why: MaskedText::of(&error) }),
    };
    Ok(StatRules {
        file_mode: flag("core.fileMode", true)?,
        symlinks: flag("core.symlinks", true)?,
        sparse: flag("core.sparseCheckout", false)?,
        trust_ctime: flag("core.trustctime", true)?,
        whole_stat: config.string("core.checkStat").is_none_or(|value| !value.eq_ignore_ascii_case(b"minimal")),
        index_written,
    })
}

/// The number of paths with a merge conflict; each has up to three entries, side by side.
fn conflicted(tracked: &Tracked) -> usize {
    let stages = tracked.entries(tracked.root().range);
    let paths = stages.iter().filter(|entry| is_conflicted(entry)).map(|entry| tracked.path_of(entry));
    let mut count = 0;
    let mut last = None;
    for path in paths {
        count += usize::from(last != Some(path));
        last = Some(path);
    }
    count
}

/// Counts a submodule that has another commit checked out than the index has, or changed tracked files.
fn look_into(
    place: &InspectedRepository,
    tracked: &Tracked,
    entry: &Entry,
    counted: &mut CountedChanges,
) -> Result<(), ContextError> {
    let path = place.root.join(OsStr::from_bytes(tracked.path_of(entry)));
    if !path.join(".git").exists() {
        // Not checked out at all: for git it is as in the commit.
        return Ok(());
    }
    place.inspection.check_time(&path)?;
    if place.depth == DEEPEST {
        counted.leave_out_submodule(format!("submodules are nested more than {DEEPEST} deep"));
        return Ok(());
    }
    let repository = crate::repository::at(&path, &place.inspection.secrets)?;
    let commit = crate::head::commit(&repository).map_err(ContextError::damaged("a submodule", &path))?;
    if commit.as_ref().is_some_and(|commit| commit.id != entry.id) {
        counted.changes.submodules += 1;
        return Ok(());
    }
    let inner = InspectedRepository {
        repository: &repository,
        root: &path,
        inspection: place.inspection,
        depth: place.depth + 1,
    };
    let inside = changes(&inner, commit.as_ref(), false)?;
    match inside.changes.state() {
        WorktreeState::Dirty => counted.changes.submodules += 1,
        WorktreeState::Clean => {}
        WorktreeState::Unknown => {
            counted.changes.not_compared += inside.changes.not_compared;
            counted.unknown.extend(inside.unknown);
        }
    }
    Ok(())
}
