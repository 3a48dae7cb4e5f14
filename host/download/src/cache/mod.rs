//! The cache of downloads: a second download of the same commit needs no archive request.
//!
//! | blob | content |
//! | --- | --- |
//! | `content/TREE.download` | one tree: a plain tar archive, its description in JSON, the length of that in 8 bytes |
//! | `content/KEY.partial` | the files that a failed download received, in the same form |
//! | `index/KEY` | the answer to one request, in JSON: the tree, whether it was verified, a link |
//!
//! The archive is the forge's own, copied while it was unpacked: reading 20,000 files again would take a third of the time of the download.
//! It is written anew only if the forge's archive was incomplete.
//!
//! Any number of processes can share a cache, see [`forgeport_blobs`], and several machines can share complete contents. A restored content
//! is unpacked and hashed like an archive from a forge and must have the tree id of its name, so damaged or exchanged content is detected
//! and removed. An exchanged index entry would not be detected, so the index stays on this machine.
//!
//! The files of a failed download are kept under the name of the request. The next attempt takes them out of the cache.

mod content;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Take, Write};
use std::path::{Path, PathBuf};

use forgeport_blobs::{Blobs, Folder, UnfinishedBlob};
use serde::{Deserialize, Serialize};

use content::About;

use crate::download::StagedDownload;
use crate::error::{FinishError, UnpackError};
use crate::progress::Progress;
use crate::receipt::{Receipt, Verification};
use forgeport_model::Digest;
use forgeport_model::ObjectId;
use forgeport_model::RepoPath;

/// The longest answer in the index, in bytes; it has a link and a sentence.
const LONGEST_ANSWER: u64 = 64 << 10;
/// Bytes of the index; each answer takes 4 KiB on most disks.
const INDEX_LIMIT: u64 = 32 << 20;

/// Kept downloads.
#[derive(Clone, Debug)]
pub struct Cache {
    content: Blobs,
    index: Folder,
}

/// The request of a download, as the name of its answer in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheKey(String);

/// The usage of a cache.
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
    folder: Folder,
}

/// A download that is written, and is to be kept.
pub struct WrittenDownload {
    content: UnfinishedBlob,
    answer: IndexEntry,
    key: CacheKey,
}

/// The files that a failed download received, opened and no longer in the cache.
pub struct PartialDownload {
    about: About,
    archive: Take<File>,
}

/// The answer to one request, in the index.
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
    /// The cache in a directory, which is made when it is first needed. Contents take at most so many bytes on the disk; what was used
    /// least recently goes first.
    pub fn local(directory: &Path, limit: u64) -> Self {
        Self::new(Folder::cache(directory.join("content"), limit).into(), directory.join("index"))
    }

    /// A cache whose contents are these blobs, which other machines may share, and whose index is in a directory of this machine.
    pub fn new(content: Blobs, index: PathBuf) -> Self {
        Self { content, index: Folder::cache(index, INDEX_LIMIT) }
    }

    /// A kept download, if there is one.
    pub async fn get(&self, key: &CacheKey) -> Option<KeptDownload> {
        let (index, name) = (self.index.clone(), key.0.clone());
        let answer = off_thread(move || answer(&index, &name)).await?;
        let (name, folder) = (whole(answer.tree), self.content.folder().clone());
        match self.content.open(&name).await {
            Ok(Some(file)) => {
                off_thread(move || match content::read(file) {
                    Ok((about, archive)) => Some(KeptDownload { answer, about, archive, folder }),
                    Err(error) => discard(&folder, &name, &error.to_string()),
                })
                .await
            }
            // It was used least recently, and has gone.
            Ok(None) => None,
            Err(error) if is_damage(&error) => off_thread(move || discard(&folder, &name, &error.to_string())).await,
            Err(error) => {
                tracing::warn!(name, %error, "a kept download cannot be read; it is downloaded anew");
                None
            }
        }
    }

    /// A file to write something to be kept in, such as for [`StagedDownload::with_copy`]; none when the disk does not give one, and then
    /// less can be kept. It blocks.
    pub fn begin(&self) -> Option<UnfinishedBlob> {
        self.content.folder().begin().ok()
    }

    /// Writes what a staged directory contains, before it is finished; none where that is too large to be kept. `url` is where a person
    /// can look at the commit. It blocks.
    ///
    /// # Errors
    /// When the disk fails; the download itself is not affected.
    pub fn write(
        &self,
        key: CacheKey,
        staged: &mut StagedDownload,
        verification: &Verification,
        url: Option<&str>,
    ) -> io::Result<Option<WrittenDownload>> {
        let Some(content) = staged.take_copy().filter(|_| self.has_room_for(staged)) else { return Ok(None) };
        let Some(tree) = content::write(staged, content.as_file())? else { return Ok(None) };
        let answer = IndexEntry { tree, verification: verification.clone(), url: url.map(str::to_owned) };
        Ok(Some(WrittenDownload { content, answer, key }))
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// When the disk fails, or what machines share does.
    pub async fn keep(&self, written: WrittenDownload) -> io::Result<()> {
        let WrittenDownload { content, answer, key } = written;
        let kept = self.content.keep(content, &whole(answer.tree)).await;
        let index = self.index.clone();
        let entered = tokio::task::spawn_blocking(move || {
            let mut entry = index.begin()?;
            entry.write_all(&serde_json::to_vec(&answer)?)?;
            index.keep(entry, &key.0)
        });
        kept.and(entered.await?)
    }

    /// Keeps what a failed download has brought, if that is of use. It blocks.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn put_partial(&self, key: &CacheKey, staged: &StagedDownload) -> io::Result<()> {
        if !staged.staging.is_of_use() || !self.has_room_for(staged) {
            return Ok(());
        }
        let Some(content) = self.begin() else { return Ok(()) };
        content::write_partial(staged, content.as_file())?;
        self.content.folder().keep(content, &partial(key))
    }

    /// Takes what an earlier try brought that failed, if there was one. It blocks.
    pub fn take_partial(&self, key: &CacheKey) -> Option<PartialDownload> {
        let (folder, name) = (self.content.folder(), partial(key));
        let file = folder.open(&name);
        // Whatever becomes of it, it cannot spoil more than this one try.
        folder.remove(&name).ok()?;
        let (about, archive) = content::read(file.ok()??).ok()?;
        Some(PartialDownload { about, archive })
    }

    /// How much is kept on this machine. It blocks.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn usage(&self) -> io::Result<CacheUsage> {
        let folder = self.content.folder();
        let blobs = folder.list()?;
        let bytes = blobs.iter().map(|blob| blob.bytes).sum();
        Ok(CacheUsage { entries: blobs.len() as u64, bytes, limit: folder.limit() })
    }

    /// Removes all that is kept on this machine; returns what it was. It blocks.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> io::Result<CacheUsage> {
        let usage = self.usage()?;
        self.content.folder().clear()?;
        self.index.clear()?;
        Ok(usage)
    }

    /// One that would push out most of the others is not kept.
    fn has_room_for(&self, staged: &StagedDownload) -> bool {
        let has_room = staged.staging.bytes() <= self.content.folder().limit() / 2;
        if !has_room {
            tracing::debug!("the download is too large to be kept");
        }
        has_room
    }
}

/// The name of a whole content.
fn whole(tree: ObjectId) -> String {
    format!("{tree}.download")
}

/// The name of what a failed download brought.
fn partial(key: &CacheKey) -> String {
    format!("{}.partial", key.0)
}

/// The answer to a request, from the index.
fn answer(index: &Folder, name: &str) -> Option<IndexEntry> {
    match index.open(name).and_then(|file| file.map(read_answer).transpose()) {
        Ok(answer) => answer,
        Err(error) if is_damage(&error) => discard(index, name, &error.to_string()),
        Err(_) => None,
    }
}

/// Runs what blocks on a thread where it may.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()?
}

impl KeptDownload {
    /// The web page of the commit.
    pub fn url(&self) -> Option<&str> {
        self.answer.url.as_deref()
    }

    /// Puts it where the staged directory's target is. It blocks.
    ///
    /// # Errors
    /// When it is damaged, and is removed then, or the target cannot be written.
    pub fn restore(self, staged: StagedDownload, progress: &dyn Progress) -> Result<Receipt, FinishError> {
        let KeptDownload { answer, about, archive, folder } = self;
        let filled = about.fill(&staged, answer.tree, archive, progress);
        let finished = filled.map_err(FinishError::from).and_then(|()| staged.finish());
        match finished {
            Ok(receipt) => Ok(Receipt { verification: answer.verification, ..receipt }),
            Err(error) => {
                if error.is_about_content() {
                    let _: Option<()> = discard(&folder, &whole(answer.tree), &error.to_string());
                }
                Err(error)
            }
        }
    }
}

impl PartialDownload {
    /// Fills a staged directory, which has to be empty, for the next try to go on with. It blocks.
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

/// True if it is something else than was written there. That it could not be read is none.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

/// Removes it here; what other machines share is replaced when it is kept again.
fn discard<T>(folder: &Folder, name: &str, why: &str) -> Option<T> {
    let path: PathBuf = folder.directory().join(name);
    tracing::warn!(path = %path.display(), why, "a kept download is damaged; it is removed and downloaded anew");
    let _ = folder.remove(name);
    None
}
