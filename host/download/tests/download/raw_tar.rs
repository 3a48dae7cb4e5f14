//! Makes tar archives of raw blocks, such as no library would write.

use std::io::Write;

/// A header block with its fields as they are given, and a right checksum.
#[derive(Clone)]
pub struct Block([u8; 512]);

impl Block {
    pub fn new(name: &[u8], kind: u8, size: &[u8]) -> Block {
        let mut block = Block([0; 512]);
        block.put(0, name).put(100, b"0000644\0").put(124, size).put(156, &[kind]).put(257, b"ustar\x0000").sum()
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Block {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub fn sum(&mut self) -> Block {
        self.put(148, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.clone()
    }
}

/// An archive of raw members.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    pub fn block(mut self, block: &Block, content: &[u8]) -> Tar {
        self.0.extend(block.0);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn member(self, name: &str, kind: u8, link: &str, content: &[u8]) -> Tar {
        let mut block = Block::new(name.as_bytes(), kind, format!("{:011o}\0", content.len()).as_bytes());
        let block = block.put(157, link.as_bytes()).sum();
        self.block(&block, content)
    }

    pub fn file(self, name: &str) -> Tar {
        self.member(name, b'0', "", b"x")
    }

    pub fn pax(self, kind: u8, records: &[u8]) -> Tar {
        self.member("pax", kind, "", records)
    }

    /// With one well-formed record.
    pub fn with(self, key: &str, value: &[u8]) -> Tar {
        self.pax(b'x', &record(key, value))
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..).find(|digits| (rest + digits).to_string().len() == *digits).unwrap() + rest;
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn tar() -> Tar {
    Tar::default()
}
