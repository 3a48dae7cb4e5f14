//! Fills an existing target, entry by entry.
//!
//! The old content is moved aside first, then the download's entries are moved in; each move is one rename, which copies no data. After a
//! failure the moves are undone, as far as possible.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use forgeport_platform::system_error::is_not_movable;

use crate::directory::Directory;
use crate::error::{AtPath, DiskError, TargetError};
use crate::survey::Survey;

/// The renames that fill a target.
pub(crate) struct Filling<'a> {
    survey: &'a Survey,
    /// Called before each step, so that tests can end the process there.
    reached: &'a dyn Fn(),
    moves: Vec<Move>,
    /// True if something was removed that could not be moved aside.
    removed: bool,
}

struct Move {
    from: Arc<Directory>,
    to: Arc<Directory>,
    name: OsString,
}

impl<'a> Filling<'a> {
    pub(crate) fn new(survey: &'a Survey, reached: &'a dyn Fn()) -> Self {
        Self { survey, reached, moves: Vec::new(), removed: false }
    }

    /// Moves what goes out of the target into `aside`.
    pub(crate) fn clear(&mut self, target: &Arc<Directory>, aside: &Arc<Directory>) -> Result<(), TargetError> {
        self.clear_of(self.survey.going(), target, aside, Path::new(""))
    }

    fn clear_of(
        &mut self,
        names: &[OsString],
        here: &Arc<Directory>,
        aside: &Arc<Directory>,
        way: &Path,
    ) -> Result<(), TargetError> {
        for name in names {
            let below = way.join(name);
            if self.survey.stays(&below) {
                continue;
            }
            if self.survey.holds(&below) {
                let inner = Arc::new(here.open(name).at("open", &here.path().join(name))?);
                let aside = Arc::new(aside.make(name, true)?);
                self.clear_of(&listed(&inner)?, &inner, &aside, &below)?;
                continue;
            }
            match self.shift(here, aside, name) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if is_not_movable(&error) => {
                    (self.reached)();
                    self.removed = true;
                    here.remove_all(name)?;
                }
                Err(error) => return Err(failed(error, "move", here, name)),
            }
        }
        Ok(())
    }

    /// Moves what came from `tree` into the target.
    pub(crate) fn bring(
        &mut self,
        tree: &Arc<Directory>,
        here: &Arc<Directory>,
        way: &Path,
    ) -> Result<(), TargetError> {
        for name in listed(tree)? {
            let below = way.join(&name);
            // Empty in the commit, as was made sure of.
            if self.survey.stays(&below) {
                continue;
            }
            if self.survey.holds(&below) {
                let inner = Arc::new(tree.open(&name).at("open", &tree.path().join(&name))?);
                let here = Arc::new(here.open(&name).at("open", &here.path().join(&name))?);
                self.bring(&inner, &here, &below)?;
                continue;
            }
            self.shift(tree, here, &name).map_err(|error| failed(error, "create", here, &name))?;
        }
        Ok(())
    }

    /// True if something had to be removed before all was there.
    pub(crate) fn has_removed(&self) -> bool {
        self.removed
    }

    /// Takes everything back; not possible when something was removed.
    pub(crate) fn undo(self) -> io::Result<()> {
        for Move { from, to, name } in self.moves.into_iter().rev() {
            rename(&to, &from, &name)?;
        }
        if self.removed { Err(io::Error::other("some of what was there is removed")) } else { Ok(()) }
    }

    fn shift(&mut self, from: &Arc<Directory>, to: &Arc<Directory>, name: &OsString) -> io::Result<()> {
        (self.reached)();
        rename(from, to, name)?;
        self.moves.push(Move { from: from.clone(), to: to.clone(), name: name.clone() });
        Ok(())
    }
}

/// Renames without replacing anything, where the file system can make sure of that.
fn rename(from: &Directory, to: &Directory, name: &OsString) -> io::Result<()> {
    let (from, to) = (from.handle(), to.handle());
    if from.rename_new(name, to, name)? { Ok(()) } else { from.rename(name, to, name) }
}

/// All names, before any of them is moved.
fn listed(directory: &Directory) -> Result<Vec<OsString>, DiskError> {
    let names = directory.names().and_then(Iterator::collect);
    names.at("read", directory.path())
}

fn failed(error: io::Error, action: &'static str, here: &Directory, name: &OsString) -> TargetError {
    match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty => TargetError::NotEmpty(here.path().to_owned()),
        _ => DiskError::new(action, &here.path().join(name), error).into(),
    }
}
