//! Standard output and error of a component: its log, a line at a time.

use crate::{bindings::log::Level, log::ProviderLog};
use bytes::Bytes;
use std::sync::Arc;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// Bytes that may be written at once; WASI's streams take about as many everywhere.
const AT_ONCE: usize = 64 << 10;

/// Bytes after which a line is cut.
const LINE: usize = 4 << 10;

/// Where everything that is written becomes messages of one level.
pub(super) struct Output {
    pub(super) log: Arc<ProviderLog>,
    pub(super) level: Level,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    // Only WASI 0.3 would take this one.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { log: self.log.clone(), level: self.level, line: Vec::new() })
    }
}

struct Lines {
    log: Arc<ProviderLog>,
    level: Level,
    line: Vec<u8>,
}

impl Lines {
    fn end_line(&mut self) {
        self.log.write(self.level, &String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n').flat_map(|line| line.chunks(LINE)) {
            self.line.extend_from_slice(piece.strip_suffix(b"\n").unwrap_or(piece));
            if piece.ends_with(b"\n") || self.line.len() >= LINE {
                self.end_line();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}
