//! Downloads that are kept, so that the same commit needs no archive request a second time.
//!
//! | file | what it has |
//! | --- | --- |
//! | `content/TREE.download` | one tree: a plain tar archive, its description in JSON, the length of that in 8 bytes |
//! | `content/KEY.unfinished` | what a failed download brought, in the same form |
//! | `content/*.partial` | a file that is being written, locked |
//! | `index/KEY` | the answer to one request, in JSON: the tree, whether it was verified, a link |
//!
//! The archive is the one that came from the forge, copied while it was unpacked; reading 20,000 files again would cost
//! as much as a third of the download. Only where the archive was not all, it is made anew.
//!
//! A file comes by rename, so it is there whole or not at all, and goes by unlinking, which does not disturb who reads it: any number of
//! processes may share a cache. What is restored is unpacked and hashed like what comes from a forge, and has to have the id that its
//! name says, so a damaged or exchanged file is noticed and given up.
//!
//! A download that failed is kept likewise, as what it brought, under the name of the request. The next try takes it, and with it away.

mod content;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Take, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use content::About;

use crate::download::StagedDownload;
use crate::error::{FinishError, UnpackError};
use crate::progress::Progress;
use crate::receipt::{Receipt, Verification};
use forgeport_model::Digest;
use forgeport_model::ObjectId;
use forgeport_model::RepoPath;
use forgeport_platform::open_regular;

/// The folders.
const CONTENT: &str = "content";
const INDEX: &str = "index";
/// The endings of a whole content, of what a download brought that failed, and of a content in the making.
const WHOLE: &str = ".download";
const UNFINISHED: &str = ".unfinished";
const PARTIAL: &str = ".partial";
/// The longest answer in the index, in bytes; it has a link and a sentence.
const LONGEST_ANSWER: u64 = 64 << 10;

/// A directory of kept downloads.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    /// In bytes; what was used least recently goes first.
    limit: u64,
}

/// What was asked, by which a kept download is found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheKey(String);

/// What a cache contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheUsage {
    /// Kept downloads.
    pub entries: u64,
    /// Bytes that they take on the disk.
    pub bytes: u64,
    /// Bytes that they may take.
    pub limit: u64,
}

/// A kept download, opened.
pub struct KeptDownload {
    answer: IndexEntry,
    about: About,
    archive: Take<File>,
    content: PathBuf,
}

/// What a download brought that failed, opened and no longer in the cache.
pub struct PartialDownload {
    about: About,
    archive: Take<File>,
}

/// What a request was answered with, in the index.
#[derive(Debug, Serialize, Deserialize)]
struct IndexEntry {
    tree: ObjectId,
    verification: Verification,
    url: Option<String>,
}

impl CacheKey {
    /// A commit, seen from one of its directories, as it comes from a source: `source` is a text that no other one has, and that changes
    /// with whatever decides what is answered there.
    pub fn new(source: &str, commit: ObjectId, subdirectory: &RepoPath) -> Self {
        let parts = [b"2".as_slice(), source.as_bytes(), commit.as_bytes(), subdirectory.as_bytes()];
        Self(Digest::of_parts(parts).to_string())
    }
}

impl Cache {
    /// The cache in a directory, which is made when it is first needed.
    pub fn new(directory: PathBuf, limit: u64) -> Self {
        Self { directory, limit }
    }

    /// A kept download, if there is one.
    pub fn get(&self, key: &CacheKey) -> Option<KeptDownload> {
        let path = self.answer(key);
        let answer = match open_regular(&path).and_then(read_answer) {
            Ok(answer) => answer,
            Err(error) if is_damage(&error) => return discard(&path, &error.to_string()),
            Err(_) => return None,
        };
        let content = self.content(answer.tree);
        let file = match open_regular(&content) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It was used least recently, and has gone.
                let _ = remove(&path);
                return None;
            }
            Err(error) if is_damage(&error) => return discard(&content, &error.to_string()),
            Err(_) => return None,
        };
        // The time of the last use; that it cannot be told does no harm.
        let _ = file.set_modified(SystemTime::now());
        match content::read(file) {
            Ok((about, archive)) => Some(KeptDownload { answer, about, archive, content }),
            Err(error) => discard(&content, &error.to_string()),
        }
    }

    /// A file to write something to be kept in, such as for [`StagedDownload::with_copy`], locked for as long as somebody writes it; none when
    /// the disk does not give one, and then less can be kept. What killed downloads left is removed.
    pub fn begin(&self) -> Option<NamedTempFile> {
        for folder in [CONTENT, INDEX] {
            DirBuilder::new().recursive(true).mode(0o700).create(self.directory.join(folder)).ok()?;
        }
        // Who sweeps must not see a file that is made and not locked yet.
        let _sweeping = self.sweep().ok()?;
        let partial = tempfile::Builder::new().suffix(PARTIAL).tempfile_in(self.directory.join(CONTENT)).ok()?;
        partial.as_file().lock().ok()?;
        Some(partial)
    }

    /// Removes partial contents that nobody writes any more. As long as what is returned lives, nobody else sweeps.
    fn sweep(&self) -> io::Result<File> {
        let content = self.directory.join(CONTENT);
        let sweeping = File::open(&content)?;
        sweeping.lock()?;
        for item in fs::read_dir(&content)?.flatten() {
            let path = item.path();
            let is_partial = path.as_os_str().as_encoded_bytes().ends_with(PARTIAL.as_bytes());
            // The system gives the lock up when the process dies; what is no file nobody writes.
            let is_written = |partial: io::Result<File>| match partial {
                Ok(partial) => partial.try_lock().is_err(),
                Err(error) => !is_damage(&error),
            };
            if is_partial && !is_written(open_regular(&path)) {
                remove(&path)?;
            }
        }
        Ok(sweeping)
    }

    /// Keeps what a staged directory contains, before it is finished. `url` is where a person can look at the commit.
    ///
    /// # Errors
    /// When the disk fails; the download itself is not affected.
    pub fn put(
        &self,
        key: &CacheKey,
        staged: &mut StagedDownload,
        verification: &Verification,
        url: Option<&str>,
    ) -> io::Result<()> {
        let Some(copy) = staged.take_copy() else { return Ok(()) };
        if staged.staging.bytes() > self.limit / 2 {
            tracing::debug!("the download is too large to be kept");
            return Ok(());
        }
        let Some(tree) = content::write(staged, copy.as_file())? else { return Ok(()) };
        copy.persist(self.content(tree))?;
        let answer = IndexEntry { tree, verification: verification.clone(), url: url.map(str::to_owned) };
        let Some(mut written) = self.begin() else { return Ok(()) };
        written.write_all(&serde_json::to_vec(&answer)?)?;
        written.persist(self.answer(key))?;
        self.shrink(self.limit)
    }

    /// Keeps what a failed download has brought, if that is of use.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn put_unfinished(&self, key: &CacheKey, staged: &StagedDownload) -> io::Result<()> {
        if !staged.staging.is_of_use() || staged.staging.bytes() > self.limit / 2 {
            return Ok(());
        }
        let Some(partial) = self.begin() else { return Ok(()) };
        content::write_unfinished(staged, partial.as_file())?;
        partial.persist(self.unfinished(key))?;
        self.shrink(self.limit)
    }

    /// Takes what an earlier try brought that failed, if there was one.
    pub fn take_unfinished(&self, key: &CacheKey) -> Option<PartialDownload> {
        let path = self.unfinished(key);
        let file = open_regular(&path);
        // Whatever becomes of it, it cannot spoil more than this one try.
        remove(&path).ok()?;
        let (about, archive) = content::read(file.ok()?).ok()?;
        Some(PartialDownload { about, archive })
    }

    /// How much is kept.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn usage(&self) -> io::Result<CacheUsage> {
        let entries = self.entries()?;
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        Ok(CacheUsage { entries: entries.len() as u64, bytes, limit: self.limit })
    }

    /// Removes all of it; returns what it was.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> io::Result<CacheUsage> {
        let usage = self.usage()?;
        // What takes no room on the disk, too.
        self.entries()?.iter().try_for_each(|entry| remove(&entry.path))?;
        self.forget()?;
        match self.sweep() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(usage),
        }
    }

    /// Removes what was used least recently, until the rest has at most so many bytes.
    fn shrink(&self, limit: u64) -> io::Result<()> {
        let mut entries = self.entries()?;
        entries.sort_by_key(|entry| entry.used);
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        let before = bytes;
        for entry in entries {
            if bytes <= limit {
                break;
            }
            remove(&entry.path)?;
            bytes -= entry.bytes;
        }
        if bytes < before { self.forget() } else { Ok(()) }
    }

    /// Removes answers whose content has gone.
    fn forget(&self) -> io::Result<()> {
        let listing = match fs::read_dir(self.directory.join(INDEX)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listing => listing?,
        };
        for item in listing {
            let path = item?.path();
            let gone = |answer: IndexEntry| !self.content(answer.tree).exists();
            if open_regular(&path).and_then(read_answer).map_or(true, gone) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// What is kept.
    fn entries(&self) -> io::Result<Vec<KeptFile>> {
        let listing = match fs::read_dir(self.directory.join(CONTENT)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing?,
        };
        let mut entries = Vec::new();
        for item in listing {
            let item = item?;
            let (Ok(metadata), name) = (item.metadata(), item.file_name()) else { continue };
            let (name, path) = (name.to_string_lossy().into_owned(), item.path());
            let used = metadata.modified()?;
            if name.ends_with(WHOLE) || name.ends_with(UNFINISHED) {
                entries.push(KeptFile { path, used, bytes: metadata.blocks() * 512 });
            }
        }
        Ok(entries)
    }

    fn content(&self, tree: ObjectId) -> PathBuf {
        self.directory.join(CONTENT).join(format!("{tree}{WHOLE}"))
    }

    fn unfinished(&self, key: &CacheKey) -> PathBuf {
        self.directory.join(CONTENT).join(format!("{}{UNFINISHED}", key.0))
    }

    fn answer(&self, key: &CacheKey) -> PathBuf {
        self.directory.join(INDEX).join(&key.0)
    }
}

struct KeptFile {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

impl KeptDownload {
    /// Where a person can look at the commit.
    pub fn url(&self) -> Option<&str> {
        self.answer.url.as_deref()
    }

    /// Puts it where the staged directory's target is.
    ///
    /// # Errors
    /// When it is damaged, and is removed then, or the target cannot be written.
    pub fn restore(self, staged: StagedDownload, progress: &dyn Progress) -> Result<Receipt, FinishError> {
        let KeptDownload { answer, about, archive, content } = self;
        let filled = about.fill(&staged, answer.tree, archive, progress);
        let finished = filled.map_err(FinishError::from).and_then(|()| staged.finish());
        match finished {
            Ok(receipt) => Ok(Receipt { verification: answer.verification, ..receipt }),
            Err(error) => {
                if error.is_about_content() {
                    let _: Option<()> = discard(&content, &error.to_string());
                }
                Err(error)
            }
        }
    }
}

impl PartialDownload {
    /// Fills a staged directory, which has to be empty, for the next try to go on with.
    ///
    /// # Errors
    /// When it is damaged, or the disk fails. Then parts of it are there: start again.
    pub fn resume(self, staged: &StagedDownload, progress: &dyn Progress) -> Result<(), UnpackError> {
        self.about.resume(staged, self.archive, progress)
    }
}

fn read_answer(file: File) -> io::Result<IndexEntry> {
    let mut text = Vec::new();
    file.take(LONGEST_ANSWER).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Whether it is something else than was written there. That it could not be read is none.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

fn discard<T>(path: &Path, why: &str) -> Option<T> {
    tracing::warn!(path = %path.display(), why, "a kept download is damaged; it is removed and downloaded anew");
    let _ = remove(path);
    None
}

/// Removes a file; another process may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
