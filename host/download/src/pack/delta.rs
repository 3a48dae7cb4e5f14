//! Deltas: an object as a sequence of pieces of another object, its base, and literal bytes (gitformat-pack(5), "Deltified representation").

use std::fs::File;
use std::io::BufRead;
use std::rc::Rc;

use super::malformed;
use crate::deadline::Deadline;
use crate::error::UnpackError;
use forgeport_platform::handle::read_exact_at;

/// Bytes that are copied at once from an object on the disk.
const PIECE: usize = 16 << 10;

/// The content of a base.
pub(super) enum Base {
    Held(Rc<Vec<u8>>),
    /// On the disk, of so many bytes.
    Stored(File, u64),
}

impl Base {
    fn size(&self) -> u64 {
        match self {
            Self::Held(content) => content.len() as u64,
            Self::Stored(_, size) => *size,
        }
    }

    /// The range has been checked.
    fn copy(
        &self,
        from: u64,
        length: u64,
        out: &mut dyn FnMut(&[u8]) -> Result<(), UnpackError>,
    ) -> Result<(), UnpackError> {
        match self {
            Self::Held(content) => out(&content[from as usize..(from + length) as usize]),
            Self::Stored(file, _) => {
                let mut piece = [0; PIECE];
                let mut copied = 0;
                while copied < length {
                    let some = (length - copied).min(PIECE as u64) as usize;
                    read_exact_at(file, &mut piece[..some], from + copied)?;
                    out(&piece[..some])?;
                    copied += some as u64;
                }
                Ok(())
            }
        }
    }
}

/// A delta whose beginning has been read.
pub(super) struct Delta<R> {
    instructions: R,
    /// Bytes of the object that it makes.
    pub(super) size: u64,
    base: u64,
}

impl<R: BufRead> Delta<R> {
    pub(super) fn begin(mut instructions: R) -> Result<Self, UnpackError> {
        let base = size(&mut instructions)?;
        let size = size(&mut instructions)?;
        Ok(Self { instructions, size, base })
    }

    /// Makes the object, piece by piece.
    pub(super) fn apply(
        mut self,
        base: &Base,
        deadline: &Deadline,
        out: &mut dyn FnMut(&[u8]) -> Result<(), UnpackError>,
    ) -> Result<(), UnpackError> {
        if self.base != base.size() {
            return Err(malformed("a delta is to an object of another size").into());
        }
        let mut left = self.size;
        let mut steps = 0_u32;
        while let Some(instruction) = self.next()? {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(1024) {
                deadline.check()?;
            }
            let take =
                |length: u64| left.checked_sub(length).ok_or_else(|| malformed("a delta makes more than it says"));
            left = match instruction {
                Instruction::Copy { from, length } => {
                    let rest = take(length)?;
                    if from.checked_add(length).is_none_or(|end| end > self.base) {
                        return Err(malformed("a delta copies what is not there").into());
                    }
                    base.copy(from, length, out)?;
                    rest
                }
                Instruction::Insert(length) => {
                    let rest = take(u64::from(length))?;
                    let mut bytes = [0; 127];
                    let bytes = &mut bytes[..usize::from(length)];
                    self.instructions.read_exact(bytes).map_err(|_| cut())?;
                    out(bytes)?;
                    rest
                }
            };
        }
        match left {
            0 => Ok(()),
            _ => Err(malformed("a delta makes less than it says").into()),
        }
    }

    /// The next instruction; none at the end.
    fn next(&mut self) -> Result<Option<Instruction>, UnpackError> {
        if self.instructions.fill_buf()?.is_empty() {
            return Ok(None);
        }
        match byte(&mut self.instructions)? {
            0 => Err(malformed("a delta has an unknown instruction").into()),
            length @ 1..=127 => Ok(Some(Instruction::Insert(length))),
            bits => {
                let mut field = |present: u8, bytes: u8| {
                    (0..bytes).try_fold(0, |value, at| match bits & present << at {
                        0 => Ok(value),
                        _ => byte(&mut self.instructions).map(|byte| value | u64::from(byte) << (8 * at)),
                    })
                };
                let from = field(0x01, 4)?;
                let length = field(0x10, 3)?;
                Ok(Some(Instruction::Copy { from, length: if length == 0 { 0x10000 } else { length } }))
            }
        }
    }
}

enum Instruction {
    Copy { from: u64, length: u64 },
    Insert(u8),
}

/// Little end first, seven bits to a byte.
fn size(input: &mut impl BufRead) -> Result<u64, UnpackError> {
    let mut size = 0;
    for shift in (0..63).step_by(7) {
        let byte = byte(input)?;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(size);
        }
    }
    Err(malformed("a delta has a size out of range").into())
}

fn byte(input: &mut impl BufRead) -> Result<u8, UnpackError> {
    let mut byte = [0];
    input.read_exact(&mut byte).map_err(|_| cut())?;
    Ok(byte[0])
}

fn cut() -> UnpackError {
    malformed("a delta ends in the middle of an instruction").into()
}
