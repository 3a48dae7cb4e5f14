//! The parent's side: starts a child, sends it a request, and finds out why it did not answer.

use crate::{Bounds, ChildError, serve};
use forgeport_platform::{process::own_program, resource::COMPUTING_SIGNAL};
use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream as Pair, process::ExitStatusExt},
    },
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child as Process, Command},
    time::timeout,
};

/// Bytes of what a child says on standard error that are looked at.
const WORDS: u64 = 4 << 10;

/// How long a child that closed its socket may take to be gone; the system frees what it had meanwhile.
const ENDING: Duration = Duration::from_secs(10);

/// The program that is started as a child: one that calls [`serve`](crate::serve) at its beginning.
#[derive(Clone, Debug)]
pub struct Program(PathBuf);

impl Program {
    /// The one that runs.
    ///
    /// # Errors
    /// When the system does not tell which it is.
    pub fn this() -> io::Result<Program> {
        own_program().map(Program)
    }

    /// The one at a path.
    pub fn at(path: impl Into<PathBuf>) -> Program {
        Program(path.into())
    }
}

/// A process that does one kind of job. It is killed when it is dropped.
#[derive(Debug)]
pub struct Child {
    process: Process,
    socket: UnixStream,
    bounds: Bounds,
}

impl Child {
    /// Starts one. It is killed too when the thread that started it ends, so no thread may start it that ends before the answer.
    ///
    /// # Errors
    /// When the system does not start it.
    pub fn start(program: &Program, job: &str, bounds: &Bounds) -> io::Result<Child> {
        let (ours, its) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        let process = Command::new(&program.0)
            .arg0("forgeport")
            .args(serve::arguments(job, bounds))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(its)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Child { process, socket: UnixStream::from_std(ours)?, bounds: *bounds })
    }

    /// The answer to one request.
    ///
    /// # Errors
    /// When there is none within the bounds. The child is of no use any more then.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, ChildError> {
        match timeout(self.bounds.time, self.exchange(request)).await {
            Err(_) => Err(ChildError::Time(self.bounds.time)),
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.why().await),
        }
    }

    /// The outer error is one of the socket.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<Result<Vec<u8>, ChildError>> {
        self.socket.write_all(&(request.len() as u64).to_le_bytes()).await?;
        self.socket.write_all(request).await?;
        let (found, most) = (self.socket.read_u64_le().await?, self.bounds.answer);
        if found > most {
            return Ok(Err(ChildError::Answer { found, most }));
        }
        let mut answer = Vec::new();
        let is_whole = (&mut self.socket).take(found).read_to_end(&mut answer).await? as u64 == found;
        if is_whole { Ok(Ok(answer)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    async fn why(&mut self) -> ChildError {
        let status = match timeout(ENDING, self.process.wait()).await {
            Ok(Ok(status)) => status,
            _ => return ChildError::Failed("it closed its socket, and did not end".into()),
        };
        let mut words = Vec::new();
        if let Some(error) = self.process.stderr.take() {
            // As much as has come is reported; there may be none.
            let _ = error.take(WORDS).read_to_end(&mut words).await;
        }
        reason(status, &String::from_utf8_lossy(&words), &self.bounds)
    }
}

/// Starts a child for one question.
///
/// # Errors
/// When there is no answer within the bounds.
pub async fn ask(program: &Program, job: &str, bounds: &Bounds, request: &[u8]) -> Result<Vec<u8>, ChildError> {
    Child::start(program, job, bounds).map_err(ChildError::Start)?.ask(request).await
}

/// The standard library has no error for memory that the system does not give: it says so, and aborts.
fn reason(status: ExitStatus, words: &str, bounds: &Bounds) -> ChildError {
    if status.signal() == Some(COMPUTING_SIGNAL) {
        return ChildError::Computing(bounds.computing);
    }
    if words.contains("memory allocation of") {
        return ChildError::Memory(bounds.memory);
    }
    // A stranger's words: on one line, and without what steers a terminal.
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().flat_map(char::escape_debug).collect();
    ChildError::Failed(if words.is_empty() { status.to_string() } else { format!("{status}: {words}") })
}
