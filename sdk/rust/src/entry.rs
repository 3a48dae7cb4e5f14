//! What the trees of a commit hold.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Entry, Error, Kind};

impl Entry {
    /// What a forge lists, with git's mode in octal.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for a mode that git does not have.
    pub fn from_mode(path: String, mode: &str, id: String) -> Result<Self, Error> {
        let kind = match mode.trim_start_matches('0') {
            // Long ago git kept the group's permission too.
            "100644" | "100664" => Kind::Regular,
            "100755" => Kind::Executable,
            "120000" => Kind::Symlink,
            "40000" => Kind::Tree,
            "160000" => Kind::Submodule,
            _ => {
                let text = format!("the forge lists {path:?} with the unknown mode {mode:?}");
                return Err(Error::Unavailable(text));
            }
        };
        Ok(Self { path, kind, id })
    }
}

/// Remembers the ids of trees, for a forge that lists a tree by its id and not by its path.
#[derive(Debug, Default)]
pub struct Trees(RefCell<BTreeMap<String, String>>);

/// The entries of a directory, where the forge tells them.
type Listing = Result<Option<Vec<Entry>>, Error>;

impl Trees {
    /// What the tree at `path` holds. `list` is called with a tree's id (the commit's own for the root, which forges take too) and with its
    /// path, and answers with paths from the repository's root. A tree whose parents were not listed before is looked up from the root.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such directory, and what `list` says.
    pub fn entries(&self, commit: &str, path: &str, list: &dyn Fn(&str, &str) -> Listing) -> Listing {
        let known = match path {
            "" => Some(commit.to_owned()),
            _ => self.0.borrow().get(path).cloned(),
        };
        let id = match known {
            Some(id) => id,
            None => {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                let Some(beside) = self.entries(commit, parent, list)? else {
                    return Ok(None);
                };
                check_no_submodule(&beside, path)?;
                let found = self.0.borrow().get(path).cloned();
                found.ok_or_else(|| Error::NotFound(format!("commit {commit} has no directory {path}")))?
            }
        };
        let Some(entries) = list(&id, path)? else {
            return Ok(None);
        };
        let trees = entries.iter().filter(|entry| entry.kind == Kind::Tree);
        let trees = trees.map(|entry| (entry.path.clone(), entry.id.clone()));
        self.0.borrow_mut().extend(trees);
        Ok(Some(entries))
    }
}

/// What a forge lists beside a path: is it a submodule, of which the commit has the id alone?
///
/// # Errors
/// [`Error::Unsupported`] with what to do, where it is one.
pub fn check_no_submodule(beside: &[Entry], path: &str) -> Result<(), Error> {
    let is_one = |entry: &Entry| entry.kind == Kind::Submodule && entry.path == path;
    if !beside.iter().any(is_one) {
        return Ok(());
    }
    let text = format!(
        "`{path}` is a submodule: register the repository that .gitmodules names for it, and download from there"
    );
    Err(Error::Unsupported(text))
}

/// The path of a name in the directory at `path`, which is empty for the root.
#[must_use]
pub fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}/{name}") }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
