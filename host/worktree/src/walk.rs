//! One parallel walk over the work tree that compares every tracked file's metadata with the index and notes what is not tracked.
//!
//! `gix` has a walk too, which in 2026 does not report all that git does: no new files in directories that a sparse checkout left out, and
//! nested repositories one by one. Reading each directory once, asking for metadata relative to it, and using all cores makes
//! this one as fast as `git status`.

use std::ffi::OsStr;
use std::fs::{DirEntry, FileType};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use gix::index::Entry;

use crate::ContextError;
use crate::file_check::is_missing;
use crate::inspection::Inspection;
use crate::stat::{self, StatMatch, StatRules};
use crate::tracked::{Children, Tracked, TrackedChild, TrackedDirectory, is_conflicted};

/// More threads do not help: they wait for the same file system.
const MAX_THREADS: usize = 8;
/// How many files of one directory are one task; other threads may take the rest.
const FILES_AT_ONCE: usize = 1024;

/// The result of a walk. The numbers are positions in [`Tracked`].
#[derive(Debug, Default)]
pub struct WalkResult {
    /// The number of tracked files that are missing or surely differ.
    pub changed: usize,
    /// Files whose content has to be compared.
    pub unsure: Vec<usize>,
    /// Submodules whose directory is there.
    pub submodules: Vec<usize>,
    /// Paths that are not tracked, from the root, those of directories with a final `/`.
    pub unknown: Vec<Vec<u8>>,
}

/// A walk over the work tree at `root`.
pub struct WorktreeWalk<'a> {
    root: &'a Path,
    tracked: &'a Tracked,
    rules: &'a StatRules,
    /// True if paths that are not tracked are collected.
    untracked: bool,
    inspection: &'a Inspection,
    queue: Mutex<Queue>,
    /// A task was added, the last one ended, or one failed.
    changed: Condvar,
}

struct Queue {
    tasks: Vec<Task>,
    /// Tasks that are being worked on, and that may add new ones.
    running: usize,
    failed: bool,
}

enum Task {
    Directory(TrackedDirectory),
    Files(Vec<(usize, DirEntry)>),
}

impl<'a> WorktreeWalk<'a> {
    pub fn new(
        root: &'a Path,
        tracked: &'a Tracked,
        rules: &'a StatRules,
        untracked: bool,
        inspection: &'a Inspection,
    ) -> Self {
        let queue = Queue { tasks: vec![Task::Directory(tracked.root())], running: 0, failed: false };
        Self { root, tracked, rules, untracked, inspection, queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// Walks with all cores; the calling thread does `meanwhile` first, then helps.
    pub fn run<T>(&self, meanwhile: impl FnOnce() -> Result<T, ContextError>) -> Result<(WalkResult, T), ContextError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (1..threads).map(|_| scope.spawn(|| self.work())).collect();
            let result = meanwhile();
            if result.is_err() {
                self.queue().failed = true;
            }
            let mut found = self.work();
            for worker in workers {
                let other = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                found = found.and_then(|found| Ok(found.and(other?)));
            }
            let result = result?;
            Ok((found?, result))
        })
    }

    fn work(&self) -> Result<WalkResult, ContextError> {
        let mut found = WalkResult::default();
        while let Some((task, _running)) = self.next() {
            let done = self.inspection.check_time(self.root).and_then(|()| match task {
                Task::Directory(directory) => self.directory(&directory, &mut found),
                Task::Files(files) => self.files(files, &mut found),
            });
            if let Err(error) = done {
                self.queue().failed = true;
                return Err(error);
            }
        }
        Ok(found)
    }

    /// Waits for a task; none is left when no task is running that could add more.
    fn next(&self) -> Option<(Task, RunningTask<'_, 'a>)> {
        let mut queue = self.queue();
        loop {
            if queue.failed {
                return None;
            }
            if let Some(task) = queue.tasks.pop() {
                queue.running += 1;
                return Some((task, RunningTask(self)));
            }
            if queue.running == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The queue is consistent at every moment, also after a panic elsewhere.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, tasks: impl IntoIterator<Item = Task>) {
        self.queue().tasks.extend(tasks);
        self.changed.notify_all();
    }

    fn directory(&self, directory: &TrackedDirectory, found: &mut WalkResult) -> Result<(), ContextError> {
        let path = self.absolute(self.tracked.path(directory));
        let listing = match std::fs::read_dir(&path) {
            Ok(listing) => listing,
            // It was removed during the walk.
            Err(error) if is_missing(&error) => {
                found.changed += self.missing(directory.range.clone());
                return Ok(());
            }
            Err(error) => return Err(ContextError::unreadable(&path)(error)),
        };
        let mut walk = DirectoryWalk::new(self, directory);
        for item in listing {
            let item = item.map_err(ContextError::unreadable(&path))?;
            walk.meet(item, found).map_err(ContextError::unreadable(&path))?;
        }
        walk.finish(found)
    }

    fn files(&self, files: Vec<(usize, DirEntry)>, found: &mut WalkResult) -> Result<(), ContextError> {
        for (place, item) in files {
            let entry = self.tracked.entry(place);
            let verdict = match item.metadata() {
                Ok(metadata) => stat::compare(entry, &metadata, self.rules),
                Err(error) if is_missing(&error) => StatMatch::Changed,
                Err(error) => return Err(ContextError::unreadable(&item.path())(error)),
            };
            match verdict {
                StatMatch::Same => {}
                StatMatch::Changed => found.changed += 1,
                StatMatch::Unsure => found.unsure.push(place),
            }
        }
        Ok(())
    }

    /// The number of the entries' files that should be there.
    fn missing(&self, range: Range<usize>) -> usize {
        let expected = |entry: &&Entry| !is_conflicted(entry) && !stat::is_unwatched(entry);
        self.tracked.entries(range).iter().filter(expected).count()
    }

    fn absolute(&self, path: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(path))
    }
}

/// The comparison of one directory's listing with its part of the index.
struct DirectoryWalk<'w, 'a> {
    walk: &'w WorktreeWalk<'a>,
    directory: &'w TrackedDirectory,
    children: Children<'a>,
    seen: Vec<bool>,
    files: Vec<(usize, DirEntry)>,
    directories: Vec<TrackedDirectory>,
}

impl<'w, 'a> DirectoryWalk<'w, 'a> {
    fn new(walk: &'w WorktreeWalk<'a>, directory: &'w TrackedDirectory) -> Self {
        let children = walk.tracked.children(directory);
        Self {
            walk,
            directory,
            seen: vec![false; children.len()],
            children,
            files: Vec::new(),
            directories: Vec::new(),
        }
    }

    fn meet(&mut self, item: DirEntry, found: &mut WalkResult) -> std::io::Result<()> {
        let name = item.file_name();
        if name == ".git" {
            return Ok(());
        }
        let kind = match item.file_type() {
            Err(error) if is_missing(&error) => return Ok(()),
            kind => kind?,
        };
        let known = self.children.find(name.as_bytes());
        match known.map(|place| (place, self.children.get(place))) {
            Some((place, TrackedChild::Directory(directory))) if kind.is_dir() => {
                self.seen[place] = true;
                self.directories.push(directory.clone());
            }
            Some((place, TrackedChild::File(entry))) => {
                self.seen[place] = true;
                let entry = *entry;
                self.meet_tracked(entry, kind, item, found);
            }
            Some((place, TrackedChild::Conflicted)) => self.seen[place] = true,
            Some((_, TrackedChild::Directory(_))) | None => self.note_unknown(name.as_bytes(), kind, found),
        }
        Ok(())
    }

    /// A directory in the place of a tracked file counts as that file's change and not as untracked too, as git counts it.
    fn meet_tracked(&mut self, place: usize, kind: FileType, item: DirEntry, found: &mut WalkResult) {
        let entry = self.walk.tracked.entry(place);
        match (entry.mode.is_submodule(), kind.is_dir()) {
            (false, false) => self.files.push((place, item)),
            (true, true) if !stat::is_unwatched(entry) => found.submodules.push(place),
            (true, true) => {}
            (true, false) | (false, true) => found.changed += self.walk.missing(place..place + 1),
        }
    }

    /// Git knows files, links and directories, but no sockets and the like.
    fn note_unknown(&self, name: &[u8], kind: FileType, found: &mut WalkResult) {
        if self.walk.untracked && (kind.is_file() || kind.is_dir() || kind.is_symlink()) {
            let mut path = [self.walk.tracked.path(self.directory), name].concat();
            if kind.is_dir() {
                path.push(b'/');
            }
            found.unknown.push(path);
        }
    }

    fn finish(mut self, found: &mut WalkResult) -> Result<(), ContextError> {
        for (place, _) in self.seen.iter().enumerate().filter(|(_, seen)| !**seen) {
            found.changed += match self.children.get(place) {
                TrackedChild::Directory(directory) => self.walk.missing(directory.range.clone()),
                TrackedChild::File(entry) => self.walk.missing(*entry..entry + 1),
                TrackedChild::Conflicted => 0,
            };
        }
        let mut tasks: Vec<Task> = self.directories.into_iter().map(Task::Directory).collect();
        while self.files.len() > FILES_AT_ONCE {
            tasks.push(Task::Files(self.files.split_off(self.files.len() - FILES_AT_ONCE)));
        }
        if !tasks.is_empty() {
            self.walk.push(tasks);
        }
        self.walk.files(self.files, found)
    }
}

impl WalkResult {
    fn and(mut self, other: Self) -> Self {
        self.changed += other.changed;
        self.unsure.extend(other.unsure);
        self.submodules.extend(other.submodules);
        self.unknown.extend(other.unknown);
        self
    }
}

/// A task that is being worked on. Its end, also by a panic, lets the other threads continue.
struct RunningTask<'w, 'a>(&'w WorktreeWalk<'a>);

impl Drop for RunningTask<'_, '_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.running -= 1;
        if queue.running == 0 || queue.failed {
            self.0.changed.notify_all();
        }
    }
}
