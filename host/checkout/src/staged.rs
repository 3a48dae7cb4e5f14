//! A download while it is being written: content goes into a directory that nobody sees, and every object is hashed on its way.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::claims::Claims;
use crate::error::{At, DiskError, Reason, Rejected, TargetError, UnpackError};
use crate::limits::Limits;
use crate::links::{self, Links};
use crate::object::{Hasher, Kind, ObjectId};
use crate::pack;
use crate::paths::RepoPath;
use crate::source::Format;
use crate::target::{self, Target};
use crate::tree::{Found, InTheWay, Leaf, Tree};
use crate::unpack::{self, Layout};
use crate::writer::{self, Written};

/// What a download is to become.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The commit, in full.
    pub commit: ObjectId,
    /// The directory of the repository that is wanted; its content lies directly in the target then.
    pub subdirectory: RepoPath,
    /// Replace what is in the target.
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
    settings: Settings,
    /// Where a copy of the plain archive goes while it is unpacked.
    copy: Option<NamedTempFile>,
    state: Mutex<State>,
}

/// What is known of the content so far.
pub(crate) struct State {
    pub tree: Tree,
    pub links: Links,
    pub claims: Claims,
    /// The paths that the root's `.gitmodules` names.
    pub submodules: Vec<RepoPath>,
    /// How the archive lies in the copy, if all that is here came from that one archive.
    pub copied: Option<Layout>,
    entries: u64,
    names: u64,
    bytes: u64,
}

impl Staged {
    /// Prepare a directory beside `target`.
    ///
    /// # Errors
    /// When the target is not free, or nothing can be written beside it.
    pub fn new(target: &Path, settings: Settings) -> Result<Self, TargetError> {
        let target = Target::prepare(target, settings.force)?;
        let state = Mutex::new(State::new(&settings, Claims::default()));
        Ok(Self { target, settings, copy: None, state })
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
    pub fn start_again(&self) -> Result<(), DiskError> {
        let mut state = self.state();
        self.target.clear()?;
        let claims = std::mem::take(&mut state.claims);
        *state = State::new(&self.settings, claims);
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

    /// Write one file or link, in the place of what may be there.
    ///
    /// # Errors
    /// As for [`unpack`](Self::unpack).
    pub fn write(&self, path: &RepoPath, kind: Kind, source: &mut dyn Read) -> Result<(), UnpackError> {
        match kind {
            Kind::Regular | Kind::Executable => self.write_file(path, kind, source),
            Kind::Symlink => {
                let mut target = Vec::new();
                // A longer one is refused by its length; all of it would be held in memory.
                source.take(8 << 10).read_to_end(&mut target)?;
                self.remove(path)?;
                self.state().copied = None;
                self.add_symlink(path, target)
            }
            Kind::Tree | Kind::Submodule => Err(Rejected::new(path.as_bytes(), Reason::Kind(kind)).into()),
        }
    }

    fn write_file(&self, path: &RepoPath, kind: Kind, source: &mut dyn Read) -> Result<(), UnpackError> {
        self.remove(path)?;
        let Some(place) = self.add_file(path, kind)? else { return Ok(()) };
        self.state().copied = None;
        let mut file = writer::create(&place, kind == Kind::Executable)?;
        let mut buffer = vec![0; 64 << 10];
        let mut bytes = 0;
        loop {
            let length = source.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            bytes += length as u64;
            self.take(bytes)?;
            file.write_all(&buffer[..length]).at("write", &place)?;
        }
        let (id, pointer) = self.hash(&place, bytes)?;
        let mut state = self.state();
        state.bytes += bytes;
        state.tree.complete(path, id, pointer, bytes);
        Ok(())
    }

    /// Git hashes the length first, which is known only now.
    fn hash(&self, place: &Path, bytes: u64) -> Result<(ObjectId, bool), DiskError> {
        let mut file = File::open(place).at("read", place)?;
        let mut hasher = Hasher::blob(self.settings.commit.format(), bytes);
        let mut buffer = vec![0; 64 << 10];
        let mut pointer = false;
        loop {
            let length = file.read(&mut buffer).at("read", place)?;
            if length == 0 {
                return Ok((hasher.finish(), pointer));
            }
            pointer = length as u64 == bytes && writer::is_pointer(&buffer[..length]);
            hasher.update(&buffer[..length]);
        }
    }

    /// Remove a file, a link or a directory with all that is in it, if it is there.
    pub(crate) fn remove(&self, path: &RepoPath) -> Result<(), DiskError> {
        let mut state = self.state();
        let Some(found) = state.tree.get(path) else { return Ok(()) };
        state.copied = None;
        state.tree.remove(path);
        state.links.retain(|link, _| !self.settings.subdirectory.join(link).is_ok_and(|link| link.is_in(path)));
        let Some(place) = self.place(path) else { return Ok(()) };
        let removed = match found {
            Found::Directory { .. } => fs::remove_dir_all(&place),
            Found::Leaf(_) => fs::remove_file(&place),
        };
        match removed {
            // Links are written last, and directories with the first file in them.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::new("remove", &place, error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn add_directory(&self, path: &RepoPath) -> Result<(), UnpackError> {
        let mut state = self.state();
        state.count(path, 0, &self.settings.limits)?;
        state.tree.add_directory(path).map_err(|way| in_the_way(path, way))?;
        drop(state);
        match self.place(path) {
            Some(place) => Ok(fs::create_dir_all(&place).at("create", &place)?),
            None => Ok(()),
        }
    }

    pub(crate) fn add_symlink(&self, path: &RepoPath, target: Vec<u8>) -> Result<(), UnpackError> {
        links::check_target(&target).map_err(|reason| Rejected::new(path.as_bytes(), reason))?;
        let leaf = Leaf::known(Kind::Symlink, ObjectId::of_blob(self.settings.commit.format(), &target));
        let mut state = self.state();
        state.count(path, target.len(), &self.settings.limits)?;
        state.tree.add(path, leaf).map_err(|way| in_the_way(path, way))?;
        if let Some(below) = path.below(&self.settings.subdirectory) {
            state.links.insert(below, target);
        }
        Ok(())
    }

    /// A file is to come; tells where to write it, or nothing if it is not wanted.
    pub(crate) fn add_file(&self, path: &RepoPath, kind: Kind) -> Result<Option<PathBuf>, UnpackError> {
        let mut state = self.state();
        state.count(path, 0, &self.settings.limits)?;
        state.tree.add(path, Leaf::pending(kind)).map_err(|way| in_the_way(path, way))?;
        Ok(self.place(path))
    }

    /// All of a file's content has passed.
    pub(crate) fn complete(&self, written: &Written) {
        let mut state = self.state();
        state.bytes += written.bytes;
        state.tree.complete(&written.path, written.id, written.pointer, written.bytes);
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

    pub(crate) fn take(&self, more: u64) -> Result<(), Rejected> {
        let value = self.settings.limits.bytes;
        match self.bytes_taken().saturating_add(more) > value {
            true => Err(Rejected::archive(Reason::Limit { name: "archive_bytes", value, what: "bytes" })),
            false => Ok(()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock half-way through a change that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a path lies on the disk; nothing if it is not wanted. The root itself is there already.
    fn place(&self, path: &RepoPath) -> Option<PathBuf> {
        let below = path.below(&self.settings.subdirectory).filter(|below| !below.is_root())?;
        Some(self.target.staging().join(below.as_path()))
    }
}

impl State {
    fn new(settings: &Settings, claims: Claims) -> Self {
        Self {
            tree: Tree::new(settings.commit.format()),
            links: Links::new(),
            claims,
            submodules: Vec::new(),
            copied: None,
            entries: 0,
            names: 0,
            bytes: 0,
        }
    }

    fn count(&mut self, path: &RepoPath, target: usize, limits: &Limits) -> Result<(), Rejected> {
        self.entries += 1;
        self.names += (path.as_bytes().len() + target) as u64;
        let limit = |name, value, what| Err(Rejected::archive(Reason::Limit { name, value, what }));
        if self.entries > limits.entries {
            return limit("archive_entries", limits.entries, "files, links and directories");
        }
        let of_path = |name, value, what| Err(Rejected::new(path.as_bytes(), Reason::Limit { name, value, what }));
        if path.as_bytes().len() as u64 > limits.path_length {
            return of_path("path_length", limits.path_length, "bytes in the path");
        }
        if path.as_bytes().split(|byte| *byte == b'/').count() as u64 > limits.path_depth {
            return of_path("path_depth", limits.path_depth, "names in the path");
        }
        if self.names > limits.names {
            return limit("archive_names", limits.names, "bytes of names");
        }
        Ok(())
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
fn submodules(content: &[u8]) -> Vec<RepoPath> {
    let paths = String::from_utf8_lossy(content);
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "path").then(|| value.trim().trim_matches('"').to_owned())
    };
    paths.lines().filter_map(value).filter_map(|path| RepoPath::parse(path).ok()).collect()
}
