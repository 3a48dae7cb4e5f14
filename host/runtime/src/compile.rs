//! Compiles components in a child process, within bounds of memory and time, a few at a time. A hostile component of 1.4 MB can take
//! gigabytes and minutes to compile; this process has no compiler.
//!
//! A built-in provider takes about a second to compile in a debug build, of which starting the child is a thousandth, so these take the
//! same way as all others. What is in the cache needs no child.
//!
//! What is trusted: a child has nothing that could be taken. But its answer is machine code that this process runs, with all that this
//! process has, and the engine believes it, as it would if it were compiled here. A component that takes the compiler over, by a defect
//! in Cranelift, gets out of the sandbox by it; the child keeps it from other components' code only, as each child compiles one, and its
//! answer is kept under that component's digest. The same holds for a defect by which the compiler makes wrong code. Both end when calls
//! run in a child too.

use crate::{engine, error::LoadError};
use forgeport_child::{Bounds, Job, Program, ask};
use std::{num::NonZero, thread::available_parallelism, time::Duration};
use tokio::sync::Semaphore;

/// The name of the job, and the work.
pub(crate) const JOB: Job = ("compile", work);

/// A provider in Python of 22 MB (componentize-py) or in JavaScript of 15 MB (StarlingMonkey) is compiled within 512 MiB of address
/// space and 25 s of computing, by a debug build; the code of the latter has 38 MB.
const BOUNDS: Bounds =
    Bounds { memory: 2 << 30, computing: Duration::from_secs(120), time: Duration::from_secs(300), answer: 192 << 20 };

/// Components that are compiled at the same time; others wait. Each may take as much memory as the bounds say.
const AT_ONCE: usize = 2;

/// Threads that compile one component.
const THREADS: usize = 4;

/// The last byte of an answer, after code and after words.
const COMPILED: u8 = 0;
const REFUSED: u8 = 1;

/// The place and bounds of compiling.
#[derive(Clone, Debug)]
pub struct CompilerSettings {
    /// The program of the child: it calls [`serve_as_child`](crate::serve_as_child) at its beginning.
    pub program: Program,
    /// How far one compilation may go.
    pub bounds: Bounds,
}

impl CompilerSettings {
    /// With the usual bounds.
    #[must_use]
    pub fn by(program: Program) -> CompilerSettings {
        CompilerSettings { program, bounds: BOUNDS }
    }
}

pub(crate) struct Compiler {
    settings: CompilerSettings,
    pub(crate) slots: Semaphore,
}

impl Compiler {
    pub(crate) fn new(settings: CompilerSettings) -> Compiler {
        Compiler { settings, slots: Semaphore::new(AT_ONCE) }
    }

    /// Machine code, for the engine to read.
    pub(crate) async fn compile(&self, component: &[u8]) -> Result<Vec<u8>, LoadError> {
        let CompilerSettings { program, bounds } = &self.settings;
        let mut answer = ask(program, JOB.0, bounds, component).await?;
        match answer.pop() {
            Some(COMPILED) => Ok(answer),
            _ => Err(LoadError::NoComponent(wasmtime::Error::msg(words(&answer)))),
        }
    }
}

/// In the child.
fn work(component: &[u8]) -> Vec<u8> {
    let threads = available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(wasmtime::Error::new);
    let compiled = pool.and_then(|()| engine::compiling()).and_then(|engine| engine.precompile_component(component));
    let (mut answer, tag) = match compiled {
        Ok(code) => (code, COMPILED),
        Err(error) => (format!("{error:#}").into_bytes(), REFUSED),
    };
    answer.push(tag);
    answer
}

/// What it says of a stranger's component, on one line.
fn words(answer: &[u8]) -> String {
    const MOST: usize = 1000;
    let text = String::from_utf8_lossy(&answer[..answer.len().min(MOST)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().flat_map(char::escape_debug).collect()
}
