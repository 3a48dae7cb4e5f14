//! Compares a staged directory with a listing that the forge gave, directory by directory.

use std::collections::BTreeSet;

use forgeport_model::{FileKind, ObjectId, RepoPath};

use crate::error::{RejectReason, Rejected, UnpackError};
use crate::staging::Staging;
use crate::tree::{Found, tree_id};

/// One entry of a listing that the forge gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// From the repository's root.
    pub path: RepoPath,
    /// Its kind.
    pub kind: FileKind,
    /// Its object.
    pub id: ObjectId,
}

/// Takes the forge's whole listing of one directory; returns what of it is missing or different. What the listing does not have is
/// removed, submodules are noted.
///
/// # Errors
/// When an entry does not lie directly in the directory, or something cannot be removed.
pub(crate) fn compare(
    staging: &Staging,
    path: &RepoPath,
    entries: Vec<ListedEntry>,
) -> Result<Vec<ListedEntry>, UnpackError> {
    staging.deadline().check()?;
    let names = names(path, &entries)?;
    let listed = entries.iter().map(|entry| (last_name(&entry.path), entry.kind, entry.id)).collect();
    staging.expect_tree(path, tree_id(staging.format(), listed))?;
    // Not in the loop's head: the lock would be held while `remove` asks for it.
    let here = staging.ledger().tree.names(path);
    for name in here {
        if !names.contains(&name[..]) {
            staging.remove(&path.child(&name))?;
        }
    }
    let mut different = Vec::new();
    for entry in entries {
        staging.deadline().check()?;
        if !agrees(staging, &entry)? {
            different.push(entry);
        }
    }
    Ok(different)
}

/// True if the entry is here as listed. What is of another kind is removed, to make room.
fn agrees(staging: &Staging, entry: &ListedEntry) -> Result<bool, UnpackError> {
    let found = staging.ledger().tree.get(&entry.path);
    if entry.kind == FileKind::Submodule {
        if matches!(found, Some(Found::Leaf(_)) | Some(Found::Directory { empty: false })) {
            staging.remove(&entry.path)?;
        }
        // Git has an empty directory there. The parent is one: its listing is being compared.
        staging.add_submodule(&entry.path, entry.id)?;
        return Ok(true);
    }
    let Some(found) = found else { return Ok(false) };
    if (found.kind() == FileKind::Tree) != (entry.kind == FileKind::Tree) {
        staging.remove(&entry.path)?;
        return Ok(false);
    }
    let same = found.kind() == entry.kind && staging.ledger().tree.id(&entry.path) == Some(entry.id);
    Ok(same)
}

/// The names of a listing, each of which has to lie directly in `path`, and once.
fn names<'a>(path: &RepoPath, entries: &'a [ListedEntry]) -> Result<BTreeSet<&'a [u8]>, Rejected> {
    let mut names = BTreeSet::new();
    for entry in entries {
        let Some((_, name)) = entry.path.split_last().filter(|(parent, _)| parent == path) else {
            return Err(Rejected::new(entry.path.as_bytes(), RejectReason::Listing(path.to_string())));
        };
        let start = entry.path.as_bytes().len() - name.len();
        if !names.insert(&entry.path.as_bytes()[start..]) {
            return Err(Rejected::new(entry.path.as_bytes(), RejectReason::Twice(entry.kind)));
        }
    }
    Ok(names)
}

fn last_name(path: &RepoPath) -> &[u8] {
    path.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
