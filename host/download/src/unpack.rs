//! Unpacks an archive while it comes: one thread gunzips and parses, others write and hash.

use std::io::Read;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::archive::{Member, MemberKind, Members};
use crate::error::{Reason, Rejected, UnpackError};
use crate::source::{self, Copied, Format};
use crate::staged::{Progress, Staged};
use crate::writer::{CHUNK, Content, Interrupted, Job, Writers, Written};
use forgeport_model::FileKind;
use forgeport_model::RepoPath;

type Files<'scope> = Writers<'scope, RepoPath>;

/// How the paths of an archive become paths of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How many leading names of each path are not the repository's: 1 where there is a root folder.
    pub strip: usize,
    /// The directory of the repository that the rest of the path starts from.
    pub base: RepoPath,
}

/// Unpack into the staged directory; on failure parts may be there.
pub(crate) fn unpack(
    staged: &Staged,
    source: impl Read,
    format: Format,
    layout: &Layout,
    progress: &dyn Progress,
) -> Result<(), UnpackError> {
    let copy = Copied::into(staged.copy_file());
    let source = staged.deadline().reading(source);
    let plain = source::open(source, format, &staged.settings().limits, staged.bytes_taken(), &copy)?;
    // Gunzip makes much of little: what comes out of it asks too.
    let plain = staged.deadline().reading(plain);
    let mut members = Members::new(plain, staged.settings().commit);
    let mut places = Places { layout, folder: None };
    let done = |written: Written<RepoPath>| {
        progress.advance(written.bytes, 1);
        staged.complete(&written);
    };
    let unpacked = std::thread::scope(|scope| {
        let writers = Writers::start(scope, staged.sink(), &done)?;
        let read = read_all(staged, &mut members, &mut places, &writers);
        writers.finish(read)
    });
    match unpacked {
        Ok(()) => {
            members.end()?;
            staged.unpacked(copy.is_whole().then(|| layout.clone()));
            Ok(())
        }
        // What was damaged on its way may look hostile; the checksum at the end tells the two apart.
        Err(UnpackError::Rejected(rejected)) => match members.drain() {
            Err(error @ (UnpackError::Transfer(_) | UnpackError::Stopped(_))) => Err(error),
            _ => Err(rejected.into()),
        },
        Err(error) => Err(error),
    }
}

fn read_all<R: Read>(
    staged: &Staged,
    members: &mut Members<R>,
    places: &mut Places,
    writers: &Files,
) -> Result<(), Interrupted> {
    while let Some(member) = members.next()? {
        if let Some(path) = places.place(&member)? {
            take(staged, members, member, path, writers)?;
        }
    }
    Ok(())
}

fn take<R: Read>(
    staged: &Staged,
    members: &mut Members<R>,
    member: Member,
    path: RepoPath,
    writers: &Files,
) -> Result<(), Interrupted> {
    match member.kind {
        MemberKind::Directory => Ok(staged.add_directory(&path)?),
        MemberKind::Symlink => Ok(staged.add_symlink(&path, member.target)?),
        MemberKind::File { executable } => {
            let place = staged.add_file(&path, if executable { FileKind::Executable } else { FileKind::Regular })?;
            if member.size > CHUNK as u64 {
                return stream(members, path, place, executable, member.size, writers);
            }
            let content = members.read_all()?;
            staged.notice(&path, &content);
            writers.write(Job { name: path, place, executable, content: Content::Whole(content) })
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

/// Turns the paths of members into those of the repository.
struct Places<'a> {
    layout: &'a Layout,
    /// The names that are left out in front, once they are known: they are the same for all members.
    folder: Option<Vec<u8>>,
}

impl Places<'_> {
    /// Nothing for what stands above the repository's root.
    fn place(&mut self, member: &Member) -> Result<Option<RepoPath>, Rejected> {
        let rejected = |why: Reason| Rejected::new(&member.path, why);
        let raw = match member.kind {
            MemberKind::Directory => member.path.strip_suffix(b"/").unwrap_or(&member.path),
            _ => &member.path,
        };
        let path = RepoPath::parse(raw).map_err(|error| rejected(error.into()))?;
        let names: Vec<&[u8]> = path.components().collect();
        if names.is_empty() {
            return Err(rejected(Reason::Malformed("a path is empty")));
        }
        let (front, rest) = names.split_at(self.layout.strip.min(names.len()));
        let full = front.len() == self.layout.strip;
        if !full && member.kind != MemberKind::Directory {
            return Err(rejected(Reason::Root));
        }
        if full {
            let front = front.join(&b'/');
            match &self.folder {
                Some(folder) if *folder != front => return Err(rejected(Reason::Root)),
                Some(_) => {}
                None => self.folder = Some(front),
            }
        }
        if rest.is_empty() {
            return if member.kind == MemberKind::Directory { Ok(None) } else { Err(rejected(Reason::Root)) };
        }
        let rest = RepoPath::parse(rest.join(&b'/')).map_err(|error| rejected(error.into()))?;
        self.layout.base.join(&rest).map(Some).map_err(|error| rejected(error.into()))
    }
}
