//! Fills a staged directory from a pack, the form in which git itself brings a commit (gitformat-pack(5)).
//!
//! The pack goes to the disk, where libgit2 indexes it: that computes the id of every object, so what is found by its id has it. Nothing
//! has to be believed here but the hash function.

use std::io::{Read, Write};
use std::path::Path;

use git2::{FileMode, Indexer, ObjectType, Odb, Oid, Repository, Tree};

use crate::error::{At, Reason, Rejected, UnpackError};
use crate::object::{Kind, ObjectFormat, ObjectId};
use crate::paths::RepoPath;
use crate::pktline::Pack;
use crate::source::{self, Copied, Format};
use crate::staged::{Progress, Staged};
use crate::tree::Leaf;
use crate::writer::{self, Content, Job, Writers, Written};

/// The permissions of a pack that only this process reads.
const MODE: u32 = 0o600;

/// Unpack the commit into the staged directory; on failure parts may be there.
pub(crate) fn unpack(staged: &Staged, answer: impl Read, progress: &dyn Progress) -> Result<(), UnpackError> {
    let commit = staged.settings().commit;
    if commit.format() != ObjectFormat::Sha1 {
        return Err(
            Rejected::archive(Reason::Malformed("objects named by SHA-256 cannot be read from a pack yet")).into()
        );
    }
    let scratch = staged.target.scratch()?;
    index(staged, answer, scratch.path())?;
    let repository = open(scratch.path()).map_err(damaged)?;
    let id = Oid::from_bytes(commit.as_bytes()).map_err(damaged)?;
    let missing = |_| Rejected::archive(Reason::Malformed("the commit is not in it"));
    let tree = repository.find_commit(id).map_err(missing)?.tree().map_err(damaged)?;
    let done = |written: Written| {
        progress.advance(written.bytes, 1);
        staged.complete(&written);
    };
    std::thread::scope(|scope| {
        let writers = Writers::start(scope, commit.format(), &done);
        let walked = Walk { staged, repository: &repository, writers: &writers }.wanted(&tree);
        // What stopped the writers is the cause, what stopped the walk then only follows from it.
        writers.finish()?;
        walked
    })
}

fn index(staged: &Staged, answer: impl Read, directory: &Path) -> Result<(), UnpackError> {
    let packs = directory.join("pack");
    std::fs::create_dir(&packs).at("create", &packs)?;
    let limits = &staged.settings().limits;
    // Blobs, their trees, and the commit: a tree for each entry is more than there can be.
    let most = usize::try_from(limits.entries).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(1);
    let mut indexer = Indexer::new(None, &packs, MODE, false).map_err(damaged)?;
    indexer.progress(move |progress| progress.total_objects() <= most);
    let copy = Copied::default();
    let mut pack = Pack::begin(source::open(answer, Format::GitPack, limits, staged.bytes_taken(), &copy)?)?;
    let mut buffer = vec![0; 128 << 10];
    loop {
        let length = pack.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        indexer.write_all(&buffer[..length]).map_err(|error| UnpackError::transfer(&error.to_string()))?;
    }
    indexer.commit().map_err(damaged)?;
    Ok(())
}

fn open(directory: &Path) -> Result<Repository, git2::Error> {
    let odb = Odb::new()?;
    odb.add_disk_alternate(&directory.to_string_lossy())?;
    Repository::from_odb(odb)
}

/// What libgit2 cannot read may have been damaged on its way: it is worth another try.
fn damaged(error: git2::Error) -> UnpackError {
    UnpackError::transfer(&format!("the pack is damaged: {}", error.message()))
}

/// A walk through the commit's tree.
struct Walk<'a, 'scope> {
    staged: &'a Staged,
    repository: &'a Repository,
    writers: &'a Writers<'scope>,
}

impl Walk<'_, '_> {
    /// The subdirectory that is wanted; where there is none, nothing is written, and the end says so.
    fn wanted(&self, root: &Tree) -> Result<(), UnpackError> {
        let wanted = &self.staged.settings().subdirectory;
        if wanted.is_root() {
            self.staged.expect_tree(wanted, id_of(root.id()));
            return self.tree(root, wanted);
        }
        let Ok(entry) = root.get_path(wanted.as_path()) else { return Ok(()) };
        if entry.kind() != Some(ObjectType::Tree) {
            return self.staged.add_file(wanted, Kind::Regular).map(drop);
        }
        self.staged.expect_tree(wanted, id_of(entry.id()));
        self.tree(&self.repository.find_tree(entry.id()).map_err(damaged)?, wanted)
    }

    /// The recursion is bounded by the depth that paths may have.
    fn tree(&self, tree: &Tree, path: &RepoPath) -> Result<(), UnpackError> {
        for entry in tree.iter() {
            let rejected = |why: Reason| Rejected::new(entry.name_bytes(), why);
            if entry.name_bytes().contains(&b'/') {
                return Err(rejected(Reason::Malformed("a name in a tree has a slash")).into());
            }
            let name = RepoPath::parse(entry.name_bytes());
            let below = name.and_then(|name| path.join(&name)).map_err(|error| rejected(error.into()))?;
            match entry.filemode_raw() {
                mode if mode == i32::from(FileMode::Tree) => {
                    self.staged.add_directory(&below)?;
                    self.tree(&self.repository.find_tree(entry.id()).map_err(damaged)?, &below)?;
                }
                mode if mode == i32::from(FileMode::Commit) => {
                    self.staged.add_directory(&below)?;
                    let leaf = Leaf::known(Kind::Submodule, id_of(entry.id()));
                    let replaced = self.staged.state().tree.replace(&below, leaf);
                    replaced.map_err(|_| rejected(Reason::Twice(Kind::Submodule)))?;
                }
                mode if mode == i32::from(FileMode::Link) => {
                    self.staged.add_symlink(&below, self.blob(entry.id())?)?;
                }
                mode if mode == i32::from(FileMode::BlobExecutable) => {
                    self.file(&below, Kind::Executable, entry.id())?
                }
                _ => self.file(&below, Kind::Regular, entry.id())?,
            }
        }
        Ok(())
    }

    fn file(&self, path: &RepoPath, kind: Kind, id: Oid) -> Result<(), UnpackError> {
        let place = self.staged.add_file(path, kind)?;
        let content = Content::Whole(self.blob(id)?);
        let job = Job { path: path.clone(), place, executable: kind == Kind::Executable, content };
        // What stopped the writers is said when they are asked to finish.
        self.writers.write(job).map_err(|writer::Stopped| UnpackError::transfer("writing has stopped"))
    }

    fn blob(&self, id: Oid) -> Result<Vec<u8>, UnpackError> {
        let odb = self.repository.odb().map_err(damaged)?;
        let (size, _) = odb.read_header(id).map_err(damaged)?;
        self.staged.take(size as u64)?;
        Ok(self.repository.find_blob(id).map_err(damaged)?.content().to_vec())
    }
}

/// Packs hold ids of SHA-1 here, whose length is always right.
fn id_of(id: Oid) -> ObjectId {
    ObjectId::from_sha1(id.as_bytes())
}
