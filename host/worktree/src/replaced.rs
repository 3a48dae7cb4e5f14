//! Objects that `git replace` puts in the place of others.
//!
//! Git compares with what stands in for the commit; the remote has the commit itself. So neither answer would be right for whoever wants
//! to know the code, and none is given.

use gix::{Commit, Repository};

const PREFIX: &str = "refs/replace/";

/// Why it cannot be told whether the files are those of the commit, if something is replaced that its files depend on.
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
                "another object stands in the place of {} (git-replace); `git replace --delete {}` takes it away",
                id.to_hex_with_len(12),
                id
            ));
        }
    }
    None
}
