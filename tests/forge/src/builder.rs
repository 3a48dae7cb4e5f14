//! Building repositories: a list of changes becomes a stream for `git fast-import`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::git;
use crate::repository::Repository;

/// The branch that every repository starts with.
pub const DEFAULT_BRANCH: &str = "main";

/// Seconds since the epoch of the first commit; each later one is a minute after the one before, so that equal builds give equal commits.
const FIRST_COMMIT: u64 = 1_700_000_000;

/// What a file holds.
#[derive(Clone)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// That many bytes, of which about half compress away, made while they are written; the second number varies them.
    Generated(u64, u64),
}

impl<T: Into<Vec<u8>>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Generated(len, _) => *len,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Generated(len, seed) => generate(*len, *seed, out),
        }
    }
}

/// Blocks of 4 KiB: noise (xorshift64*) and a run of text by turns.
fn generate(len: u64, seed: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let text = b"the same words over and over again; ".repeat(114);
    let mut left = len;
    let mut noisy = true;
    let mut block = vec![0; 4096];
    while left > 0 {
        if noisy {
            for eight in block.chunks_exact_mut(8) {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                eight.copy_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
            }
        } else {
            block.copy_from_slice(&text[..4096]);
        }
        let now = left.min(4096);
        out.write_all(&block[..usize::try_from(now).unwrap_or(4096)])?;
        left -= now;
        noisy = !noisy;
    }
    Ok(())
}

enum Step {
    Modify(&'static str, Vec<u8>, Content),
    Submodule(Vec<u8>, String),
    Delete(Vec<u8>),
    Commit(String),
    Branch(String),
    Tag(String),
    AnnotatedTag(String, String),
    Checkout(String),
}

/// Collects files and commits; [`Builder::finish`] makes the repository. Paths are bytes, as in git.
#[derive(Default)]
pub struct Builder {
    steps: Vec<Step>,
    modules: Vec<(String, String)>,
    large_files: BTreeMap<String, Vec<u8>>,
    sha256: bool,
}

impl Builder {
    /// A regular file.
    #[must_use]
    pub fn file(self, path: impl Into<Vec<u8>>, content: impl Into<Content>) -> Self {
        self.modify("100644", path, content)
    }

    /// A file with the executable bit.
    #[must_use]
    pub fn executable(self, path: impl Into<Vec<u8>>, content: impl Into<Content>) -> Self {
        self.modify("100755", path, content)
    }

    /// A symbolic link to `target`, which is not checked in any way.
    #[must_use]
    pub fn symlink(self, path: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        self.modify("120000", path, target.into())
    }

    /// A submodule at `commit`, with its entry in `.gitmodules`.
    #[must_use]
    pub fn submodule(mut self, path: &str, url: &str, commit: &str) -> Self {
        self.modules.push((path.to_owned(), url.to_owned()));
        self.steps.push(Step::Submodule(path.into(), commit.into()));
        let text: String = self
            .modules
            .iter()
            .map(|(path, url)| format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n"))
            .collect();
        self.file(".gitmodules", text)
    }

    /// A file kept in Git LFS: git has the pointer, the forge has the content. It takes effect where `.gitattributes` says `filter=lfs`.
    #[must_use]
    pub fn lfs(mut self, path: impl Into<Vec<u8>>, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        let id: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize {}\n", content.len());
        self.large_files.insert(id, content);
        self.file(path, pointer)
    }

    /// Takes the file or the whole directory away.
    #[must_use]
    pub fn remove(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Delete(path.into()));
        self
    }

    /// Commits what was changed since the last commit, on the branch that is checked out ([`DEFAULT_BRANCH`] at first).
    #[must_use]
    pub fn commit(mut self, message: &str) -> Self {
        self.steps.push(Step::Commit(message.into()));
        self
    }

    /// A further branch at the last commit; commits keep going to the branch that is checked out.
    #[must_use]
    pub fn branch(mut self, name: &str) -> Self {
        self.steps.push(Step::Branch(name.into()));
        self
    }

    /// Lets the next commits go to the branch `name`, which starts at the last commit if it is new.
    #[must_use]
    pub fn checkout(mut self, name: &str) -> Self {
        self.steps.push(Step::Checkout(name.into()));
        self
    }

    /// A lightweight tag at the last commit.
    #[must_use]
    pub fn tag(mut self, name: &str) -> Self {
        self.steps.push(Step::Tag(name.into()));
        self
    }

    /// An annotated tag at the last commit.
    #[must_use]
    pub fn annotated_tag(mut self, name: &str, message: &str) -> Self {
        self.steps.push(Step::AnnotatedTag(name.into(), message.into()));
        self
    }

    /// Object names by SHA-256 instead of SHA-1.
    #[must_use]
    pub fn sha256(mut self) -> Self {
        self.sha256 = true;
        self
    }

    /// Makes the repository.
    ///
    /// # Panics
    /// When git refuses it: a fixture that cannot be made is a mistake in the test.
    #[must_use]
    pub fn finish(self) -> Repository {
        self.try_finish().expect("a repository for a test can be made with git")
    }

    /// As [`Builder::finish`].
    ///
    /// # Errors
    /// When git cannot be run or refuses the repository.
    pub fn try_finish(self) -> io::Result<Repository> {
        let home = tempfile::Builder::new().prefix("forge-").tempdir()?;
        let format = if self.sha256 { "sha256" } else { "sha1" };
        let branch = format!("--initial-branch={DEFAULT_BRANCH}");
        let format = format!("--object-format={format}");
        git::output(home.path(), &["init", "--quiet", "--bare", "--template=", &branch, &format, "."])?;
        // A shallow clone of one commit by its id is what CI systems do, and forges allow it.
        for (key, value) in
            [("uploadpack.allowAnySHA1InWant", "true"), ("uploadpack.allowFilter", "true"), ("pack.compression", "1")]
        {
            git::output(home.path(), &["config", key, value])?;
        }
        let store = home.path().join("lfs-objects");
        std::fs::create_dir(&store)?;
        for (id, content) in &self.large_files {
            std::fs::write(store.join(id), content)?;
        }
        git::feed(home.path(), &["fast-import", "--quiet", "--done", "--date-format=raw"], |out| {
            Stream::new(out).write(&self.steps)
        })?;
        Ok(Repository::at(Arc::new(home)))
    }

    fn modify(mut self, mode: &'static str, path: impl Into<Vec<u8>>, content: impl Into<Content>) -> Self {
        self.steps.push(Step::Modify(mode, path.into(), content.into()));
        self
    }
}

/// The state of writing a fast-import stream. Marks stand for commits; a branch always starts from the mark that it last had.
struct Stream<'a> {
    out: &'a mut dyn Write,
    pending: Vec<&'a Step>,
    branch: String,
    mark: u64,
    time: u64,
}

impl<'a> Stream<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        Self { out, pending: Vec::new(), branch: DEFAULT_BRANCH.to_owned(), mark: 0, time: FIRST_COMMIT }
    }

    fn write(mut self, steps: &'a [Step]) -> io::Result<()> {
        for step in steps {
            match step {
                Step::Modify(..) | Step::Submodule(..) | Step::Delete(_) => self.pending.push(step),
                Step::Commit(message) => self.commit(message)?,
                Step::Branch(name) => self.reset("heads", name)?,
                Step::Tag(name) => self.reset("tags", name)?,
                Step::Checkout(name) => {
                    self.reset("heads", name)?;
                    self.branch.clone_from(name);
                }
                Step::AnnotatedTag(name, message) => {
                    writeln!(self.out, "tag {name}\nfrom :{}", self.mark)?;
                    self.person("tagger")?;
                    self.data(message.as_bytes())?;
                }
            }
        }
        writeln!(self.out, "done")
    }

    fn commit(&mut self, message: &str) -> io::Result<()> {
        self.time += 60;
        let parent = self.mark;
        self.mark += 1;
        writeln!(self.out, "commit refs/heads/{}\nmark :{}", self.branch, self.mark)?;
        self.person("author")?;
        self.person("committer")?;
        self.data(message.as_bytes())?;
        if parent > 0 {
            writeln!(self.out, "from :{parent}")?;
        }
        for step in std::mem::take(&mut self.pending) {
            self.change(step)?;
        }
        writeln!(self.out)
    }

    fn change(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Modify(mode, path, content) => {
                writeln!(self.out, "M {mode} inline {}", quoted(path))?;
                writeln!(self.out, "data {}", content.len())?;
                content.write(self.out)?;
                writeln!(self.out)
            }
            Step::Submodule(path, commit) => {
                writeln!(self.out, "M 160000 {commit} {}", quoted(path))
            }
            Step::Delete(path) => writeln!(self.out, "D {}", quoted(path)),
            _ => Ok(()),
        }
    }

    fn reset(&mut self, kind: &str, name: &str) -> io::Result<()> {
        writeln!(self.out, "reset refs/{kind}/{name}\nfrom :{}\n", self.mark.max(1))
    }

    fn person(&mut self, role: &str) -> io::Result<()> {
        writeln!(self.out, "{role} Ada Example <ada@example.com> {} +0000", self.time)
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        writeln!(self.out, "data {}", bytes.len())?;
        self.out.write_all(bytes)?;
        writeln!(self.out)
    }
}

/// A path in the quotes of C, each unusual byte in octal, as fast-import reads it.
fn quoted(path: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in path {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x20..0x7f => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}
