//! The history: which commits are ancestors of others.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::{ObjectId, Repository};

use crate::inspection::Inspection;
use crate::{ContextError, MaskedText};

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const BOTH: u8 = LEFT | RIGHT;

/// How many commits with wrong clocks in a row do no harm; git has the same number (`SLOP` in revision.c).
const PATIENCE: usize = 5;

/// The commits that two histories do not have in common.
pub struct Difference {
    /// Commits that can be reached from the left side alone, with their parents.
    pub left: HashMap<ObjectId, Vec<ObjectId>>,
    /// How many can be reached from the right side alone.
    pub right: usize,
}

/// Why the history cannot be followed.
pub enum HistoryError {
    Stopped(ContextError),
    Missing(MaskedText),
}

struct SeenCommit {
    sides: u8,
    parents: Vec<ObjectId>,
}

impl From<HistoryError> for MaskedText {
    fn from(broken: HistoryError) -> Self {
        match broken {
            HistoryError::Missing(why) => why,
            HistoryError::Stopped(error) => Self::new(&ContextError::to_string(&error)),
        }
    }
}

/// Compares what can be reached from the two sides. A history that was cut off ends there.
pub fn difference(
    repository: &Repository,
    left: &[ObjectId],
    right: &[ObjectId],
    inspection: &Inspection,
) -> Result<Difference, HistoryError> {
    let missing = |error: gix::Error| HistoryError::Missing(MaskedText::of(&error));
    let ends: HashSet<ObjectId> =
        repository.shallow_commits().map_err(missing)?.map(|ends| ends.iter().copied().collect()).unwrap_or_default();
    let mut seen = HashMap::<ObjectId, SeenCommit>::new();
    let mut pending = BinaryHeap::new();
    // The youngest first, so that what both sides have is known before its parents are looked at.
    let visit =
        |id: ObjectId, sides: u8, seen: &mut HashMap<ObjectId, SeenCommit>| -> Result<Option<i64>, HistoryError> {
            if let Some(known) = seen.get_mut(&id) {
                if known.sides | sides == known.sides {
                    return Ok(None);
                }
                known.sides |= sides;
            }
            inspection.check_time(repository.git_dir()).map_err(HistoryError::Stopped)?;
            let commit = repository.find_commit(id).map_err(missing)?;
            let time = commit.time().map_err(missing)?.seconds;
            let parents =
                if ends.contains(&id) { Vec::new() } else { commit.parent_ids().map(gix::Id::detach).collect() };
            seen.entry(id).or_insert(SeenCommit { sides, parents });
            Ok(Some(time))
        };
    for (ids, side) in [(left, LEFT), (right, RIGHT)] {
        for id in ids {
            if let Some(time) = visit(*id, side, &mut seen)? {
                pending.push((time, Reverse(*id)));
            }
        }
    }
    // The time of the oldest commit that is not known to be on both sides.
    let mut oldest = i64::MAX;
    let mut patience = PATIENCE;
    while let Some((time, Reverse(id))) = pending.pop() {
        let Some(SeenCommit { sides, parents }) = seen.get(&id) else { continue };
        let (sides, parents) = (*sides, parents.clone());
        if sides != BOTH {
            oldest = oldest.min(time);
            patience = PATIENCE;
        } else if time < oldest && is_common(&pending, &seen) {
            if patience == 0 {
                break;
            }
            patience -= 1;
        }
        for parent in parents {
            if let Some(time) = visit(parent, sides, &mut seen)? {
                pending.push((time, Reverse(parent)));
            }
        }
    }
    let right = seen.values().filter(|commit| commit.sides == RIGHT).count();
    let left = seen.into_iter().filter(|(_, commit)| commit.sides == LEFT);
    Ok(Difference { left: left.map(|(id, commit)| (id, commit.parents)).collect(), right })
}

fn is_common(pending: &BinaryHeap<(i64, Reverse<ObjectId>)>, seen: &HashMap<ObjectId, SeenCommit>) -> bool {
    pending.iter().all(|(_, Reverse(id))| seen.get(id).is_some_and(|commit| commit.sides == BOTH))
}
