//! Writes files and computes their ids, on threads of its own, while the archive is read.
//!
//! A small file travels as one buffer, a large one as a stream of chunks. The queues are bounded, so memory does not grow with the archive.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use crate::error::{At, DiskError};
use crate::object::{Hasher, ObjectFormat, ObjectId};
use crate::paths::RepoPath;

/// Files up to this size travel as one buffer, larger ones in chunks of it, in bytes.
pub(crate) const CHUNK: usize = 256 << 10;
/// Small files that wait to be written.
const WAITING: usize = 64;
/// Chunks of one large file that wait to be written.
const WAITING_CHUNKS: usize = 8;
/// One hashes and writes while the other waits for the file system.
const THREADS: usize = 2;

/// The line that a git-lfs pointer begins with, and the most bytes that one has (git-lfs, docs/spec.md).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const LONGEST_POINTER: usize = 1024;

/// Is this a pointer of git-lfs, in place of the content?
pub(crate) fn is_pointer(content: &[u8]) -> bool {
    content.len() <= LONGEST_POINTER && content.starts_with(POINTER)
}

/// A file on its way.
pub(crate) struct Job {
    pub path: RepoPath,
    /// Where to write it; nothing if only its id is wanted.
    pub place: Option<PathBuf>,
    pub executable: bool,
    pub content: Content,
}

pub(crate) enum Content {
    Whole(Vec<u8>),
    /// As many bytes as told, or fewer if the transfer broke off.
    Stream(u64, Receiver<Vec<u8>>),
}

/// A file whose content has passed.
pub(crate) struct Written {
    pub path: RepoPath,
    pub id: ObjectId,
    pub pointer: bool,
    pub bytes: u64,
}

/// The queue to the threads that write.
pub(crate) struct Writers<'scope> {
    queue: Option<SyncSender<Job>>,
    threads: Vec<std::thread::ScopedJoinHandle<'scope, Result<(), DiskError>>>,
}

/// The threads have stopped; [`Writers::finish`] tells why.
pub(crate) struct Stopped;

impl<'scope> Writers<'scope> {
    /// `done` is told of each file whose content has passed.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        format: ObjectFormat,
        done: &'scope (impl Fn(Written) + Sync),
    ) -> Self {
        let (queue, jobs) = sync_channel(WAITING);
        let jobs = std::sync::Arc::new(Mutex::new(jobs));
        let thread = |_| {
            let jobs = jobs.clone();
            scope.spawn(move || work(&jobs, format, done))
        };
        let threads = (0..THREADS).map(thread).collect();
        Self { queue: Some(queue), threads }
    }

    pub(crate) fn write(&self, job: Job) -> Result<(), Stopped> {
        self.queue.as_ref().ok_or(Stopped)?.send(job).map_err(|_| Stopped)
    }

    /// Announce a large file; its chunks go into what is returned.
    pub(crate) fn stream(
        &self,
        path: RepoPath,
        place: Option<PathBuf>,
        executable: bool,
        size: u64,
    ) -> Result<SyncSender<Vec<u8>>, Stopped> {
        let (chunks, content) = sync_channel(WAITING_CHUNKS);
        self.write(Job { path, place, executable, content: Content::Stream(size, content) })?;
        Ok(chunks)
    }

    /// Wait until all is written.
    pub(crate) fn finish(mut self) -> Result<(), DiskError> {
        self.queue = None;
        let mut result = Ok(());
        for thread in self.threads {
            // A panic of a thread is passed on, not hidden.
            let ended = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(ended);
        }
        result
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, format: ObjectFormat, done: &(impl Fn(Written) + Sync)) -> Result<(), DiskError> {
    loop {
        // The lock is poisoned only if the other thread panicked, and then its panic is what counts.
        let job = jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
        let Ok(job) = job else { return Ok(()) };
        if let Some(written) = write(job, format)? {
            done(written);
        }
    }
}

/// Nothing comes back for a stream that broke off.
fn write(job: Job, format: ObjectFormat) -> Result<Option<Written>, DiskError> {
    let mut sink = match &job.place {
        Some(place) => Some(create(place, job.executable)?),
        None => None,
    };
    let mut put = |bytes: &[u8]| match (&mut sink, &job.place) {
        (Some(file), Some(place)) => file.write_all(bytes).at("write", place),
        _ => Ok(()),
    };
    let (id, pointer, bytes) = match job.content {
        Content::Whole(content) => {
            put(&content)?;
            (ObjectId::of_blob(format, &content), is_pointer(&content), content.len() as u64)
        }
        Content::Stream(size, chunks) => {
            let mut hasher = Hasher::blob(format, size);
            let mut passed = 0;
            for chunk in chunks {
                hasher.update(&chunk);
                put(&chunk)?;
                passed += chunk.len() as u64;
            }
            if passed < size {
                return Ok(None);
            }
            (hasher.finish(), false, size)
        }
    };
    Ok(Some(Written { path: job.path, id, pointer, bytes }))
}

/// A new file, with the mode that git gives it: what the process's umask leaves of it.
pub(crate) fn create(place: &Path, executable: bool) -> Result<File, DiskError> {
    let mode = if executable { 0o777 } else { 0o666 };
    let open = || OpenOptions::new().write(true).create_new(true).mode(mode).open(place);
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = place.parent() {
                std::fs::create_dir_all(parent).at("create", parent)?;
            }
            open()
        }
        file => file,
    };
    file.at("create", place)
}
