//! Walks the tree of the commit, and puts its files and links in their places.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::objects::{Object, ObjectType, Objects, place as object_file};
use super::trees::{self, At};
use crate::error::{RejectReason, Rejected, UnpackError};
use crate::limits::Budget;
use crate::progress::Progress;
use crate::spec::DownloadSpec;
use crate::staging::Staging;
use crate::writer::Written;
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// Bytes of a link's target that are read. A longer one than can be is refused by its length.
const TARGET: u64 = 8 << 10;

/// Puts the directory that is wanted in its place.
pub(super) fn place(staging: &Staging, objects: &Objects, progress: &dyn Progress) -> Result<(), UnpackError> {
    let DownloadSpec { commit, subdirectory: wanted, .. } = staging.spec();
    match trees::at(objects, commit, wanted)? {
        // Nothing is written, and the end says so.
        At::Nothing => Ok(()),
        At::Other => staging.add_file(wanted, FileKind::Regular).map(drop),
        At::Tree(id) => {
            staging.expect_tree(wanted, id)?;
            Placer::new(staging, objects, progress).tree(&id, wanted)
        }
    }
}

pub(super) struct Placer<'a> {
    staging: &'a Staging,
    objects: &'a Objects<'a>,
    progress: &'a dyn Progress,
    /// A small tree may name the same file very often.
    budget: RefCell<Budget>,
    /// The paths of files that are in their place already.
    moved: RefCell<HashMap<u32, PathBuf>>,
}

impl<'a> Placer<'a> {
    pub(super) fn new(staging: &'a Staging, objects: &'a Objects<'a>, progress: &'a dyn Progress) -> Self {
        let mut budget = Budget::new(&staging.spec().limits, staging.bytes());
        budget.came(objects.budget.packed());
        Placer { staging, objects, progress, budget: budget.into(), moved: RefCell::default() }
    }

    /// The recursion is bounded by the depth that paths may have.
    fn tree(&self, id: &ObjectId, path: &RepoPath) -> Result<(), UnpackError> {
        for entry in trees::entries(self.objects, id, path)? {
            self.staging.deadline().check()?;
            match entry.kind {
                FileKind::Tree => {
                    self.staging.add_directory(&entry.path)?;
                    self.tree(&entry.id, &entry.path)?;
                }
                FileKind::Submodule => self.staging.add_submodule(&entry.path, entry.id)?,
                kind => self.put(&entry.path, kind, &entry.id)?,
            }
        }
        Ok(())
    }

    /// Puts a file or a link where there is none yet.
    pub(super) fn put(&self, path: &RepoPath, kind: FileKind, id: &ObjectId) -> Result<(), UnpackError> {
        match kind {
            FileKind::Symlink => self.link(path, id),
            kind => self.file(path, kind, id),
        }
    }

    fn blob(&self, path: &RepoPath, id: &ObjectId) -> Result<(u32, &Object), UnpackError> {
        let found = self.objects.find(id).filter(|(_, found)| found.kind == ObjectType::Blob);
        let missing = || Rejected::new(path.as_bytes(), RejectReason::Malformed("its content is not in it"));
        Ok(found.ok_or_else(missing)?)
    }

    fn link(&self, path: &RepoPath, id: &ObjectId) -> Result<(), UnpackError> {
        let (number, _) = self.blob(path, id)?;
        let mut target = Vec::new();
        self.read(number)?.take(TARGET).read_to_end(&mut target)?;
        self.staging.add_symlink(path, target)
    }

    fn file(&self, path: &RepoPath, kind: FileKind, id: &ObjectId) -> Result<(), UnpackError> {
        let (number, object) = self.blob(path, id)?;
        let place = self.staging.add_file(path, kind)?;
        self.budget.borrow_mut().pass(object.size)?;
        if let Some(place) = place {
            self.take(number, &place, kind == FileKind::Executable)?;
        }
        self.staging.complete(&Written { name: path.clone(), id: *id, pointer: object.pointer, bytes: object.size });
        self.progress.advance(object.size, 1);
        Ok(())
    }

    /// The file is moved the first time, and copied where it is wanted again or with another mode.
    fn take(&self, number: u32, to: &Path, executable: bool) -> Result<(), UnpackError> {
        let staging = self.staging.directory();
        if !executable && !self.moved.borrow().contains_key(&number) {
            self.objects.sink.directory.move_to(&object_file(number), staging, to)?;
            self.moved.borrow_mut().insert(number, to.to_path_buf());
            return Ok(());
        }
        let mut source = self.staging.deadline().reading(self.read(number)?);
        let mut file = staging.create(to, executable)?;
        let copied = io::copy(&mut source, &mut file);
        copied.map(drop).map_err(|error| UnpackError::at(error, "write", &staging.path().join(to)))
    }

    fn read(&self, number: u32) -> Result<std::fs::File, UnpackError> {
        match self.moved.borrow().get(&number) {
            Some(moved) => Ok(self.staging.directory().read(moved)?),
            None => Ok(self.objects.sink.directory.read(&object_file(number))?),
        }
    }
}
