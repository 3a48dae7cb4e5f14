//! The errors of a child: why it gave no answer.

use std::{io, time::Duration};
use thiserror::Error;

/// Why a child gave no answer.
#[derive(Debug, Error)]
pub enum ChildError {
    /// The system did not start one.
    #[error(
        "a process of its own for this does not start: {0}; may this user start one more (ulimit -u), and is /proc mounted?"
    )]
    Start(io::Error),
    /// The bound of its memory.
    #[error("it took more than {} MiB of memory", .0 >> 20)]
    Memory(u64),
    /// The bound of its computing time.
    #[error("it computed for more than {} s", .0.as_secs())]
    Computing(Duration),
    /// The bound of its time.
    #[error("it took longer than {} s", .0.as_secs())]
    Time(Duration),
    /// The bound of its answer.
    #[error("it made {found} bytes, and {most} are the most")]
    Answer {
        /// As many as it said.
        found: u64,
        /// As many as may be.
        most: u64,
    },
    /// It ended without an answer.
    #[error("the process for this failed: {0}")]
    Failed(String),
}
