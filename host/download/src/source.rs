//! The byte stream of an archive: counted, decompressed, and kept within the limits.
//!
//! | format | begins with | unpacked |
//! | --- | --- | --- |
//! | tar | a header block with a checksum in octal digits | the same |
//! | gzip | `1f 8b` (RFC 1952) | a tar archive |
//! | git | four hexadecimal digits, the length of the first line (gitprotocol-common(5)) | the same |
//!
//! Any other beginning is not an archive. So a web page with status 200 is distinguished from an archive that was damaged in transfer.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use forgeport_model::Limits;

use crate::error::UnpackError;
use crate::limits::Budget;
use forgeport_model::escape_untrusted_short;

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A plain tar archive.
    Tar,
    /// A tar archive in gzip (RFC 1952), of one member or several.
    TarGzip,
    /// The response of `git-upload-pack` to a fetch of the commit (gitprotocol-v2(5)).
    GitPack,
}

const BUFFER: usize = 128 << 10;

/// The unpacked bytes of `source`, within the limits; they are copied into `copy` too.
pub(crate) fn open<'a>(
    source: impl Read + 'a,
    format: ArchiveFormat,
    limits: &Limits,
    used: u64,
    copy: &'a ArchiveCopy,
) -> Result<impl Read + 'a, UnpackError> {
    let packed = Rc::new(Cell::new(0));
    let mut input = BufReader::with_capacity(BUFFER, Counted { source, count: packed.clone() });
    check_beginning(input.fill_buf()?, format)?;
    let plain: Box<dyn Read + 'a> = match format {
        ArchiveFormat::Tar | ArchiveFormat::GitPack => Box::new(input),
        ArchiveFormat::TarGzip => Box::new(MultiGzDecoder::new(input)),
    };
    let limited = Limited { source: plain, packed, budget: Budget::new(limits, used) };
    Ok(BufReader::with_capacity(BUFFER, Tee { source: limited, copy }))
}

fn check_beginning(begins: &[u8], format: ArchiveFormat) -> Result<(), UnpackError> {
    let (name, right) = match format {
        ArchiveFormat::GitPack => ("git", begins.iter().take(4).all(u8::is_ascii_hexdigit)),
        ArchiveFormat::TarGzip => ("gzip", begins.starts_with(&[0x1f, 0x8b]) || begins == [0x1f]),
        // The checksum of a tar header starts with digits or spaces; text of another kind rarely has 512 bytes that agree.
        ArchiveFormat::Tar => {
            ("tar", begins.len() < 512 || begins[148..154].iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ' | 0)))
        }
    };
    if right || begins.is_empty() {
        return Ok(());
    }
    Err(UnpackError::NoArchive { format: name, begins: escape_untrusted_short(&begins[..begins.len().min(40)]) })
}

/// A file that gets a copy of what passes. That it cannot be written is no reason to fail: the copy is given up.
#[derive(Debug, Default)]
pub(crate) struct ArchiveCopy(RefCell<Option<File>>);

impl ArchiveCopy {
    pub(crate) fn into(file: Option<File>) -> Self {
        Self(RefCell::new(file))
    }

    /// True if all that passed is in the file.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.borrow().is_some()
    }

    fn write(&self, bytes: &[u8]) {
        let mut file = self.0.borrow_mut();
        if file.as_mut().is_some_and(|file| file.write_all(bytes).is_err()) {
            *file = None;
        }
    }
}

struct Tee<'a, R> {
    source: R,
    copy: &'a ArchiveCopy,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.copy.write(&buffer[..length]);
        Ok(length)
    }
}

struct Counted<R> {
    source: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.count.set(self.count.get() + length as u64);
        Ok(length)
    }
}

/// Lets no more pass than the limits allow.
struct Limited<R> {
    source: R,
    packed: Rc<Cell<u64>>,
    budget: Budget,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.budget.came(self.packed.get());
        self.budget.pass(length as u64).map_err(UnpackError::from)?;
        Ok(length)
    }
}
