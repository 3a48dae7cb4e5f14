//! Checks every file that `gix` will open of a repository, before it does, so that none is a pipe or without an end.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::file_check::{ANY, CONFIG, INDEX, NAME, REFS, RULES, all_below, check_file, each_in, is_missing};
use crate::{ContextError, includes};

/// The files of a repository, below its own directory and below the one that it shares with its linked worktrees.
const FILES: &[(&str, u64)] = &[
    ("HEAD", NAME),
    ("commondir", NAME),
    ("gitdir", NAME),
    ("config", CONFIG),
    ("config.worktree", CONFIG),
    ("index", INDEX),
    ("packed-refs", REFS),
    ("shallow", REFS),
    ("info/attributes", RULES),
    ("info/exclude", RULES),
    ("info/grafts", REFS),
    ("objects/info/alternates", CONFIG),
    ("objects/info/commit-graph", ANY),
];
/// More than git follows one from another.
const ALTERNATES: usize = 64;

/// Checks the files of the repository whose directory is `git`.
///
/// # Errors
/// The first file that is not regular or too large.
pub fn check(git: &Path) -> Result<(), ContextError> {
    let common = common(git)?;
    let mut places = vec![git];
    if common != git {
        places.push(&common);
    }
    for place in &places {
        for (name, limit) in FILES {
            check_file(&place.join(name), *limit)?;
        }
        all_below(&place.join("refs"), NAME)?;
        includes::check(&place.join("config"))?;
        includes::check(&place.join("config.worktree"))?;
    }
    objects(&common.join("objects"))
}

/// The directory that a repository shares with its linked worktrees.
pub fn common(git: &Path) -> Result<PathBuf, ContextError> {
    let link = git.join("commondir");
    check_file(&link, NAME)?;
    match std::fs::read(&link) {
        Ok(target) => Ok(git.join(OsStr::from_bytes(target.trim_ascii_end()))),
        Err(error) if is_missing(&error) => Ok(git.to_path_buf()),
        Err(error) => Err(ContextError::unreadable(&link)(error)),
    }
}

/// Checks the folders of objects and packs, also those of alternates.
fn objects(first: &Path) -> Result<(), ContextError> {
    let mut seen = HashSet::new();
    let mut pending = vec![first.to_path_buf()];
    while let Some(directory) = pending.pop() {
        if !seen.insert(directory.clone()) || seen.len() > ALTERNATES {
            continue;
        }
        let mut folders = Vec::new();
        each_in(&directory, ANY, |path, _| folders.push(path))?;
        for folder in folders {
            each_in(&folder, ANY, |_, _| {})?;
        }
        let alternates = directory.join("info/alternates");
        check_file(&alternates, CONFIG)?;
        let lines = std::fs::read(alternates).unwrap_or_default();
        pending.extend(
            lines
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| directory.join(OsStr::from_bytes(line))),
        );
    }
    Ok(())
}
