//! Expands a sparse index, in which a directory that a sparse checkout left out is one entry (gitformat-index(5), "Sparse Directory
//! Entries"), into an index of files.

use std::path::Path;

use gix::bstr::{BString, ByteSlice};
use gix::index::State;
use gix::index::entry::{Flags, Mode};
use gix::{ObjectId, Repository};

use crate::inspection::Inspection;
use crate::{ContextError, MaskedText};

/// More files than any repository has. Small trees may claim more.
const MOST: usize = 5_000_000;

/// Replaces each directory by the files of its tree.
pub fn expand(
    state: &mut State,
    repository: &Repository,
    root: &Path,
    inspection: &Inspection,
) -> Result<(), ContextError> {
    let directories: Vec<(ObjectId, BString)> = state
        .entries()
        .iter()
        .filter(|entry| entry.mode.is_sparse())
        .map(|entry| (entry.id, entry.path(state).to_owned()))
        .collect();
    if directories.is_empty() {
        return Ok(());
    }
    state.remove_entries(|_, _, entry| entry.mode.is_sparse());
    let broken = ContextError::damaged("a tree that the index names", root);
    let mut pending = directories;
    while let Some((id, path)) = pending.pop() {
        inspection.check_time(root)?;
        if state.entries().len() > MOST {
            let why = MaskedText::new(&format!("a sparse index of more than {MOST} files"));
            return Err(ContextError::Unsupported { path: root.to_path_buf(), why });
        }
        for item in repository.find_tree(id).map_err(&broken)?.iter() {
            let item = item.map_err(&broken)?;
            let mut below = path.clone();
            below.extend_from_slice(item.filename());
            let mode = Mode::from_bits_retain(item.mode().value().into());
            if item.mode().is_tree() {
                below.push(b'/');
                pending.push((item.object_id(), below));
            } else {
                state.dangerously_push_entry(
                    Default::default(),
                    item.object_id(),
                    Flags::EXTENDED | Flags::SKIP_WORKTREE,
                    mode,
                    below.as_bstr(),
                );
            }
        }
    }
    state.sort_entries();
    Ok(())
}
