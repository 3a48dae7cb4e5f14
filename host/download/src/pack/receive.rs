//! Receives the objects of a pack while it arrives: whole objects are expanded, deltas are kept until their bases have arrived.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use forgeport_model::Limit;

use super::damaged;
use super::objects::{Object, ObjectType, Objects, place};
use super::stream::{PackEntry, PackEntryKind, PackStream};
use crate::error::{AtPath, Rejected, UnpackError};
use crate::pktline::Pack;
use crate::source::{self, ArchiveCopy, ArchiveFormat};
use crate::staging::Staging;
use crate::writer::{CHUNK, FileContent, Interrupted, Job, Name, Writers, Written};
use forgeport_model::ObjectId;

/// The file in which the deltas are kept, expanded but not applied.
const DELTAS: &str = "deltas";

/// The base of a delta.
#[derive(Clone, Copy, Debug)]
pub(super) enum To {
    Object(u32),
    Named(ObjectId),
}

/// A delta that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptDelta {
    /// The object that it makes.
    pub object: u32,
    pub to: To,
    /// The offset of its instructions in the file, and their length in bytes.
    pub at: u64,
    pub length: u64,
}

/// All deltas of a pack.
pub(super) struct Deltas {
    pub list: Vec<KeptDelta>,
    pub file: File,
}

/// An object has a number, and no path yet.
impl Name for u32 {
    fn for_message(&self) -> Vec<u8> {
        format!("object {self} of the pack").into_bytes()
    }
}

/// Takes all objects; what is returned has the checksum that the pack ends in.
pub(super) fn receive(staging: &Staging, answer: impl Read, objects: &mut Objects) -> Result<Deltas, UnpackError> {
    let limits = &staging.spec().limits;
    let (copy, used) = (ArchiveCopy::default(), staging.bytes());
    let answer = staging.deadline().reading(answer);
    let pack = Pack::begin(source::open(answer, ArchiveFormat::GitPack, limits, used, &copy)?)?;
    let (stream, count) = PackStream::begin(BufReader::with_capacity(CHUNK, pack), objects.format())?;
    // Blobs, their trees, and the commit: a tree for each entry is more than there can be.
    if u64::from(count) > limits.get(Limit::ArchiveEntries).saturating_mul(2).saturating_add(1) {
        return Err(Rejected::archive(limits.reached(Limit::ArchiveEntries)).into());
    }
    let directory = objects.sink.directory;
    let kept = BufWriter::new(directory.create(Path::new(DELTAS), false)?);
    let written = Mutex::new(Vec::new());
    let done = |file: Written<u32>| written.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    let list = std::thread::scope(|scope| {
        let writers = Writers::start(scope, objects.sink, &done)?;
        let mut receiver =
            Receiver { stream, objects, writers: &writers, begins: Vec::new(), kept, deltas: Vec::new(), at: 0 };
        let received = receiver.all(count);
        let list = std::mem::take(&mut receiver.deltas);
        let ended = received.and_then(|()| Ok(receiver.end()?));
        writers.finish(ended).map(|()| list)
    })?;
    for Written { name, id, pointer, bytes } in written.into_inner().unwrap_or_else(PoisonError::into_inner) {
        objects.complete(name, Object { kind: ObjectType::Blob, id, size: bytes, pointer });
    }
    Ok(Deltas { list, file: directory.read(Path::new(DELTAS))? })
}

struct Receiver<'r, 'o, 'scope, R> {
    stream: PackStream<R>,
    objects: &'r mut Objects<'o>,
    writers: &'r Writers<'scope, u32>,
    /// The offset of each entry in the pack.
    begins: Vec<u64>,
    deltas: Vec<KeptDelta>,
    kept: BufWriter<File>,
    /// Bytes of deltas that were kept.
    at: u64,
}

impl<R: std::io::BufRead> Receiver<'_, '_, '_, R> {
    fn all(&mut self, count: u32) -> Result<(), Interrupted> {
        for _ in 0..count {
            self.objects.sink.deadline.check()?;
            let begin = self.stream.passed();
            let entry = self.stream.entry()?;
            let number = self.objects.push();
            self.objects.budget.check_room(entry.size)?;
            match entry.kind {
                PackEntryKind::Blob => self.blob(number, entry.size)?,
                PackEntryKind::Commit => self.hold(number, ObjectType::Commit, entry)?,
                PackEntryKind::Tree => self.hold(number, ObjectType::Tree, entry)?,
                PackEntryKind::Tag => self.hold(number, ObjectType::Tag, entry)?,
                PackEntryKind::DeltaOf(id) => self.delta(number, To::Named(id))?,
                PackEntryKind::DeltaTo(distance) => {
                    let base = begin.checked_sub(distance).and_then(|base| self.begins.binary_search(&base).ok());
                    let base = base.ok_or_else(|| damaged("a delta is to no object"))?;
                    self.delta(number, To::Object(base as u32))?;
                }
            }
            self.begins.push(begin);
        }
        Ok(())
    }

    /// The next bytes of the current entry.
    fn read(&mut self, most: usize) -> Result<Vec<u8>, UnpackError> {
        let content = self.stream.read(most)?;
        self.objects.budget.came(self.stream.passed());
        self.objects.budget.pass(content.len() as u64)?;
        Ok(content)
    }

    fn blob(&mut self, number: u32, size: u64) -> Result<(), Interrupted> {
        let place = Some(place(number));
        if size <= CHUNK as u64 {
            let content = FileContent::Whole(self.read(CHUNK)?);
            return self.writers.write(Job { name: number, place, executable: false, content });
        }
        let chunks = self.writers.stream(number, place, false, size)?;
        while self.stream.left() > 0 {
            let chunk = self.read(CHUNK)?;
            chunks.send(chunk).map_err(|_| Interrupted::WritersStopped)?;
        }
        Ok(())
    }

    fn hold(&mut self, number: u32, kind: ObjectType, entry: PackEntry) -> Result<(), UnpackError> {
        self.objects.check_held(entry.size)?;
        let content = self.read(entry.size as usize)?;
        self.objects.hold(number, kind, content)
    }

    fn delta(&mut self, object: u32, to: To) -> Result<(), UnpackError> {
        let at = self.at;
        loop {
            let instructions = self.read(CHUNK)?;
            self.at += instructions.len() as u64;
            let written = self.kept.write_all(&instructions);
            written.at("write", &self.objects.sink.directory.path().join(DELTAS))?;
            if self.stream.left() == 0 {
                break;
            }
        }
        self.deltas.push(KeptDelta { object, to, at, length: self.at - at });
        Ok(())
    }

    fn end(mut self) -> Result<(), UnpackError> {
        self.kept.flush().at("write", &self.objects.sink.directory.path().join(DELTAS))?;
        self.stream.end()
    }
}
