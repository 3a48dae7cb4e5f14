//! Unpacks an archive while it arrives: one thread decompresses and parses, others write and hash.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::archive::{Member, MemberKind, Members};
use crate::error::UnpackError;
use crate::layout::{Layout, Paths};
use crate::progress::Progress;
use crate::source::{self, ArchiveCopy, ArchiveFormat};
use crate::staging::Staging;
use crate::writer::{CHUNK, FileContent, Interrupted, Job, Writers, Written};
use forgeport_model::FileKind;
use forgeport_model::RepoPath;

type Files<'scope> = Writers<'scope, RepoPath>;

/// Unpacks into the staged directory; on failure parts may be there. `copy` gets the plain archive.
pub(crate) fn unpack(
    staging: &Staging,
    source: impl Read,
    format: ArchiveFormat,
    layout: &Layout,
    copy: Option<File>,
    progress: &dyn Progress,
) -> Result<(), UnpackError> {
    let copy = ArchiveCopy::into(copy);
    let source = staging.deadline().reading(source);
    let used = staging.bytes();
    let plain = source::open(source, format, &staging.spec().limits, used, &copy)?;
    // A few packed bytes can become many: the deadline is checked on the unpacked side too.
    let plain = staging.deadline().reading(plain);
    let mut members = Members::new(plain, staging.spec().commit);
    let mut paths = Paths::new(layout);
    let done = |written: Written<RepoPath>| {
        progress.advance(written.bytes, 1);
        staging.complete(&written);
    };
    let unpacked = std::thread::scope(|scope| {
        let writers = Writers::start(scope, staging.sink(), &done)?;
        let read = read_all(staging, &mut members, &mut paths, &writers);
        writers.finish(read)
    });
    match unpacked {
        Ok(()) => {
            members.end()?;
            staging.ledger().copied = copy.is_whole().then(|| layout.clone());
            Ok(())
        }
        // An archive that was damaged in transfer may look hostile; the checksum at its end distinguishes the two.
        Err(UnpackError::Rejected(rejected)) => match members.drain() {
            Err(error @ (UnpackError::Transfer(_) | UnpackError::Stopped(_))) => Err(error),
            _ => Err(rejected.into()),
        },
        Err(error) => Err(error),
    }
}

fn read_all<R: Read>(
    staging: &Staging,
    members: &mut Members<R>,
    paths: &mut Paths,
    writers: &Files,
) -> Result<(), Interrupted> {
    while let Some(member) = members.next()? {
        if let Some(path) = paths.path_of(&member)? {
            take(staging, members, member, path, writers)?;
        }
    }
    Ok(())
}

fn take<R: Read>(
    staging: &Staging,
    members: &mut Members<R>,
    member: Member,
    path: RepoPath,
    writers: &Files,
) -> Result<(), Interrupted> {
    match member.kind {
        MemberKind::Directory => Ok(staging.add_directory(&path)?),
        MemberKind::Symlink => Ok(staging.add_symlink(&path, member.target)?),
        MemberKind::File { executable } => {
            let place = staging.add_file(&path, if executable { FileKind::Executable } else { FileKind::Regular })?;
            if member.size > CHUNK as u64 {
                return stream(members, path, place, executable, member.size, writers);
            }
            let content = members.read_all()?;
            staging.notice(&path, &content);
            writers.write(Job { name: path, place, executable, content: FileContent::Whole(content) })
        }
    }
}

fn stream<R: Read>(
    members: &mut Members<R>,
    path: RepoPath,
    place: Option<PathBuf>,
    executable: bool,
    size: u64,
    writers: &Files,
) -> Result<(), Interrupted> {
    let chunks = writers.stream(path, place, executable, size)?;
    loop {
        let chunk = members.read_some(CHUNK)?;
        if chunk.is_empty() {
            return Ok(());
        }
        chunks.send(chunk).map_err(|_| Interrupted::WritersStopped)?;
    }
}
