//! Git's wire format (gitprotocol-common(5)) as `git-upload-pack` answers a fetch in: sections of lines, and in the last of them a pack
//! in side bands (gitprotocol-v2(5), "fetch").

use std::io::{self, Read};

use crate::error::{RejectReason, Rejected, UnpackError};
use forgeport_model::escape_untrusted_short;

/// The most bytes of one line, its length included (gitprotocol-common(5), "pkt-line Format").
const LONGEST_LINE: usize = 65520;

/// The lines of an answer, one after the other.
pub(crate) struct Lines<R> {
    input: R,
    /// The content of the current one.
    pub line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its content is in the buffer.
    Data,
    /// The end of all sections.
    Flush,
    /// The end of one section.
    Delimiter,
}

/// The pack in an answer, without what it is wrapped in.
pub(crate) struct Pack<R> {
    lines: Lines<R>,
    /// The offset in the line at which the pack's bytes go on.
    at: usize,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new() }
    }

    /// Reads the next one.
    pub(crate) fn next(&mut self) -> Result<Line, UnpackError> {
        let mut digits = [0; 4];
        self.input.read_exact(&mut digits)?;
        let length = std::str::from_utf8(&digits).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        self.line.clear();
        match length.filter(|_| digits.iter().all(u8::is_ascii_hexdigit)) {
            Some(0) => Ok(Line::Flush),
            Some(1) => Ok(Line::Delimiter),
            Some(length @ 4..=LONGEST_LINE) => {
                self.line.resize(length - 4, 0);
                self.input.read_exact(&mut self.line)?;
                Ok(Line::Data)
            }
            _ => {
                let begins = escape_untrusted_short(digits);
                Err(UnpackError::NoArchive { format: "git", begins })
            }
        }
    }

    /// As [`next`](Self::next); a line that begins with `ERR` is the forge's refusal and an error.
    pub(crate) fn next_unrefused(&mut self) -> Result<Line, UnpackError> {
        match self.next()? {
            Line::Data if self.line.starts_with(b"ERR ") => Err(self.refused(4)),
            line => Ok(line),
        }
    }

    /// The forge's own words.
    fn refused(&self, from: usize) -> UnpackError {
        Rejected::archive(RejectReason::Refused(escape_untrusted_short(self.line[from..].trim_ascii()))).into()
    }
}

impl<R: Read> Pack<R> {
    /// Reads up to where the pack begins. Sections before it describe a shallow history, which is not needed.
    pub(crate) fn begin(input: R) -> Result<Self, UnpackError> {
        let mut lines = Lines::new(input);
        loop {
            match lines.next_unrefused()? {
                Line::Data if lines.line.trim_ascii_end() == b"packfile" => {
                    let at = lines.line.len();
                    return Ok(Self { lines, at, ended: false });
                }
                Line::Data | Line::Delimiter => {}
                Line::Flush => return Err(malformed("it ends before the pack begins").into()),
            }
        }
    }

    /// The next piece of the pack is put in place; other bands are for people.
    fn next_piece(&mut self) -> Result<(), UnpackError> {
        match self.lines.next()? {
            Line::Flush => self.ended = true,
            Line::Delimiter => {}
            Line::Data => match self.lines.line.first() {
                Some(1) => self.at = 1,
                Some(2) => self.at = self.lines.line.len(),
                Some(3) => return Err(self.lines.refused(1)),
                _ => return Err(malformed("a line is of no known band").into()),
            },
        }
        Ok(())
    }
}

impl<R: Read> Read for Pack<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.lines.line.len() && !self.ended {
            self.at = 0;
            self.lines.line.clear();
            self.next_piece()?;
        }
        let rest = self.lines.line.get(self.at..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

fn malformed(why: &'static str) -> Rejected {
    Rejected::archive(RejectReason::Malformed(why))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(content: &[u8]) -> Vec<u8> {
        [format!("{:04x}", content.len() + 4).as_bytes(), content].concat()
    }

    fn read(answer: &[u8]) -> Result<Vec<u8>, String> {
        let mut pack = Pack::begin(answer).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        pack.read_to_end(&mut bytes).map_err(|error| UnpackError::from(error).to_string())?;
        Ok(bytes)
    }

    #[test]
    fn the_pack_is_put_together_from_its_band() {
        let answer = [
            &line(b"shallow-info\n")[..],
            &line(b"shallow 1234"),
            b"0001",
            &line(b"packfile\n"),
            &line(b"\x01PA"),
            &line(b"\x02Counting objects"),
            &line(b"\x01CK"),
            b"0000",
        ];
        assert_eq!(read(&answer.concat()).unwrap(), b"PACK");
    }

    #[test]
    fn what_the_forge_says_against_it_is_passed_on_safely() {
        assert!(read(&line(b"ERR upload-pack: not our ref\x1b[2J\n")).unwrap_err().contains("not our ref\\u{1b}"));
        let answer = [line(b"packfile\n"), line(b"\x03out of memory\n")].concat();
        assert!(read(&answer).unwrap_err().contains("out of memory"));
    }

    #[test]
    fn what_is_cut_or_something_else_is_an_error() {
        let whole = [&line(b"packfile\n")[..], &line(b"\x01PACK"), b"0000"].concat();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        for answer in [&b"<html>"[..], b"0002", b"0003", b"fff1x", b"+004", b"0000"] {
            assert!(read(answer).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&answer);
            let _ = read(&[line(b"packfile\n"), answer].concat());
        }
    }
}
