//! The objects of a pack: files on the disk, the rest in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::rc::Rc;

use forgeport_model::{Limit, Limits};

use super::delta::{Base, Delta};
use crate::directory::Directory;
use crate::error::{AtPath, Rejected, UnpackError};
use crate::limits::Budget;
use crate::staging::Staging;
use crate::writer::{CHUNK, Sink, is_pointer};
use forgeport_model::{Hasher, ObjectFormat, ObjectId};

/// Bytes of an entry of a tree besides its name: mode, separators, and the longest id.
const ENTRY: u64 = 40;
/// Up to this size a base on the disk is read whole, in bytes. Above, only the copied parts of it are.
const READ_WHOLE: u64 = 64 << 10;

/// A known object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectType {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl ObjectType {
    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

/// An object that has been expanded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub kind: ObjectType,
    pub id: ObjectId,
    pub size: u64,
    /// True if it is a pointer to content that lies elsewhere (git-lfs).
    pub pointer: bool,
}

/// All objects of a pack, by their numbers in it.
pub(super) struct Objects<'a> {
    pub sink: Sink<'a>,
    pub budget: Budget,
    limits: &'a Limits,
    /// None for those that are not expanded yet.
    list: Vec<Option<Object>>,
    /// The first of each name. One that comes again makes no difference.
    numbers: HashMap<ObjectId, u32>,
    /// Objects that are not files.
    held: HashMap<u32, Rc<Vec<u8>>>,
    held_bytes: u64,
}

impl<'a> Objects<'a> {
    pub(super) fn new(staging: &'a Staging, scratch: &'a Directory) -> Self {
        let limits = &staging.spec().limits;
        Self {
            sink: Sink { directory: scratch, ..staging.sink() },
            budget: Budget::new(limits, staging.bytes()),
            limits,
            list: Vec::new(),
            numbers: HashMap::new(),
            held: HashMap::new(),
            held_bytes: 0,
        }
    }

    pub(super) fn format(&self) -> ObjectFormat {
        self.sink.format
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Adds one that is not expanded yet; returns its number.
    pub(super) fn push(&mut self) -> u32 {
        self.list.push(None);
        // The header tells how many there are, in 32 bits.
        (self.list.len() - 1) as u32
    }

    pub(super) fn get(&self, number: u32) -> Option<&Object> {
        self.list.get(number as usize)?.as_ref()
    }

    pub(super) fn find(&self, id: &ObjectId) -> Option<(u32, &Object)> {
        let number = *self.numbers.get(id)?;
        Some((number, self.get(number)?))
    }

    /// True if it is the first of its name.
    pub(super) fn is_first(&self, number: u32, object: &Object) -> bool {
        self.numbers.get(&object.id) == Some(&number)
    }

    pub(super) fn complete(&mut self, number: u32, object: Object) {
        self.numbers.entry(object.id).or_insert(number);
        if let Some(slot) = self.list.get_mut(number as usize) {
            *slot = Some(object);
        }
    }

    /// Checks that there is room for something that is kept in memory. The trees of a commit have no more bytes than its names and so much for each.
    pub(super) fn check_held(&self, size: u64) -> Result<(), Rejected> {
        let (entries, names) = (self.limits.get(Limit::ArchiveEntries), self.limits.get(Limit::ArchiveNames));
        if self.held_bytes.saturating_add(size) > entries.saturating_mul(ENTRY).saturating_add(names) {
            return Err(Rejected::archive(self.limits.reached(Limit::ArchiveNames)));
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, number: u32, kind: ObjectType, content: Vec<u8>) -> Result<(), UnpackError> {
        let size = content.len() as u64;
        let mut hasher = Hasher::object(self.format(), kind.word(), size);
        hasher.update(&content);
        let id = hasher.finish().map_err(Rejected::archive)?;
        self.held_bytes += size;
        self.held.insert(number, Rc::new(content));
        self.complete(number, Object { kind, id, size, pointer: false });
        Ok(())
    }

    /// The content of what is no file.
    pub(super) fn held(&self, number: u32) -> Option<Rc<Vec<u8>>> {
        self.held.get(&number).cloned()
    }

    /// The content of an object, as the base of deltas.
    pub(super) fn base(&self, number: u32, object: &Object) -> Result<Base, UnpackError> {
        if let Some(held) = self.held(number) {
            return Ok(Base::Held(held));
        }
        let mut file = self.sink.directory.read(&place(number))?;
        if object.size > READ_WHOLE {
            return Ok(Base::Stored(file, object.size));
        }
        let mut content = Vec::with_capacity(object.size as usize);
        file.read_to_end(&mut content).at("read", &self.sink.directory.path().join(place(number)))?;
        Ok(Base::Held(Rc::new(content)))
    }

    /// Makes an object out of another one.
    pub(super) fn expand<R: std::io::BufRead>(
        &mut self,
        number: u32,
        kind: ObjectType,
        base: &Base,
        delta: Delta<R>,
    ) -> Result<(), UnpackError> {
        let size = delta.size;
        self.budget.check_room(size)?;
        if kind != ObjectType::Blob {
            self.check_held(size)?;
            let (mut content, budget) = (Vec::new(), &mut self.budget);
            delta.apply(base, self.sink.deadline, &mut |bytes| {
                budget.pass(bytes.len() as u64)?;
                content.extend_from_slice(bytes);
                Ok(())
            })?;
            return self.hold(number, kind, content);
        }
        let (mut output, budget) = (Output::create(self.sink, number, size)?, &mut self.budget);
        delta.apply(base, self.sink.deadline, &mut |bytes| {
            budget.pass(bytes.len() as u64)?;
            output.put(bytes)
        })?;
        let object = output.end()?;
        self.complete(number, object);
        Ok(())
    }
}

/// How the file of an object is called.
pub(super) fn place(number: u32) -> PathBuf {
    number.to_string().into()
}

/// A file that is made out of small pieces.
struct Output<'a> {
    sink: Sink<'a>,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    buffer: Vec<u8>,
    size: u64,
}

impl<'a> Output<'a> {
    fn create(sink: Sink<'a>, number: u32, size: u64) -> Result<Self, UnpackError> {
        let path = place(number);
        let file = sink.directory.create(&path, false)?;
        Ok(Self { sink, path, file, hasher: Hasher::blob(sink.format, size), buffer: Vec::new(), size })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.sink.deadline.check()?;
            self.flush()?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), UnpackError> {
        self.hasher.update(&self.buffer);
        let written = self.file.write_all(&self.buffer);
        Ok(written.at("write", &self.sink.directory.path().join(&self.path))?)
    }

    fn end(mut self) -> Result<Object, UnpackError> {
        self.flush()?;
        let pointer = self.buffer.len() as u64 == self.size && is_pointer(&self.buffer);
        let id = self.hasher.finish().map_err(Rejected::archive)?;
        Ok(Object { kind: ObjectType::Blob, id, size: self.size, pointer })
    }
}
