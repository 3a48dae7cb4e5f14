//! Objects that `git replace` puts in the place of others.
//!
//! Git compares with the replacement; the remote has the commit itself. Neither answer would be right for a person who wants to know the
//! code, so none is given.

use gix::{Commit, Repository};

const PREFIX: &str = "refs/replace/";

/// Why it is unknown whether the files are those of the commit; none where no object is replaced that they depend on.
pub fn reason(repository: &Repository, commit: &Commit) -> Option<String> {
    let references = repository.references().ok()?;
    for reference in references.prefixed(PREFIX).ok()? {
        let Ok(reference) = reference else { continue };
        let name = reference.name().as_bstr();
        let Some(id) = name.strip_prefix(PREFIX.as_bytes()).and_then(|id| gix::ObjectId::from_hex(id).ok()) else {
            continue;
        };
        // Another commit in the place of an older one changes the history alone.
        let is_other_commit = id != commit.id && repository.find_header(id).is_ok_and(|found| found.kind().is_commit());
        if !is_other_commit {
            return Some(format!(
                "another object replaces {} (git-replace); `git replace --delete {}` removes the replacement",
                id.to_hex_with_len(12),
                id
            ));
        }
    }
    None
}
