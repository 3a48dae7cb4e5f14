//! Computes objects from deltas: each once, after its base, in any order in the pack and with chains of any length.

use std::fs::File;
use std::io::{self, BufReader, Read};

use super::delta::Delta;
use super::malformed;
use super::objects::Objects;
use super::receive::{Deltas, KeptDelta, To};
use crate::error::UnpackError;
use forgeport_model::ObjectId;
use forgeport_platform::handle::read_at;

/// The longest piece of a delta that is read at once, in bytes.
const BUFFER: u64 = 64 << 10;

/// Makes all of them.
pub(super) fn resolve(objects: &mut Objects, deltas: Deltas) -> Result<(), UnpackError> {
    let Deltas { list, file } = deltas;
    let waiting = Waiting::new(&list);
    let mut left = list.len();
    // All whose content is known and which nobody has been told by yet.
    let mut ready: Vec<u32> = (0..objects.count() as u32).filter(|number| objects.get(*number).is_some()).collect();
    while let Some(number) = ready.pop() {
        let Some(object) = objects.get(number).copied() else { continue };
        let (by_number, by_name) = (waiting.on_number(number), waiting.on_name(&object.id));
        // The same content may come many times; who waits for it waits for the first.
        let by_name = if objects.is_first(number, &object) { by_name } else { &[] };
        if by_number.is_empty() && by_name.is_empty() {
            continue;
        }
        let base = objects.base(number, &object)?;
        let numbers = by_number.iter().map(|(_, delta)| *delta).chain(by_name.iter().map(|(_, delta)| *delta));
        for delta in numbers.map(|delta| &list[delta]) {
            objects.sink.deadline.check()?;
            let instructions = Delta::begin(instructions(&file, delta))?;
            objects.expand(delta.object, object.kind, &base, instructions)?;
            ready.push(delta.object);
            left -= 1;
        }
    }
    match left {
        0 => Ok(()),
        _ => Err(malformed("a delta is to an object that is not in the pack").into()),
    }
}

/// Deltas, ordered by what they wait for.
struct Waiting {
    on_number: Vec<(u32, usize)>,
    on_name: Vec<(ObjectId, usize)>,
}

impl Waiting {
    fn new(list: &[KeptDelta]) -> Self {
        let (mut on_number, mut on_name) = (Vec::new(), Vec::new());
        for (delta, kept) in list.iter().enumerate() {
            match kept.to {
                To::Object(number) => on_number.push((number, delta)),
                To::Named(id) => on_name.push((id, delta)),
            }
        }
        on_number.sort_unstable();
        on_name.sort_unstable();
        Self { on_number, on_name }
    }

    fn on_number(&self, number: u32) -> &[(u32, usize)] {
        equal(&self.on_number, &number)
    }

    fn on_name(&self, id: &ObjectId) -> &[(ObjectId, usize)] {
        equal(&self.on_name, id)
    }
}

fn equal<'a, K: Ord>(ordered: &'a [(K, usize)], key: &K) -> &'a [(K, usize)] {
    let start = ordered.partition_point(|(other, _)| other < key);
    let length = ordered[start..].partition_point(|(other, _)| other == key);
    &ordered[start..start + length]
}

fn instructions<'a>(file: &'a File, delta: &KeptDelta) -> BufReader<Section<'a>> {
    let buffer = delta.length.clamp(1, BUFFER) as usize;
    BufReader::with_capacity(buffer, Section { file, at: delta.at, left: delta.length })
}

/// A part of a file.
struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let length = read_at(self.file, &mut buffer[..most], self.at)?;
        self.at += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}
