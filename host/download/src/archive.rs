//! Reads a tar archive, member by member. Only what `git archive` writes is accepted.
//!
//! | header | accepted |
//! | --- | --- |
//! | regular file, directory, symbolic link | yes |
//! | pax header of one member (`x`) | `path`, `linkpath`, `size`, each once; other records are ignored |
//! | pax header of all members (`g`) | `comment`, which has to be the commit if it is one; no record that changes members |
//! | GNU long name, long link | yes, once for each member |
//! | hard link, device, named pipe, sparse or contiguous file, other types | refused |
//! | end | two zero blocks, then only zeros |
//!
//! The `tar` crate parses the headers; the loop over them is our own, because the crate's loop splits pax records at newlines (so a long
//! path that contains a newline is lost), keeps extension headers of any size in memory, and treats the end of the input as the end of the
//! archive. The format is specified in POSIX.1-2017 (pax, "Interchange Format").

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::error::{RejectReason, Rejected, UnpackError};
use forgeport_model::ObjectId;

const BLOCK: usize = 512;
/// The longest extension header that is read, in bytes; those of git hold one path and one link target.
const LONGEST_EXTENSION: u64 = 64 << 10;

/// Bytes that are read of an archive that was given up, only to distinguish damage from malice.
const LONGEST_DRAIN: u64 = 1 << 30;

/// The kind of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File { executable: bool },
    Directory,
    Symlink,
}

/// One file, link or directory of an archive. Nothing in it has been checked.
#[derive(Debug)]
pub(crate) struct Member {
    pub kind: MemberKind,
    pub path: Vec<u8>,
    pub target: Vec<u8>,
    pub size: u64,
}

/// The contents of extension headers, which describe the next member.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// The members of an archive, one after the other.
pub(crate) struct Members<R> {
    input: R,
    /// Bytes of the current member that have not been read, and the padding after them.
    body: u64,
    padding: u64,
    expected: ObjectId,
}

impl<R: Read> Members<R> {
    /// `expected` is the commit that the archive has to be of, if it says.
    pub(crate) fn new(input: R, expected: ObjectId) -> Self {
        Self { input, body: 0, padding: 0, expected }
    }

    /// The next member, or none at the archive's end, which has been read then.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, UnpackError> {
        let mut extensions = Extensions::default();
        let mut extended = false;
        loop {
            self.skip_rest()?;
            let Some(header) = self.header()? else {
                return if extended { Err(malformed("an extension header is the last").into()) } else { Ok(None) };
            };
            let size = header.entry_size().map_err(|_| malformed("a size is no number"))?;
            match header.entry_type() {
                EntryType::XGlobalHeader => {
                    let records = self.extension(size)?;
                    self.check_global(&records)?;
                }
                EntryType::XHeader => {
                    let records = self.extension(size)?;
                    local_records(&records, &mut extensions)?;
                    extended = true;
                }
                EntryType::GNULongName => {
                    set_once(&mut extensions.path, until_nul(self.extension(size)?))?;
                    extended = true;
                }
                EntryType::GNULongLink => {
                    set_once(&mut extensions.target, until_nul(self.extension(size)?))?;
                    extended = true;
                }
                _ => return self.member(&header, size, extensions).map(Some),
            }
        }
    }

    fn member(&mut self, header: &Header, size: u64, extensions: Extensions) -> Result<Member, UnpackError> {
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let size = extensions.size.unwrap_or(size);
        let refused = |what| Rejected::new(&path, RejectReason::Type(what));
        let kind = match header.entry_type() {
            EntryType::Regular => {
                let mode = header.mode().map_err(|_| malformed("a mode is no number"))?;
                MemberKind::File { executable: mode & 0o100 != 0 }
            }
            EntryType::Directory => MemberKind::Directory,
            EntryType::Symlink => MemberKind::Symlink,
            EntryType::Link => return Err(refused("hard link").into()),
            EntryType::Char => return Err(refused("character device").into()),
            EntryType::Block => return Err(refused("block device").into()),
            EntryType::Fifo => return Err(refused("named pipe").into()),
            EntryType::GNUSparse => return Err(refused("sparse file").into()),
            EntryType::Continuous => return Err(refused("contiguous file").into()),
            _ => return Err(refused("member of an unknown type").into()),
        };
        if !matches!(kind, MemberKind::File { .. }) && size != 0 {
            return Err(Rejected::new(&path, RejectReason::Malformed("something that is no file has content")).into());
        }
        self.expect(size)?;
        let target = match kind {
            MemberKind::Symlink => extensions.target.or_else(|| header.link_name_bytes().map(|name| name.into_owned())),
            _ => None,
        };
        Ok(Member { kind, path, target: target.unwrap_or_default(), size })
    }

    /// A header block, or none at the two zero blocks that end an archive.
    fn header(&mut self) -> Result<Option<Header>, UnpackError> {
        let mut header = Header::new_old();
        self.input.read_exact(header.as_mut_bytes())?;
        if is_zero(header.as_bytes()) {
            self.input.read_exact(header.as_mut_bytes())?;
            return if is_zero(header.as_bytes()) {
                Ok(None)
            } else {
                Err(malformed("a zero block stands alone").into())
            };
        }
        let bytes = header.as_bytes();
        let sum: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(Some(header)),
            _ => Err(malformed("the checksum of a header is wrong").into()),
        }
    }

    fn expect(&mut self, size: u64) -> Result<(), UnpackError> {
        let blocks = size.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| malformed("a size is out of range"))?;
        self.body = size;
        self.padding = blocks - size;
        Ok(())
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, UnpackError> {
        if size > LONGEST_EXTENSION {
            return Err(malformed("an extension header is too long").into());
        }
        self.expect(size)?;
        self.read_all()
    }

    /// All of the current member's content that has not been read.
    pub(crate) fn read_all(&mut self) -> Result<Vec<u8>, UnpackError> {
        // The capacity follows the header, so callers look at the size first.
        let mut content = Vec::with_capacity(self.body as usize);
        let read = (&mut self.input).take(self.body).read_to_end(&mut content)? as u64;
        if read < self.body {
            return Err(cut());
        }
        self.body = 0;
        Ok(content)
    }

    /// Up to `most` bytes of the current member's content; empty when all was read.
    pub(crate) fn read_some(&mut self, most: usize) -> Result<Vec<u8>, UnpackError> {
        let length = self.body.min(most as u64);
        let rest = std::mem::replace(&mut self.body, length) - length;
        let content = self.read_all()?;
        self.body = rest;
        Ok(content)
    }

    fn skip_rest(&mut self) -> Result<(), UnpackError> {
        let rest = std::mem::take(&mut self.body) + std::mem::take(&mut self.padding);
        if rest > 0 && io::copy(&mut (&mut self.input).take(rest), &mut io::sink())? < rest {
            return Err(cut());
        }
        Ok(())
    }

    /// Reads on to the end of the input, where a compressed one has its checksum. Only zeros may come.
    pub(crate) fn end(mut self) -> Result<(), UnpackError> {
        let mut block = [0; 8 << 10];
        loop {
            match self.input.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(length) if is_zero(&block[..length]) => {}
                Ok(_) => return self.drain().and(Err(malformed("there is something behind its end").into())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads on to the end of the input, whatever it contains, where a compressed one has its checksum.
    pub(crate) fn drain(mut self) -> Result<(), UnpackError> {
        io::copy(&mut (&mut self.input).take(LONGEST_DRAIN), &mut io::sink())?;
        Ok(())
    }

    /// A global header has the commit that `git archive` was given (git-archive(1)); it must not change what members are.
    fn check_global(&self, records: &[u8]) -> Result<(), Rejected> {
        for record in Records(records) {
            let (key, value) = record?;
            if key == b"comment" {
                let found = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<ObjectId>().ok());
                if let Some(found) = found.filter(|found| *found != self.expected) {
                    return Err(Rejected::archive(RejectReason::Commit { found, expected: self.expected }));
                }
            }
            if matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.") {
                return Err(malformed("a global header changes what its members are"));
            }
        }
        Ok(())
    }
}

fn local_records(records: &[u8], extensions: &mut Extensions) -> Result<(), Rejected> {
    for record in Records(records) {
        let (key, value) = record?;
        match key {
            b"path" => set_once(&mut extensions.path, value.to_vec())?,
            b"linkpath" => set_once(&mut extensions.target, value.to_vec())?,
            b"size" => {
                let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                set_once(&mut extensions.size, size.ok_or_else(|| malformed("a size is no number"))?)?;
            }
            _ if key.starts_with(b"GNU.sparse.") => return Err(Rejected::archive(RejectReason::Type("sparse file"))),
            _ => {}
        }
    }
    Ok(())
}

/// An archive whose headers disagree is rejected: readers differ in which of them they use.
fn set_once<T>(slot: &mut Option<T>, value: T) -> Result<(), Rejected> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed("two extension headers say the same of one member")),
    }
}

/// The records of a pax header: `length key=value\n`, the length in decimal and that of the whole record.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = self.split();
        if record.is_none() {
            self.0 = &[];
        }
        Some(record.ok_or_else(|| malformed("a pax record is broken")))
    }
}

impl<'a> Records<'a> {
    fn split(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let space = self.0.iter().take(8).position(|byte| *byte == b' ')?;
        let digits = &self.0[..space];
        let length: usize =
            std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?.parse().ok()?;
        let record = self.0.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        self.0 = &self.0[length..];
        Some((&record[..equals], &record[equals + 1..]))
    }
}

fn malformed(why: &'static str) -> Rejected {
    Rejected::archive(RejectReason::Malformed(why))
}

fn cut() -> UnpackError {
    UnpackError::transfer("the archive ends in the middle of a member")
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// A GNU long name ends in a NUL that does not belong to it.
fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name
}
