//! Completes a directory that an archive has filled in part: the commit and its trees come in one pack, without files, and tell what is
//! missing or different; those files come in further packs.
//!
//! Which tree the commit has follows from the commit's own id here, and from nobody's word.

use std::collections::BTreeMap;
use std::io::Read;

use forgeport_model::Limit;

use super::expand;
use super::trees::{self, At};
use super::walk::Walk;
use crate::claims::Entry;
use crate::error::{Reason, Rejected, UnpackError};
use crate::limits::check;
use crate::staged::{Progress, Staged};
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

impl Staged {
    /// Compare with the commit and its trees, which are in the pack of this answer; returns what is missing, each content once. What the
    /// commit does not have is removed.
    ///
    /// # Errors
    /// [`Unsupported`](UnpackError::Unsupported) where the forge refuses; else as for [`unpack`](Self::unpack).
    pub fn compare_with_commit(&self, answer: impl Read) -> Result<Vec<Missing>, UnpackError> {
        let scratch = self.target.scratch()?;
        let objects = expand(self, answer, scratch.directory()).map_err(unsupported)?;
        let wanted = &self.settings().subdirectory;
        let mut left = match trees::at(&objects, &self.settings().commit, wanted)? {
            At::Tree(id) => vec![(wanted.clone(), id)],
            At::Nothing | At::Other => Vec::new(),
        };
        let mut missing = Listing::new(self);
        while let Some((path, tree)) = left.pop() {
            self.expect_tree(&path, tree)?;
            let entries = trees::entries(&objects, &tree, &path)?;
            missing.count(&entries)?;
            for entry in self.compare(&path, entries)? {
                match entry.kind {
                    FileKind::Tree => left.push((entry.path, entry.id)),
                    _ => missing.add(entry),
                }
            }
        }
        Ok(missing.all())
    }

    /// Put the files and links in their places whose content is in the pack of this answer. What else is in it goes nowhere.
    ///
    /// # Errors
    /// When one of them is not in it, and as for [`compare_with_commit`](Self::compare_with_commit).
    pub fn put_missing(
        &self,
        answer: impl Read,
        missing: &[Missing],
        progress: &dyn Progress,
    ) -> Result<(), UnpackError> {
        let scratch = self.target.scratch()?;
        let objects = expand(self, answer, scratch.directory()).map_err(unsupported)?;
        let walk = Walk::new(self, &objects, progress);
        self.state().copied = None;
        for Missing { id, places } in missing {
            for (path, kind) in places {
                self.remove(path)?;
                walk.put(path, *kind, id)?;
            }
        }
        Ok(())
    }
}

/// What was found to be missing. A small tree may name others, and with them files, any number of times.
struct Listing<'a> {
    staged: &'a Staged,
    places: BTreeMap<ObjectId, Vec<(RepoPath, FileKind)>>,
    entries: u64,
    names: u64,
}

impl<'a> Listing<'a> {
    fn new(staged: &'a Staged) -> Self {
        Self { staged, places: BTreeMap::new(), entries: 0, names: 0 }
    }

    fn count(&mut self, entries: &[Entry]) -> Result<(), Rejected> {
        let limits = &self.staged.settings().limits;
        self.entries += entries.len() as u64;
        self.names += entries.iter().map(|entry| entry.path.as_bytes().len() as u64).sum::<u64>();
        check(limits, Limit::ArchiveEntries, self.entries)?;
        check(limits, Limit::ArchiveNames, self.names)
    }

    fn add(&mut self, entry: Entry) {
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
        UnpackError::Rejected(Rejected { why: why @ Reason::Refused(_), .. }) => {
            UnpackError::Unsupported(why.to_string())
        }
        error => error,
    }
}
