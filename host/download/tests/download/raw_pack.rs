//! Makes packs of raw entries, such as git would not write (gitformat-pack(5)).

use std::io::Write;

/// A pack of raw entries, with the checksum that they have.
pub struct Pack {
    pub bytes: Vec<u8>,
    pub count: u32,
}

impl Pack {
    pub fn new() -> Self {
        Self { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// Returns where it begins.
    pub fn entry(&mut self, kind: u8, size: u64, base: &[u8], zlib: &[u8]) -> u64 {
        let begin = self.bytes.len() as u64;
        let mut rest = size >> 4;
        let mut byte = kind << 4 | (size & 15) as u8;
        while rest > 0 {
            self.bytes.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        self.bytes.push(byte);
        self.bytes.extend(base);
        self.bytes.extend(zlib);
        self.count += 1;
        begin
    }

    pub fn object(&mut self, kind: u8, content: &[u8]) -> u64 {
        self.entry(kind, content.len() as u64, b"", &zlib(content))
    }

    pub fn end(mut self) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        let sum = sha1(&self.bytes);
        self.bytes.extend(sum);
        self.bytes
    }
}

pub fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn sha1(content: &[u8]) -> Vec<u8> {
    use sha1_checked::Digest;
    sha1_checked::Sha1::digest(content).to_vec()
}

pub fn name(kind: &str, content: &[u8]) -> Vec<u8> {
    sha1(&[format!("{kind} {}\0", content.len()).as_bytes(), content].concat())
}

pub fn hex(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn size(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// How far back a base lies, in the pack's own encoding.
pub fn distance(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7f) as u8];
    while value >> 7 > 0 {
        value = (value >> 7) - 1;
        bytes.push((value & 0x7f) as u8 | 0x80);
    }
    bytes.reverse();
    bytes
}

/// An instruction that copies.
pub fn copy(from: u32, length: u32) -> Vec<u8> {
    let mut bytes = vec![0xff];
    bytes.extend(from.to_le_bytes());
    bytes.extend(&length.to_le_bytes()[..3]);
    bytes
}

pub fn delta(base: u64, result: u64, instructions: &[u8]) -> Vec<u8> {
    [size(base), size(result), instructions.to_vec()].concat()
}

/// A commit of one file, whose name is told; its id.
pub fn tree_of(pack: &mut Pack, blob: &[u8]) -> String {
    let tree = [&b"100644 file\0"[..], blob].concat();
    let commit = format!("tree {}\n", hex(&name("tree", &tree)));
    pack.object(2, &tree);
    pack.object(1, commit.as_bytes());
    hex(&name("commit", commit.as_bytes()))
}
