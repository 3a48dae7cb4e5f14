//! Writes files and computes their ids, on separate threads, while the archive is read.
//!
//! A small file is passed on as one buffer, a large one as a stream of chunks. The queues are bounded to 16 MiB together, so memory does not
//! grow with the archive.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use crate::deadline::Deadline;
use crate::directory::Directory;
use crate::error::{AtPath, DiskError, Rejected, UnpackError};
use forgeport_model::RepoPath;
use forgeport_model::{Collision, Hasher, ObjectFormat, ObjectId};

/// Files up to this size travel as one buffer, larger ones in chunks of it, in bytes.
pub(crate) const CHUNK: usize = 128 << 10;
/// Files that wait to be written.
const WAITING: usize = 64;
/// Chunks of each large file that wait to be written.
const WAITING_CHUNKS: usize = 2;
/// One hashes and writes while the other waits for the file system.
const THREADS: usize = 2;

/// The line that a git-lfs pointer begins with, and the most bytes that one has (git-lfs, docs/spec.md).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const LONGEST_POINTER: usize = 1024;

/// True if this is a pointer of git-lfs, in place of the content.
pub(crate) fn is_pointer(content: &[u8]) -> bool {
    content.len() <= LONGEST_POINTER && content.starts_with(POINTER)
}

/// The name of a file at its source.
pub(crate) trait Name: Send {
    /// How a message calls it.
    fn for_message(&self) -> Vec<u8>;
}

impl Name for RepoPath {
    fn for_message(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

/// A file on its way.
pub(crate) struct Job<N> {
    pub name: N,
    /// Its path below the directory; none if only its id is wanted.
    pub place: Option<PathBuf>,
    pub executable: bool,
    pub content: FileContent,
}

pub(crate) enum FileContent {
    Whole(Vec<u8>),
    /// As many bytes as announced, or fewer if the transfer broke off.
    Stream(u64, Receiver<Vec<u8>>),
}

/// A file whose content has passed.
pub(crate) struct Written<N> {
    pub name: N,
    pub id: ObjectId,
    pub pointer: bool,
    pub bytes: u64,
}

/// The place and mode of writing.
#[derive(Clone, Copy)]
pub(crate) struct Sink<'a> {
    pub directory: &'a Directory,
    pub format: ObjectFormat,
    pub deadline: &'a Deadline,
}

/// The queue to the threads that write.
pub(crate) struct Writers<'scope, N> {
    queue: SyncSender<Job<N>>,
    threads: Vec<std::thread::ScopedJoinHandle<'scope, Result<(), UnpackError>>>,
}

/// Why no more is handed over to the threads.
pub(crate) enum Interrupted {
    By(UnpackError),
    /// They have stopped; [`Writers::finish`] returns the reason.
    WritersStopped,
}

impl<E: Into<UnpackError>> From<E> for Interrupted {
    fn from(error: E) -> Self {
        Self::By(error.into())
    }
}

impl<'scope, N: Name + 'scope> Writers<'scope, N> {
    /// `done` is called for each file whose content has passed. One thread is enough, where the system gives no more.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        sink: Sink<'scope>,
        done: &'scope (impl Fn(Written<N>) + Sync),
    ) -> Result<Self, DiskError> {
        let (queue, jobs) = sync_channel(WAITING);
        let jobs = std::sync::Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let jobs = jobs.clone();
            match Builder::new().spawn_scoped(scope, move || work(&jobs, sink, done)) {
                Ok(thread) => threads.push(thread),
                Err(_) if !threads.is_empty() => break,
                Err(error) => {
                    return Err(DiskError::new("start a thread that writes to", sink.directory.path(), error));
                }
            }
        }
        Ok(Self { queue, threads })
    }

    pub(crate) fn write(&self, job: Job<N>) -> Result<(), Interrupted> {
        self.queue.send(job).map_err(|_| Interrupted::WritersStopped)
    }

    /// Announces a large file; its chunks go into what is returned.
    pub(crate) fn stream(
        &self,
        name: N,
        place: Option<PathBuf>,
        executable: bool,
        size: u64,
    ) -> Result<SyncSender<Vec<u8>>, Interrupted> {
        let (chunks, content) = sync_channel(WAITING_CHUNKS);
        self.write(Job { name, place, executable, content: FileContent::Stream(size, content) })?;
        Ok(chunks)
    }

    /// Waits until all is written that was handed over; `read` is how that ended.
    pub(crate) fn finish(self, read: Result<(), Interrupted>) -> Result<(), UnpackError> {
        drop(self.queue);
        let mut result = Ok(());
        for thread in self.threads {
            // A panic of a thread is passed on, not hidden.
            let ended = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(ended);
        }
        // What stopped the threads is the cause, what stopped the reader then only follows from it.
        match read {
            Err(Interrupted::By(error)) => result.and(Err(error)),
            Ok(()) | Err(Interrupted::WritersStopped) => result,
        }
    }
}

fn work<N: Name>(
    jobs: &Mutex<Receiver<Job<N>>>,
    sink: Sink,
    done: &(impl Fn(Written<N>) + Sync),
) -> Result<(), UnpackError> {
    loop {
        // The lock is poisoned only if the other thread panicked, and then its panic is what counts.
        let job = jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok(job) = job else { return Ok(()) };
        if let Some(written) = write(job, sink)? {
            done(written);
        }
    }
}

/// Returns none for a stream that broke off.
fn write<N: Name>(job: Job<N>, sink: Sink) -> Result<Option<Written<N>>, UnpackError> {
    let Sink { directory, format, deadline } = sink;
    let Job { name, place, executable, content } = job;
    let mut file = place.as_ref().map(|place| directory.create(place, executable)).transpose()?;
    let mut put = |bytes: &[u8]| match (&mut file, &place) {
        (Some(file), Some(place)) => file.write_all(bytes).at("write", &directory.path().join(place)),
        _ => Ok(()),
    };
    let collided = |collision: Collision| Rejected::new(&name.for_message(), collision);
    deadline.check()?;
    let (id, pointer, bytes) = match content {
        FileContent::Whole(content) => {
            put(&content)?;
            let id = ObjectId::of_blob(format, &content).map_err(collided)?;
            (id, is_pointer(&content), content.len() as u64)
        }
        FileContent::Stream(size, chunks) => {
            let mut hasher = Hasher::blob(format, size);
            let mut passed = 0;
            for chunk in chunks {
                deadline.check()?;
                hasher.update(&chunk);
                put(&chunk)?;
                passed += chunk.len() as u64;
            }
            if passed < size {
                return Ok(None);
            }
            (hasher.finish().map_err(collided)?, false, size)
        }
    };
    Ok(Some(Written { name, id, pointer, bytes }))
}
