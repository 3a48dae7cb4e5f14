//! Completes a directory that an archive has filled in part. The commit and its trees are fetched in one pack, without files, and show which
//! files are missing or different; those are fetched in further packs.
//!
//! The commit's tree follows from the commit's own id here, so no report of the forge has to be trusted.

use std::collections::BTreeMap;
use std::io::Read;

use forgeport_model::Limit;

use super::expand;
use super::placer::Placer;
use super::trees::{self, At};
use crate::error::{RejectReason, Rejected, UnpackError};
use crate::limits::check;
use crate::listing::{self, ListedEntry};
use crate::progress::Progress;
use crate::staging::Staging;
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// A file or link that the commit has and the directory has not, or not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its content.
    pub id: ObjectId,
    /// Wherever it is missing.
    places: Vec<(RepoPath, FileKind)>,
}

/// Compares with the commit and its trees, which are in the pack of this answer; returns what is missing, each content once. What the
/// commit does not have is removed.
pub(crate) fn compare_with_commit(staging: &Staging, answer: impl Read) -> Result<Vec<Missing>, UnpackError> {
    let scratch = staging.scratch()?;
    let objects = expand(staging, answer, scratch.directory()).map_err(unsupported)?;
    let wanted = &staging.spec().subdirectory;
    let mut left = match trees::at(&objects, &staging.spec().commit, wanted)? {
        At::Tree(id) => vec![(wanted.clone(), id)],
        At::Nothing | At::Other => Vec::new(),
    };
    let mut missing = MissingList::new(staging);
    while let Some((path, tree)) = left.pop() {
        staging.expect_tree(&path, tree)?;
        let entries = trees::entries(&objects, &tree, &path)?;
        missing.count(&entries)?;
        for entry in listing::compare(staging, &path, entries)? {
            match entry.kind {
                FileKind::Tree => left.push((entry.path, entry.id)),
                _ => missing.add(entry),
            }
        }
    }
    Ok(missing.all())
}

/// Puts the files and links in their places whose content is in the pack of this answer. The rest of it is ignored.
pub(crate) fn put_missing(
    staging: &Staging,
    answer: impl Read,
    missing: &[Missing],
    progress: &dyn Progress,
) -> Result<(), UnpackError> {
    let scratch = staging.scratch()?;
    let objects = expand(staging, answer, scratch.directory()).map_err(unsupported)?;
    let placer = Placer::new(staging, &objects, progress);
    staging.ledger().copied = None;
    for Missing { id, places } in missing {
        for (path, kind) in places {
            staging.remove(path)?;
            placer.put(path, *kind, id)?;
        }
    }
    Ok(())
}

/// The missing files. A small tree may name other trees, and with them files, any number of times.
struct MissingList<'a> {
    staging: &'a Staging,
    places: BTreeMap<ObjectId, Vec<(RepoPath, FileKind)>>,
    entries: u64,
    names: u64,
}

impl<'a> MissingList<'a> {
    fn new(staging: &'a Staging) -> Self {
        Self { staging, places: BTreeMap::new(), entries: 0, names: 0 }
    }

    fn count(&mut self, entries: &[ListedEntry]) -> Result<(), Rejected> {
        let limits = &self.staging.spec().limits;
        self.entries += entries.len() as u64;
        self.names += entries.iter().map(|entry| entry.path.as_bytes().len() as u64).sum::<u64>();
        check(limits, Limit::ArchiveEntries, self.entries)?;
        check(limits, Limit::ArchiveNames, self.names)
    }

    fn add(&mut self, entry: ListedEntry) {
        self.places.entry(entry.id).or_default().push((entry.path, entry.kind));
    }

    fn all(self) -> Vec<Missing> {
        self.places.into_iter().map(|(id, places)| Missing { id, places }).collect()
    }
}

/// A forge that does not want to, or something else that answers in its place: the files may be had in another way.
fn unsupported(error: UnpackError) -> UnpackError {
    match error {
        UnpackError::NoArchive { .. } => UnpackError::Unsupported(error.to_string()),
        UnpackError::Rejected(Rejected { why: why @ RejectReason::Refused(_), .. }) => {
            UnpackError::Unsupported(why.to_string())
        }
        error => error,
    }
}
