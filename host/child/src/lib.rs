//! Work on untrusted input, in a separate process: too much memory, endless computing or a crash end that process and no other.
//!
//! [`Child::start`] is the only function that starts one: this same program again, which [`serve`] makes a child of at the very
//! beginning of `main`. It gets bytes and answers bytes over one socket, and has no access to anything else: no key and no store (its environment is
//! empty, no descriptor is inherited, no file can be opened), no network (no socket can be made), and no other process (none can be
//! started, traced or sent a signal). Memory, computing time and time are bounded; it dies with its parent.
//!
//! | bound | by what | where |
//! | --- | --- | --- |
//! | memory, computing time, writing of files, cores | `setrlimit` | every Unix; macOS does not enforce the memory |
//! | files, network, processes | a seccomp filter with the few calls of the system that remain; without it no child serves | Linux on x86-64, ARM64, RISC-V |
//! | dies with its parent | `PR_SET_PDEATHSIG` besides the end of the socket | Linux |
//!
//! A child starts, answers and is gone in 1.3 ms; a further question to the same one takes 0.02 ms, or 0.4 ms with 1 MiB both ways
//! (medians of a debug build on two busy cores).
//!
//! A program makes itself a child before it does anything else, and asks one later:
//!
//! ```no_run
//! use forgeport_child::{Bounds, Program, ask, serve};
//! use std::time::Duration;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! serve(&[("count", |bytes| bytes.len().to_le_bytes().to_vec())]);
//! let minute = Duration::from_secs(60);
//! let bounds = Bounds { memory: 1 << 30, computing: minute, time: minute, answer: 8 };
//! let answer = ask(&Program::this()?, "count", &bounds, b"four").await?;
//! # assert_eq!(answer, 4u64.to_le_bytes()); Ok(()) }
//! ```
//!
//! What the child answers is data of a stranger as much as what it was asked about: who takes the program over there answers as it
//! likes. See what the caller makes of it.

mod confine;
mod error;
mod parent;
mod serve;

pub use error::ChildError;
pub use parent::{Child, Program, ask};
pub use serve::{Job, serve};

use std::time::Duration;

/// How far a child may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of address space: everything that is in memory, and what is reserved.
    pub memory: u64,
    /// The CPU time of all its threads together, in whole seconds.
    pub computing: Duration,
    /// From its start to its answer.
    pub time: Duration,
    /// Bytes of an answer.
    pub answer: u64,
}
