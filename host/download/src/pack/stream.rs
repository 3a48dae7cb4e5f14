//! The byte stream of a pack: its header, its entries one after the other, and the checksum at its end.

use std::io::BufRead;

use flate2::{Decompress, FlushDecompress, Status};

use super::damaged;
use crate::error::UnpackError;
use forgeport_model::{Hasher, ObjectFormat, ObjectId};

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackEntryKind {
    Commit,
    Tree,
    Blob,
    Tag,
    /// The difference to the object that begins so many bytes before it.
    DeltaTo(u64),
    /// The difference to the object of this name.
    DeltaOf(ObjectId),
}

/// The beginning of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackEntry {
    pub kind: PackEntryKind,
    /// Bytes that come out of it.
    pub size: u64,
}

/// A pack that is being read.
pub(super) struct PackStream<R> {
    input: R,
    format: ObjectFormat,
    checksum: Hasher,
    passed: u64,
    inflater: Decompress,
    /// Bytes that are still to come out of the current entry, and whether its end has been seen.
    left: u64,
    ended: bool,
}

impl<R: BufRead> PackStream<R> {
    /// Reads the header; returns how many entries follow.
    pub(super) fn begin(input: R, format: ObjectFormat) -> Result<(Self, u32), UnpackError> {
        let checksum = Hasher::checksum(format);
        let inflater = Decompress::new(true);
        let mut stream = Self { input, format, checksum, passed: 0, inflater, left: 0, ended: true };
        let mut header = [0; 12];
        stream.fill(&mut header)?;
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, count @ ..] = header else {
            return Err(damaged("it does not begin as one"));
        };
        Ok((stream, u32::from_be_bytes(count)))
    }

    /// Bytes of the pack that were read.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// The beginning of the next entry; the one before has to be read whole.
    pub(super) fn entry(&mut self) -> Result<PackEntry, UnpackError> {
        let first = self.byte()?;
        let mut size = u64::from(first & 0x0f);
        let (mut more, mut shift) = (first & 0x80 != 0, 4);
        while more {
            let byte = self.byte()?;
            if shift > 56 {
                return Err(damaged("a size is out of range"));
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        let kind = match first >> 4 & 7 {
            1 => PackEntryKind::Commit,
            2 => PackEntryKind::Tree,
            3 => PackEntryKind::Blob,
            4 => PackEntryKind::Tag,
            6 => PackEntryKind::DeltaTo(self.distance()?),
            7 => PackEntryKind::DeltaOf(self.id()?),
            _ => return Err(damaged("an object is of no known kind")),
        };
        self.inflater.reset(true);
        (self.left, self.ended) = (size, false);
        Ok(PackEntry { kind, size })
    }

    /// In its own encoding, in which each longer form goes on where the shorter ends.
    fn distance(&mut self) -> Result<u64, UnpackError> {
        let mut byte = self.byte()?;
        let mut distance = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            if distance >> 56 != 0 {
                return Err(damaged("a distance is out of range"));
            }
            byte = self.byte()?;
            distance = (distance + 1) << 7 | u64::from(byte & 0x7f);
        }
        Ok(distance)
    }

    fn id(&mut self) -> Result<ObjectId, UnpackError> {
        let mut raw = [0; 32];
        let raw = &mut raw[..self.format.length()];
        self.fill(raw)?;
        ObjectId::from_bytes(raw).ok_or_else(|| damaged("a name has no right length"))
    }

    /// Bytes that are still to come out of the current entry.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next bytes of the current entry, as many as are left of it and not more than `most`. With the last of them its end is seen,
    /// also where there are none.
    pub(super) fn read(&mut self, most: usize) -> Result<Vec<u8>, UnpackError> {
        let length = usize::try_from(self.left).unwrap_or(most).min(most);
        let mut content = vec![0; length];
        let mut filled = 0;
        while filled < length {
            if self.ended {
                return Err(damaged("an object is shorter than it says"));
            }
            filled += self.inflate(&mut content[filled..])?;
        }
        self.left -= length as u64;
        if self.left == 0 && !self.ended {
            let more = self.inflate(&mut [0])?;
            if more > 0 || !self.ended {
                return Err(damaged("an object is longer than it says"));
            }
        }
        Ok(content)
    }

    /// Some bytes, or none at the end of the entry.
    fn inflate(&mut self, out: &mut [u8]) -> Result<usize, UnpackError> {
        loop {
            let input = self.input.fill_buf()?;
            let before = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(input, out, FlushDecompress::None);
            let status = status.map_err(|_| damaged("an object cannot be inflated"))?;
            let consumed = (self.inflater.total_in() - before.0) as usize;
            let produced = (self.inflater.total_out() - before.1) as usize;
            self.checksum.update(&input[..consumed]);
            self.input.consume(consumed);
            self.passed += consumed as u64;
            self.ended = status == Status::StreamEnd;
            if produced > 0 || self.ended {
                return Ok(produced);
            }
            if consumed == 0 {
                return Err(cut());
            }
        }
    }

    /// Reads the checksum, after which the answer has to end.
    pub(super) fn end(mut self) -> Result<(), UnpackError> {
        let computed = std::mem::replace(&mut self.checksum, Hasher::checksum(self.format)).finish();
        let told = self.id()?;
        if computed.ok() != Some(told) {
            return Err(damaged("its checksum is wrong"));
        }
        if self.input.fill_buf()?.is_empty() { Ok(()) } else { Err(damaged("there is something behind its end")) }
    }

    fn byte(&mut self) -> Result<u8, UnpackError> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        Ok(byte[0])
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), UnpackError> {
        let mut filled = 0;
        while filled < out.len() {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return Err(cut());
            }
            let length = input.len().min(out.len() - filled);
            out[filled..filled + length].copy_from_slice(&input[..length]);
            self.checksum.update(&input[..length]);
            self.input.consume(length);
            self.passed += length as u64;
            filled += length;
        }
        Ok(())
    }
}

fn cut() -> UnpackError {
    UnpackError::transfer("the pack ends before its end")
}
