//! A bare git repository on disk, and what forges ask of it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

use crate::builder::{Builder, DEFAULT_BRANCH};
use crate::git;

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Six octal digits: `100644`, `100755`, `120000`, `040000` or `160000`.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    /// The object's name.
    pub id: String,
    /// Bytes; only blobs have it.
    pub size: Option<u64>,
    /// From the root of the listed tree.
    pub path: Vec<u8>,
}

/// What an archive is made of; equal descriptions give the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ArchiveKey {
    pub commit: String,
    pub root: String,
    pub path: Option<Vec<u8>>,
    /// Whether LFS pointers are replaced by what they point to.
    pub large_files: bool,
}

type Archives = Mutex<HashMap<ArchiveKey, Arc<OnceLock<Result<PathBuf, String>>>>>;

/// By tree, and whether what lies below is listed too.
type Trees = Mutex<HashMap<(String, bool), Arc<Vec<Entry>>>>;

struct Inner {
    home: Arc<TempDir>,
    archives: Archives,
    trees: Trees,
}

/// A bare repository that is deleted from the disk with the last clone of this handle.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

impl Repository {
    /// Starts a repository.
    #[must_use]
    pub fn build() -> Builder {
        Builder::default()
    }

    pub(crate) fn at(home: Arc<TempDir>) -> Self {
        Self { inner: Arc::new(Inner { home, archives: Mutex::default(), trees: Mutex::default() }) }
    }

    /// The bare repository's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.inner.home.path()
    }

    /// The full id of the default branch's commit.
    ///
    /// # Panics
    /// When the repository has no commit.
    #[must_use]
    pub fn commit(&self) -> String {
        self.resolve(DEFAULT_BRANCH).expect("the repository has a commit on its default branch")
    }

    /// The id of the default branch's tree.
    ///
    /// # Panics
    /// When the repository has no commit.
    #[must_use]
    pub fn tree(&self) -> String {
        self.tree_of(DEFAULT_BRANCH).expect("the repository has a commit on its default branch")
    }

    /// Whether there is no commit on the default branch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resolve(DEFAULT_BRANCH).is_none()
    }

    /// The commit that a branch, a tag, or a full or short id means. As on forges, an id wins over a branch of the same name.
    #[must_use]
    pub fn resolve(&self, revision: &str) -> Option<String> {
        [revision.to_owned(), format!("refs/heads/{revision}"), format!("refs/tags/{revision}")]
            .iter()
            .find_map(|candidate| self.resolve_exact(candidate))
    }

    /// As [`Repository::resolve`], for a whole reference (`refs/heads/...`) or an id only.
    #[must_use]
    pub fn resolve_exact(&self, reference: &str) -> Option<String> {
        self.rev_parse(&format!("{reference}^{{commit}}"))
    }

    /// The tree of a revision.
    #[must_use]
    pub fn tree_of(&self, revision: &str) -> Option<String> {
        self.rev_parse(&format!("{revision}^{{tree}}"))
    }

    /// The tree of a directory in a revision; an empty path is the root.
    #[must_use]
    pub fn tree_at(&self, revision: &str, path: &str) -> Option<String> {
        match path {
            "" => self.tree_of(revision),
            path => self.rev_parse(&format!("{revision}:{path}")),
        }
    }

    /// The reference (`refs/heads/main`, `refs/tags/v1`) that a short name means.
    #[must_use]
    pub fn reference(&self, name: &str) -> Option<String> {
        ["heads", "tags"]
            .iter()
            .map(|kind| format!("refs/{kind}/{name}"))
            .find(|full| self.resolve_exact(full).is_some())
    }

    /// The entries of a tree, of all trees below it too when `recursive`.
    ///
    /// # Errors
    /// When there is no such tree.
    pub fn entries(&self, tree: &str, recursive: bool) -> io::Result<Arc<Vec<Entry>>> {
        let key = (tree.to_owned(), recursive);
        let trees = || self.inner.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = trees().get(&key) {
            return Ok(entries.clone());
        }
        let mut arguments = vec!["ls-tree", "-z", "--long"];
        if recursive {
            arguments.extend(["-r", "-t"]);
        }
        arguments.extend(["--end-of-options", tree]);
        let listing = git::output(self.path(), &arguments)?;
        let entries: Option<Vec<Entry>> =
            listing.split(|&byte| byte == 0).filter(|line| !line.is_empty()).map(parse_entry).collect();
        let entries = Arc::new(entries.ok_or_else(|| io::Error::other("git ls-tree: odd line"))?);
        trees().insert(key, entries.clone());
        Ok(entries)
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// When there is no such blob.
    pub fn blob(&self, id: &str) -> io::Result<Vec<u8>> {
        git::output(self.path(), &["cat-file", "blob", id])
    }

    /// The tar archive, not compressed, that `git archive` makes of a revision.
    ///
    /// # Errors
    /// When there is no such revision.
    pub fn archive(&self, revision: &str, prefix: &str) -> io::Result<Vec<u8>> {
        let prefix = format!("--prefix={prefix}");
        git::output(self.path(), &["archive", "--format=tar", &prefix, revision])
    }

    /// Committer's date in seconds since the epoch, and the message.
    pub(crate) fn describe(&self, commit: &str) -> io::Result<(u64, String, Vec<String>)> {
        let text = git::text(self.path(), &["show", "--no-patch", "--format=%ct%n%P%n%B", commit])?;
        let mut lines = text.splitn(3, '\n');
        let time = lines.next().and_then(|line| line.parse().ok());
        let parents = lines.next().unwrap_or_default();
        let message = lines.next().unwrap_or_default().trim_end();
        Ok((time.unwrap_or_default(), message.to_owned(), parents.split_whitespace().map(str::to_owned).collect()))
    }

    /// The file of a gzip archive, made once for each key.
    pub(crate) fn archive_file(&self, key: &ArchiveKey) -> io::Result<PathBuf> {
        let cell =
            self.inner.archives.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone();
        let file = cell.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            let name = format!("archive-{:016x}.tar.gz", hasher.finish());
            let file = self.path().join(name);
            self.make_archive(key, &file).map(|()| file).map_err(|error| error.to_string())
        });
        file.clone().map_err(io::Error::other)
    }

    fn make_archive(&self, key: &ArchiveKey, file: &Path) -> io::Result<()> {
        use std::os::unix::ffi::OsStrExt;
        let mut command = git::command(self.path());
        if key.large_files {
            command.args(["-c", &format!("filter.lfs.smudge={SMUDGE}")]);
        }
        command
            .args(["archive", "--format=tar.gz"])
            .arg(format!("--prefix={}", key.root))
            .arg("--output")
            .arg(file)
            .arg(&key.commit);
        if let Some(path) = &key.path {
            command.arg("--").arg(std::ffi::OsStr::from_bytes(path));
        }
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn rev_parse(&self, revision: &str) -> Option<String> {
        git::text(self.path(), &["rev-parse", "--verify", "--quiet", "--end-of-options", revision]).ok()
    }
}

/// What GitLab's Gitaly does too: `git archive` with a filter that turns a pointer into what it points to.
const SMUDGE: &str = r#"p=$(cat); o=$(printf '%s\n' "$p" | sed -n 's/^oid sha256://p'); cat "lfs-objects/$o" 2>/dev/null || printf '%s\n' "$p""#;

fn parse_entry(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|&byte| byte == b'\t')?;
    let facts = std::str::from_utf8(&line[..tab]).ok()?;
    let mut facts = facts.split_whitespace();
    Some(Entry {
        mode: facts.next()?.to_owned(),
        kind: facts.next()?.to_owned(),
        id: facts.next()?.to_owned(),
        size: facts.next()?.parse().ok(),
        path: line[tab + 1..].to_owned(),
    })
}
