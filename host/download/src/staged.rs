//! A download while it is being written: content goes into a directory that nobody sees, and every object is hashed on its way.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use forgeport_model::{Limit, Limits};
use tempfile::NamedTempFile;

use crate::claims::Claims;
use crate::deadline::Deadline;
use crate::error::{Reason, Rejected, TargetError, UnpackError};
use crate::limits::check;
use crate::links::{self, Links};
use crate::mark;
use crate::pack;
use crate::resume::Tries;
use crate::source::Format;
use crate::target::{self, Target};
use crate::tree::{InTheWay, Leaf, Tree};
use crate::unfinished::Unfinished;
use crate::unpack::{self, Layout};
use crate::writer::{Sink, Written};
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// What a download is to become.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The commit, in full.
    pub commit: ObjectId,
    /// The directory of the repository that is wanted; its content lies directly in the target then.
    pub subdirectory: RepoPath,
    /// Remove what is in the target and not of the commit.
    pub force: bool,
    /// What it may use.
    pub limits: Limits,
}

/// Is told how far a download is; called from several threads.
pub trait Progress: Send + Sync {
    /// So many more bytes came over the network.
    fn received(&self, bytes: u64);
    /// So many more bytes in so many more files are written.
    fn advance(&self, bytes: u64, files: u64);
}

/// A directory that is being filled. Dropped before [`Staged::finish`](crate::Staged::finish), it leaves nothing behind.
pub struct Staged {
    pub(crate) target: Target,
    pub(crate) settings: Settings,
    deadline: Deadline,
    /// Where a copy of the plain archive goes while it is unpacked.
    copy: Option<NamedTempFile>,
    pub(crate) state: Mutex<State>,
}

/// What is known of the content so far.
pub(crate) struct State {
    pub tree: Tree,
    pub links: Links,
    pub claims: Claims,
    /// The paths that the root's `.gitmodules` names.
    pub submodules: BTreeSet<RepoPath>,
    /// How the archive lies in the copy, if all that is here came from that one archive.
    pub copied: Option<Layout>,
    entries: u64,
    names: u64,
    /// Bytes of files, those included that are being written.
    pub bytes: u64,
    /// What is being written singly at the moment.
    pub writing: BTreeSet<RepoPath>,
    /// What earlier tries brought of this download.
    pub tries: Tries,
}

impl Staged {
    /// Prepare a directory from which `target` can be filled.
    ///
    /// # Errors
    /// When the target is not free, or nothing can be written there.
    pub fn new(target: &Path, settings: Settings) -> Result<Self, TargetError> {
        let of = Unfinished::new(settings.commit, &settings.subdirectory);
        let target = Target::prepare(target, of, settings.force)?;
        let state = Mutex::new(State::new(&settings, Claims::default()));
        Ok(Self { target, settings, deadline: Deadline::never(), copy: None, state })
    }

    /// Everything that is done with it stops then.
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    /// When everything that is done with it stops.
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Copies the plain archive into a file, from which it can be kept.
    pub fn with_copy(self, copy: Option<NamedTempFile>) -> Self {
        Self { copy, ..self }
    }

    pub(crate) fn take_copy(&mut self) -> Option<NamedTempFile> {
        self.copy.take()
    }

    /// The file for the copy, emptied; nothing once there is an archive.
    pub(crate) fn copy_file(&self) -> Option<File> {
        if !self.state().tree.is_empty() {
            return None;
        }
        let mut file = self.copy.as_ref()?.as_file().try_clone().ok()?;
        file.set_len(0).and_then(|()| file.rewind()).ok().map(|()| file)
    }

    /// A whole archive is here, and its copy, if it has a layout.
    pub(crate) fn unpacked(&self, copied: Option<Layout>) {
        self.state().copied = copied;
    }

    /// Could a download take this place? Asked before anything costs time.
    ///
    /// # Errors
    /// Why it could not.
    pub fn check_target(target: &Path, force: bool) -> Result<(), TargetError> {
        target::check(target, force)
    }

    /// What it is to become.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Forget all that was written, after a transfer broke off; what the forge claimed is kept.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn start_again(&self) -> Result<(), UnpackError> {
        let mut state = self.state();
        self.target.staging().clear(&self.deadline)?;
        let (claims, tries) = (std::mem::take(&mut state.claims), state.tries.again());
        *state = State { tries, ..State::new(&self.settings, claims) };
        Ok(())
    }

    /// Unpack an archive while it comes.
    ///
    /// # Errors
    /// When the transfer breaks off, the content is refused, or the disk fails. Then parts of it are here: start again, or drop it.
    pub fn unpack(
        &self,
        source: impl Read,
        format: Format,
        layout: &Layout,
        progress: &dyn Progress,
    ) -> Result<(), UnpackError> {
        match format {
            Format::GitPack => pack::unpack(self, source, progress),
            Format::Tar | Format::TarGzip => unpack::unpack(self, source, format, layout, progress),
        }
    }

    /// Remove a file, a link or a directory with all that is in it, if it is there.
    pub(crate) fn remove(&self, path: &RepoPath) -> Result<(), UnpackError> {
        self.deadline.check()?;
        let mut state = self.state();
        if state.tree.get(path).is_none() {
            return Ok(());
        }
        state.copied = None;
        state.tree.remove(path);
        let wanted = &self.settings.subdirectory;
        if let Some(below) = path.below(wanted) {
            links::remove(&mut state.links, &below);
        } else if wanted.is_in(path) {
            state.links.clear();
        }
        // The lock is held until it is gone from the disk too.
        match self.place(path) {
            // Links are written last, and directories with the first file in them: it may not be there yet.
            Some(place) => self.target.staging().remove(&place, &self.deadline),
            None => Ok(()),
        }
    }

    pub(crate) fn add_directory(&self, path: &RepoPath) -> Result<(), UnpackError> {
        let limits = &self.settings.limits;
        let mut state = self.state();
        state.count(path, 0, limits)?;
        let made = state.tree.add_directory(path).map_err(|way| in_the_way(path, way))?;
        state.count_implied(made.saturating_sub(1), limits)?;
        drop(state);
        match self.place(path) {
            Some(place) => Ok(self.target.staging().make_all(&place)?),
            None => Ok(()),
        }
    }

    pub(crate) fn add_symlink(&self, path: &RepoPath, target: Vec<u8>) -> Result<(), UnpackError> {
        links::check_target(&target).map_err(|reason| Rejected::new(path.as_bytes(), reason))?;
        let id = ObjectId::of_blob(self.settings.commit.format(), &target);
        let id = id.map_err(|collision| Rejected::new(path.as_bytes(), collision))?;
        self.add(path, Leaf::known(FileKind::Symlink, id), target.len())?;
        if let Some(below) = path.below(&self.settings.subdirectory) {
            self.state().links.insert(below, target);
        }
        Ok(())
    }

    /// A file is to come; tells where to write it, or nothing if it is not wanted.
    pub(crate) fn add_file(&self, path: &RepoPath, kind: FileKind) -> Result<Option<PathBuf>, UnpackError> {
        self.add(path, Leaf::pending(kind), 0)?;
        Ok(self.place(path))
    }

    fn add(&self, path: &RepoPath, leaf: Leaf, target: usize) -> Result<(), Rejected> {
        let limits = &self.settings.limits;
        let mut state = self.state();
        state.count(path, target, limits)?;
        let made = state.tree.add(path, leaf).map_err(|way| in_the_way(path, way))?;
        state.count_implied(made, limits)
    }

    /// All of a file's content has passed.
    pub(crate) fn complete(&self, written: &Written<RepoPath>) {
        let mut state = self.state();
        state.bytes += written.bytes;
        state.tree.complete(&written.name, written.id, written.pointer, written.bytes);
    }

    /// Where threads write, how they name it, and how long they may.
    pub(crate) fn sink(&self) -> Sink<'_> {
        Sink { directory: self.target.staging(), format: self.settings.commit.format(), deadline: &self.deadline }
    }

    /// A small file's content, which may tell more than itself.
    pub(crate) fn notice(&self, path: &RepoPath, content: &[u8]) {
        if path.as_bytes() == b".gitmodules" {
            self.state().submodules = submodules(content);
        }
    }

    /// Bytes that were taken already.
    pub(crate) fn bytes_taken(&self) -> u64 {
        self.state().bytes
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock half-way through a change that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a path lies in the staged directory; nothing if it is not wanted. The root itself is there already.
    fn place(&self, path: &RepoPath) -> Option<PathBuf> {
        let below = path.below(&self.settings.subdirectory).filter(|below| !below.is_root())?;
        Some(below.as_path().to_path_buf())
    }
}

impl State {
    fn new(settings: &Settings, claims: Claims) -> Self {
        Self {
            tree: Tree::new(settings.commit.format()),
            links: Links::new(),
            claims,
            submodules: BTreeSet::new(),
            copied: None,
            entries: 0,
            names: 0,
            bytes: 0,
            writing: BTreeSet::new(),
            tries: Tries::default(),
        }
    }

    fn count(&mut self, path: &RepoPath, target: usize, limits: &Limits) -> Result<(), Rejected> {
        self.count_implied(1, limits)?;
        if path.components().any(mark::is_taken) {
            return Err(Rejected::new(path.as_bytes(), Reason::Mark));
        }
        self.names += (path.as_bytes().len() + target) as u64;
        let bytes = path.as_bytes();
        let depth = bytes.split(|byte| *byte == b'/').count();
        for (limit, used) in [(Limit::PathLength, bytes.len()), (Limit::PathDepth, depth)] {
            if used as u64 > limits.get(limit) {
                return Err(Rejected::new(bytes, limits.reached(limit)));
            }
        }
        check(limits, Limit::ArchiveNames, self.names)
    }

    /// Directories count too that no entry is about but the paths of others: each costs as much.
    fn count_implied(&mut self, made: u64, limits: &Limits) -> Result<(), Rejected> {
        self.entries += made;
        check(limits, Limit::ArchiveEntries, self.entries)
    }
}

fn in_the_way(path: &RepoPath, way: InTheWay) -> Rejected {
    let why = match way {
        InTheWay::Same(kind) => Reason::Twice(kind),
        InTheWay::Parent(parent, kind) => Reason::Parent { parent: parent.to_string(), kind },
    };
    Rejected::new(path.as_bytes(), why)
}

/// The paths in a `.gitmodules` (gitmodules(5)). Only for a warning, so what is not understood is left out.
fn submodules(content: &[u8]) -> BTreeSet<RepoPath> {
    let paths = String::from_utf8_lossy(content);
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "path").then(|| value.trim().trim_matches('"').to_owned())
    };
    paths.lines().filter_map(value).filter_map(|path| RepoPath::parse(path).ok()).collect()
}
