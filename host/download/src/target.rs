//! The target directory, and how a download gets there.
//!
//! A target that does not exist is replaced by the staged directory in one step. An existing one may be a mount point or the working
//! directory of a shell, and its parent may not be writable: it stays, and is filled.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::directory::Directory;
use crate::error::{AtPath, DiskError, TargetError, UnpackError};
use crate::fill::Filling;
use crate::mark::{self, Mark};
use crate::place::Place;
use crate::survey::Survey;
use crate::unfinished::Unfinished;
use crate::work_directory::{OLD, SCRATCH, TREE, WorkDirectory};
use forgeport_model::escape_untrusted_short;
use forgeport_platform::system_error::is_no_directory;

/// A directory in the making.
pub(crate) struct Target {
    place: Place,
    of: Unfinished,
    force: bool,
    staging: Arc<Directory>,
    work_directory: WorkDirectory,
}

#[cfg(test)]
mod crash;

/// How a download came to its place, and so what others could see of it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "guarantee")]
pub enum Arrival {
    /// The directory was not there, and appeared as a whole.
    OneStep,
    /// The directory was there and was filled, marked as unfinished until all was in it.
    Marked {
        /// True if what was there before lay aside until then, so that it could be put back if anything failed.
        kept_until_complete: bool,
        /// The previous content that stays, by paths below the directory: `lost+found`, and mount points.
        stays: Vec<String>,
        /// The place of the previous content, if it could not be removed.
        left: Option<PathBuf>,
    },
}

impl Target {
    /// Makes a staged directory from which `path` can be filled; with `force` also where there is something else.
    pub(crate) fn prepare(path: &Path, of: Unfinished, force: bool) -> Result<Self, TargetError> {
        let mut place = Place::find(path)?;
        place.make_parent()?;
        let work_directory = match open(&place)? {
            None => WorkDirectory::open(place.parent())?,
            Some(target) => {
                let examined = allowed(&target, force, Some(&of))?.examine(&target);
                examined.map_err(|error| error.or_busy(target.path()))?;
                WorkDirectory::reaching(place.parent(), &target)?
            }
        };
        let staging = Arc::new(work_directory.directory().make(TREE, false)?);
        Ok(Self { place, of, force, staging, work_directory })
    }

    /// Another directory beside the staged one, for what only this download needs. There is one at a time.
    pub(crate) fn scratch(&self) -> Result<Scratch<'_>, UnpackError> {
        let work_directory = self.work_directory.directory();
        work_directory.remove_all(SCRATCH)?;
        Ok(Scratch { directory: work_directory.make(SCRATCH, true)?, work_directory })
    }

    /// The directory to write into.
    pub(crate) fn staging(&self) -> &Directory {
        &self.staging
    }

    /// The final path.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.path()
    }

    /// Puts what was staged in its place.
    pub(crate) fn publish(self) -> Result<Arrival, TargetError> {
        self.publish_watched(&|| {})
    }

    /// `reached` is called before each step.
    fn publish_watched(self, reached: &dyn Fn()) -> Result<Arrival, TargetError> {
        if let Some(target) = open(&self.place)? {
            return self.fill(target, reached);
        }
        reached();
        let (staged, parent) = (self.work_directory.directory().handle(), self.place.parent().handle());
        let Err(error) = staged.rename(TREE, parent, self.place.name()) else { return Ok(Arrival::OneStep) };
        match error.kind() {
            // Somebody made it meanwhile.
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => match open(&self.place)? {
                Some(target) => self.fill(target, reached),
                None => Err(TargetError::NotEmpty(self.path())),
            },
            ErrorKind::NotADirectory => Err(TargetError::File(self.path())),
            _ => Err(DiskError::new("move the download to", &self.path(), error).into()),
        }
    }

    fn fill(self, target: Directory, reached: &dyn Fn()) -> Result<Arrival, TargetError> {
        let (target, work_directory) = (Arc::new(target), self.work_directory.directory());
        allowed(&target, self.force, Some(&self.of))?;
        let old = Arc::new(work_directory.make(OLD, true)?);
        reached();
        let mark = Mark::set(&target, work_directory, &self.of, self.force)?;
        // Nobody else fills it any more.
        let survey = match self.survey(&target, &mark) {
            Ok(survey) => survey,
            Err(error) => return Err(mark.withdraw().map_or_else(TargetError::from, |()| error)),
        };
        let mut filling = Filling::new(&survey, reached);
        let filled = filling.clear(&target, &old).and_then(|()| filling.bring(&self.staging, &target, Path::new("")));
        let kept_until_complete = !filling.has_removed();
        let path = self.place.path();
        let halfway = |why: TargetError| TargetError::Halfway { path, why: Box::new(why) };
        if let Err(error) = filled {
            let undone = filling.undo().is_ok() && mark.withdraw().is_ok();
            return Err(if undone { error } else { halfway(error) });
        }
        reached();
        // Before the mark: with it goes the last that is not of the commit.
        let left = self.work_directory.remove().err();
        reached();
        mark.remove().map_err(|error| halfway(error.into()))?;
        let stays = survey.staying().map(|path| escape_untrusted_short(path.as_os_str().as_encoded_bytes())).collect();
        Ok(Arrival::Marked { kept_until_complete, stays, left })
    }

    /// Surveys the target, and checks that it may be filled and that there is room to move its content aside.
    fn survey(&self, target: &Directory, mark: &Mark) -> Result<Survey, TargetError> {
        let survey = Survey::of(target)?;
        if !(self.force || mark.was_there() || survey.is_free(target)) {
            return Err(TargetError::NotEmpty(target.path().to_owned()));
        }
        let survey = survey.examine(target)?;
        survey.check_room(&self.staging, target)?;
        Ok(survey)
    }
}

/// A directory that is removed when this is dropped.
pub(crate) struct Scratch<'a> {
    directory: Directory,
    work_directory: &'a Directory,
}

impl Scratch<'_> {
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let _ = self.work_directory.remove_all(SCRATCH);
    }
}

/// Checks that a download could take this place.
pub(crate) fn check(path: &Path, force: bool) -> Result<(), TargetError> {
    let place = Place::find(path)?;
    if place.has_parent()
        && let Some(target) = open(&place)?
    {
        allowed(&target, force, None)?;
    }
    Ok(())
}

/// Checks that a directory that is there may be filled with this download, where that is known yet; returns what is in it.
fn allowed(target: &Directory, force: bool, of: Option<&Unfinished>) -> Result<Survey, TargetError> {
    let survey = Survey::of(target)?;
    match mark::read(target) {
        _ if force => Ok(survey),
        Some(found) => found.check(target, of).map(|()| survey),
        None if survey.is_free(target) => Ok(survey),
        None => Err(TargetError::NotEmpty(target.path().to_owned())),
    }
}

/// The directory that is at a place.
///
/// In a directory where everybody may make something, and nobody else remove it (/tmp), anybody can have made one of a name that is known
/// beforehand, and would own what it is filled with.
fn open(place: &Place) -> Result<Option<Directory>, TargetError> {
    match place.parent().handle().open_directory(place.name()) {
        Ok(handle) => {
            let target = Directory::new(handle, place.path());
            if is_planted(place.parent(), &target).at("read", target.path())? {
                Err(TargetError::Planted(place.path()))
            } else {
                Ok(Some(target))
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if is_no_directory(&error) => Err(TargetError::File(place.path())),
        Err(error) => Err(DiskError::new("read", &place.path(), error).into()),
    }
}

fn is_planted(parent: &Directory, target: &Directory) -> io::Result<bool> {
    let (parent, owner) = (parent.handle().metadata()?, target.handle().metadata()?.owner);
    let open_to_all = parent.protects_entries() && parent.others_may_write();
    Ok(open_to_all && owner != parent.owner && !owner.is_root() && !owner.is_me())
}
