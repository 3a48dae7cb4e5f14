//! Downloads that are kept, so that the same commit needs no archive request a second time.
//!
//! Two folders. `content` has one file for each tree, named by the tree's id: a plain tar archive, what is known of the tree in JSON, and
//! the length of that. The archive is the one that came from the forge, copied while it was unpacked; reading 20,000 files again would cost
//! as much as a third of the download. Only where the archive was not all, it is made anew. `index` has one small file for each request
//! that was answered by such a tree: what was asked decides there, and says which tree it was.
//!
//! A file comes by rename, so it is there whole or not at all, and goes by unlinking, which does not disturb who reads it: any number of
//! processes may share a cache. What is restored is unpacked and hashed like what comes from a forge, and has to have the id that its
//! name says, so a damaged or exchanged file is noticed and given up.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Take, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::{FinishError, UnpackError};
use crate::object::{Kind, ObjectId};
use crate::paths::RepoPath;
use crate::receipt::{Receipt, Verification};
use crate::source::Format;
use crate::staged::{Progress, Staged};
use crate::tree::{Found, Leaf};
use crate::unpack::Layout;

/// The folders.
const CONTENT: &str = "content";
const INDEX: &str = "index";
/// The endings of a whole content and of one in the making.
const WHOLE: &str = ".download";
const PARTIAL: &str = ".partial";
/// The longest description of a content, in bytes; it holds the links and submodules of a tree.
const LONGEST_ABOUT: u64 = 64 << 20;
/// The longest answer in the index, in bytes; it holds a link and a sentence.
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

/// What a cache holds.
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
pub struct Kept {
    answer: Answer,
    about: About,
    archive: Take<File>,
    content: PathBuf,
}

/// What a request was answered with, in the index.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    tree: ObjectId,
    verification: Verification,
    url: Option<String>,
}

/// What a tree has besides files.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    /// How the archive's paths become those of the repository.
    layout: Layout,
    /// Those that are not in the archive: `tar` would write their targets in another spelling.
    links: Vec<(Vec<u8>, Vec<u8>)>,
    submodules: Vec<(Vec<u8>, String)>,
}

impl CacheKey {
    /// A commit, seen from one of its directories, as it comes from a source: `source` is a text that no other one has, and that changes
    /// with whatever decides what is answered there.
    pub fn new(source: &str, commit: ObjectId, subdirectory: &RepoPath) -> Self {
        let mut digest = Sha256::new();
        for part in [b"2", source.as_bytes(), commit.as_bytes(), subdirectory.as_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Cache {
    /// The cache in a directory, which is made when it is first needed.
    pub fn new(directory: PathBuf, limit: u64) -> Self {
        Self { directory, limit }
    }

    /// A kept download, if there is one.
    pub fn get(&self, key: &CacheKey) -> Option<Kept> {
        let path = self.answer(key);
        let answer = match File::open(&path).map(read_answer) {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return discard(&path, &error.to_string()),
            Err(_) => return None,
        };
        let content = self.content(answer.tree);
        let Ok(file) = File::open(&content) else {
            // It was used least recently, and has gone.
            let _ = remove(&path);
            return None;
        };
        // The time of the last use; that it cannot be told does no harm.
        let _ = file.set_modified(SystemTime::now());
        match read_about(file) {
            Ok((about, archive)) => Some(Kept { answer, about, archive, content }),
            Err(error) => discard(&content, &error.to_string()),
        }
    }

    /// A file to write something to be kept in, such as for [`Staged::with_copy`], locked for as long as somebody writes it; nothing when the disk does not give one, and then less
    /// can be kept. What killed downloads left is removed.
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
            // The system gives the lock up when the process dies.
            if is_partial && File::open(&path).is_ok_and(|partial| partial.try_lock().is_ok()) {
                remove(&path)?;
            }
        }
        Ok(sweeping)
    }

    /// Keep what a staged directory holds, before it is finished. `url` is where a person can look at the commit.
    ///
    /// # Errors
    /// When the disk fails; the download itself is not affected.
    pub fn put(
        &self,
        key: &CacheKey,
        staged: &mut Staged,
        verification: &Verification,
        url: Option<&str>,
    ) -> io::Result<()> {
        let (Some(copy), Some((tree, mut about))) = (staged.take_copy(), about(staged)) else {
            return Ok(());
        };
        if staged.bytes_taken() > self.limit / 2 {
            tracing::debug!("the download is too large to be kept");
            return Ok(());
        }
        let mut file = copy.as_file();
        // An archive of more than what is wanted would keep the rest for nothing.
        let copied = staged.state().copied.clone().filter(|_| staged.settings().subdirectory.is_root());
        match copied {
            Some(layout) => {
                about.layout = layout;
                about.links.clear();
            }
            None => {
                file.set_len(0)?;
                file.rewind()?;
                write_archive(staged, file)?;
            }
        }
        let about = serde_json::to_vec(&about)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&[&about, &(about.len() as u64).to_le_bytes()[..]].concat())?;
        copy.persist(self.content(tree))?;
        let answer = Answer { tree, verification: verification.clone(), url: url.map(str::to_owned) };
        let Some(mut written) = self.begin() else { return Ok(()) };
        written.write_all(&serde_json::to_vec(&answer)?)?;
        written.persist(self.answer(key))?;
        self.shrink(self.limit)
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

    /// Remove all of it; tells what it was.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> io::Result<CacheUsage> {
        let usage = self.usage()?;
        self.shrink(0)?;
        match self.sweep() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(usage),
        }
    }

    /// Remove what was used least recently, until the rest has at most so many bytes.
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
        match bytes < before {
            true => self.forget(),
            false => Ok(()),
        }
    }

    /// Removes answers whose content has gone.
    fn forget(&self) -> io::Result<()> {
        for item in fs::read_dir(self.directory.join(INDEX))? {
            let path = item?.path();
            let gone = |answer: Answer| !self.content(answer.tree).exists();
            if File::open(&path).and_then(read_answer).map_or(true, gone) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// What is kept.
    fn entries(&self) -> io::Result<Vec<Entry>> {
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
            if name.ends_with(WHOLE) {
                entries.push(Entry { path, used, bytes: metadata.blocks() * 512 });
            }
        }
        Ok(entries)
    }

    fn content(&self, tree: ObjectId) -> PathBuf {
        self.directory.join(CONTENT).join(format!("{tree}{WHOLE}"))
    }

    fn answer(&self, key: &CacheKey) -> PathBuf {
        self.directory.join(INDEX).join(&key.0)
    }
}

struct Entry {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

impl Kept {
    /// Where a person can look at the commit.
    pub fn url(&self) -> Option<&str> {
        self.answer.url.as_deref()
    }

    /// Put it where the staged directory's target is.
    ///
    /// # Errors
    /// When it is damaged, and is removed then, or the target cannot be written.
    pub fn restore(self, staged: Staged, progress: &dyn Progress) -> Result<Receipt, FinishError> {
        let Kept { answer, about, archive, content } = self;
        let filled = fill(&staged, answer.tree, &about, archive, progress);
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

fn fill(
    staged: &Staged,
    tree: ObjectId,
    about: &About,
    archive: impl Read,
    progress: &dyn Progress,
) -> Result<(), UnpackError> {
    let base = staged.settings().subdirectory.clone();
    let damaged = |_| UnpackError::transfer("the description of a kept download is damaged");
    // The same tree may have been kept as another directory of another commit.
    let here = |path: &RepoPath| base.join(path).map_err(|_| damaged(()));
    let Layout { strip, base: below } = &about.layout;
    let layout = Layout { strip: *strip, base: here(below)? };
    staged.unpack(archive, Format::Tar, &layout, progress)?;
    for (path, target) in &about.links {
        let path = here(&RepoPath::parse(path).map_err(|_| damaged(()))?)?;
        staged.add_symlink(&path, target.clone())?;
    }
    for (path, id) in &about.submodules {
        let path = here(&RepoPath::parse(path).map_err(|_| damaged(()))?)?;
        let id = id.parse().map_err(|_| damaged(()))?;
        let replaced = staged.state().tree.replace(&path, Leaf::known(Kind::Submodule, id));
        replaced.map_err(|_| damaged(()))?;
    }
    staged.expect_tree(&base, tree)
}

/// The tree's id and what is known of it; nothing for one without content.
fn about(staged: &Staged) -> Option<(ObjectId, About)> {
    let base = &staged.settings().subdirectory;
    let mut state = staged.state();
    let tree = state.tree.id(base)?;
    let links = state.links.iter().map(|(path, target)| (path.as_bytes().to_vec(), target.clone())).collect();
    let mut submodules = Vec::new();
    state.tree.visit(base, &mut |path, found| {
        if let Found::Leaf(Leaf { kind: Kind::Submodule, id: Some(id), .. }) = found {
            submodules.extend(path.below(base).map(|below| (below.as_bytes().to_vec(), id.to_string())));
        }
    });
    let layout = Layout { strip: 0, base: RepoPath::root() };
    Some((tree, About { layout, links, submodules }))
}

fn write_archive(staged: &Staged, file: &File) -> io::Result<()> {
    let mut archive = tar::Builder::new(BufWriter::with_capacity(256 << 10, file));
    for (path, found) in contents(staged) {
        let mut header = tar::Header::new_ustar();
        match found {
            Found::Directory { .. } => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                archive.append_data(&mut header, path.as_path(), io::empty())?;
            }
            Found::Leaf(leaf) => {
                let file = staged.target.staging().read(path.as_path()).map_err(UnpackError::from)?;
                header.set_size(file.metadata()?.len());
                header.set_mode(if leaf.kind == Kind::Executable { 0o755 } else { 0o644 });
                archive.append_data(&mut header, path.as_path(), staged.deadline().reading(file))?;
            }
        }
    }
    archive.into_inner()?.flush()
}

/// Directories and files, by their paths below the subdirectory.
fn contents(staged: &Staged) -> Vec<(RepoPath, Found)> {
    let base = &staged.settings().subdirectory;
    let mut contents = Vec::new();
    staged.state().tree.visit(base, &mut |path, found| {
        let written = matches!(found.kind(), Kind::Regular | Kind::Executable | Kind::Tree);
        if let Some(below) = path.below(base).filter(|_| written) {
            contents.push((below, found));
        }
    });
    contents
}

fn read_answer(file: File) -> io::Result<Answer> {
    let mut text = Vec::new();
    file.take(LONGEST_ANSWER).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// From the end of the file, and the archive before it.
fn read_about(mut file: File) -> io::Result<(About, Take<File>)> {
    let mut length = [0; 8];
    let end = file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_ABOUT || length > end {
        return Err(io::Error::other("its description has no sensible length"));
    }
    file.seek(SeekFrom::Start(end - length))?;
    let mut about = Vec::new();
    (&mut file).take(length).read_to_end(&mut about)?;
    file.rewind()?;
    Ok((serde_json::from_slice(&about)?, file.take(end - length)))
}

fn discard<T>(path: &Path, why: &str) -> Option<T> {
    tracing::warn!(path = %path.display(), why, "a kept download is damaged; it is removed and downloaded anew");
    let _ = remove(path);
    None
}

/// Somebody else may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
