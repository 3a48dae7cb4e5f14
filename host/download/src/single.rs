//! Files that are fetched one by one, several at the same time.

use std::io::{Read, Write};
use std::path::Path;

use forgeport_model::{FileKind, Hasher, Limit, ObjectId, RepoPath};

use crate::error::{AtPath, RejectReason, Rejected, UnpackError};
use crate::limits::check;
use crate::staging::Staging;
use crate::writer::{self, Written};

/// Bytes that are read or written at once.
const BUFFER: usize = 64 << 10;
/// Bytes of a link's target that are read. A longer one than can be is refused by its length; all of it would be held in memory.
const LONGEST_TARGET: u64 = 8 << 10;

/// A file that is being written, and its bytes, which are counted for as long as it is.
struct OpenFile<'a> {
    staging: &'a Staging,
    path: &'a RepoPath,
    bytes: u64,
}

/// Writes one file or link, in the place of what may be there.
///
/// # Errors
/// When the content is refused, or the disk fails.
pub(crate) fn write(
    staging: &Staging,
    path: &RepoPath,
    kind: FileKind,
    source: &mut dyn Read,
) -> Result<(), UnpackError> {
    staging.ledger().begin_file(path)?;
    let open = OpenFile { staging, path, bytes: 0 };
    match kind {
        FileKind::Regular | FileKind::Executable => write_file(open, kind, source),
        FileKind::Symlink => {
            let mut target = Vec::new();
            source.take(LONGEST_TARGET).read_to_end(&mut target)?;
            staging.remove(path)?;
            staging.ledger().copied = None;
            staging.add_symlink(path, target)
        }
        FileKind::Tree | FileKind::Submodule => {
            Err(Rejected::new(path.as_bytes(), RejectReason::FileKind(kind)).into())
        }
    }
}

fn write_file(mut open: OpenFile, kind: FileKind, source: &mut dyn Read) -> Result<(), UnpackError> {
    let OpenFile { staging, path, .. } = open;
    staging.remove(path)?;
    let Some(place) = staging.add_file(path, kind)? else { return Ok(()) };
    staging.ledger().copied = None;
    let directory = staging.directory();
    let mut file = directory.create(&place, kind == FileKind::Executable)?;
    let mut buffer = vec![0; BUFFER];
    let mut source = staging.deadline().reading(source);
    loop {
        let length = source.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        open.count(length as u64)?;
        file.write_all(&buffer[..length]).at("write", &directory.path().join(&place))?;
    }
    let bytes = open.bytes;
    let (id, pointer) = hash(staging, path, &place, bytes)?;
    staging.complete(&Written { name: path.clone(), id, pointer, bytes });
    Ok(())
}

/// Git hashes the length first, which is known only now.
fn hash(staging: &Staging, path: &RepoPath, place: &Path, bytes: u64) -> Result<(ObjectId, bool), UnpackError> {
    let directory = staging.directory();
    let mut file = staging.deadline().reading(directory.read(place)?);
    let mut hasher = Hasher::blob(staging.format(), bytes);
    let mut buffer = vec![0; BUFFER];
    let mut pointer = false;
    loop {
        let read = file.read(&mut buffer);
        let length = read.map_err(|error| UnpackError::at(error, "read", &directory.path().join(place)))?;
        if length == 0 {
            let id = hasher.finish().map_err(|collision| Rejected::new(path.as_bytes(), collision))?;
            return Ok((id, pointer));
        }
        pointer = length as u64 == bytes && writer::is_pointer(&buffer[..length]);
        hasher.update(&buffer[..length]);
    }
}

impl OpenFile<'_> {
    fn count(&mut self, more: u64) -> Result<(), Rejected> {
        let mut ledger = self.staging.ledger();
        ledger.bytes += more;
        self.bytes += more;
        check(&self.staging.spec().limits, Limit::ArchiveBytes, ledger.bytes)
    }
}

impl Drop for OpenFile<'_> {
    fn drop(&mut self) {
        let mut ledger = self.staging.ledger();
        ledger.bytes -= self.bytes;
        ledger.writing.remove(self.path);
    }
}
