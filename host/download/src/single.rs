//! Files that come singly, several at the same time.

use std::io::{Read, Write};
use std::path::Path;

use forgeport_model::Limit;

use crate::error::{At, Reason, Rejected, UnpackError};
use crate::limits::check;
use crate::staged::Staged;
use crate::tree::Found;
use crate::writer::{self, Written};
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, Hasher, ObjectId};

/// A file that is being written, and its bytes, which are counted for as long as it is.
struct Writing<'a> {
    staged: &'a Staged,
    path: &'a RepoPath,
    bytes: u64,
}

impl Staged {
    /// Write one file or link, in the place of what may be there.
    ///
    /// # Errors
    /// As for [`unpack`](Self::unpack).
    pub fn write(&self, path: &RepoPath, kind: FileKind, source: &mut dyn Read) -> Result<(), UnpackError> {
        let writing = self.begin(path)?;
        match kind {
            FileKind::Regular | FileKind::Executable => self.write_file(writing, kind, source),
            FileKind::Symlink => {
                let mut target = Vec::new();
                // A longer one is refused by its length; all of it would be held in memory.
                source.take(8 << 10).read_to_end(&mut target)?;
                self.remove(path)?;
                self.state().copied = None;
                self.add_symlink(path, target)
            }
            FileKind::Tree | FileKind::Submodule => Err(Rejected::new(path.as_bytes(), Reason::Kind(kind)).into()),
        }
    }

    /// Files may be written at the same time, but not in each other's place: one's content could be taken for the other's.
    fn begin<'a>(&'a self, path: &'a RepoPath) -> Result<Writing<'a>, Rejected> {
        let mut state = self.state();
        if state.writing.iter().any(|other| other.is_in(path) || path.is_in(other)) {
            return Err(Rejected::new(path.as_bytes(), Reason::Twice(FileKind::Regular)));
        }
        // All that is in a directory is given up by a listing that does not have it, and not by the way.
        if let Some(Found::Directory { .. }) = state.tree.get(path) {
            return Err(Rejected::new(path.as_bytes(), Reason::Twice(FileKind::Tree)));
        }
        state.writing.insert(path.clone());
        Ok(Writing { staged: self, path, bytes: 0 })
    }

    fn write_file(&self, mut writing: Writing, kind: FileKind, source: &mut dyn Read) -> Result<(), UnpackError> {
        let path = writing.path;
        self.remove(path)?;
        let Some(place) = self.add_file(path, kind)? else { return Ok(()) };
        self.state().copied = None;
        let staging = self.target.staging();
        let mut file = staging.create(&place, kind == FileKind::Executable)?;
        let mut buffer = vec![0; 64 << 10];
        let mut source = self.deadline().reading(source);
        loop {
            let length = source.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            writing.add(length as u64)?;
            file.write_all(&buffer[..length]).at("write", &staging.path().join(&place))?;
        }
        let bytes = writing.bytes;
        let (id, pointer) = self.hash(path, &place, bytes)?;
        self.complete(&Written { name: path.clone(), id, pointer, bytes });
        Ok(())
    }

    /// Git hashes the length first, which is known only now.
    fn hash(&self, path: &RepoPath, place: &Path, bytes: u64) -> Result<(ObjectId, bool), UnpackError> {
        let staging = self.target.staging();
        let mut file = self.deadline().reading(staging.read(place)?);
        let mut hasher = Hasher::blob(self.settings().commit.format(), bytes);
        let mut buffer = vec![0; 64 << 10];
        let mut pointer = false;
        loop {
            let read = file.read(&mut buffer);
            let length = read.map_err(|error| UnpackError::at(error, "read", &staging.path().join(place)))?;
            if length == 0 {
                let id = hasher.finish().map_err(|collision| Rejected::new(path.as_bytes(), collision))?;
                return Ok((id, pointer));
            }
            pointer = length as u64 == bytes && writer::is_pointer(&buffer[..length]);
            hasher.update(&buffer[..length]);
        }
    }
}

impl Writing<'_> {
    fn add(&mut self, more: u64) -> Result<(), Rejected> {
        let limits = &self.staged.settings().limits;
        let mut state = self.staged.state();
        state.bytes += more;
        self.bytes += more;
        check(limits, Limit::ArchiveBytes, state.bytes)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.staged.state();
        state.bytes -= self.bytes;
        state.writing.remove(self.path);
    }
}
