//! How a download goes on nearly every forge: one archive, and then only what it got wrong.

use crate::bindings::forgeport::code_repository::checkout::Directory;
use crate::bindings::forgeport::code_repository::http::Failure;
use crate::{Entry, Error, Format, GitUrl, Kind, Layout, Problem, Provider, RemoteFile, Request};

/// How many single files are asked for at once; the host decides how many of them run at a time.
const BATCH: usize = 64;

/// Requests that git's protocol takes however many files there are: what the server can do, the trees, the files. It is asked as soon as
/// more than these are known to be needed one by one, or have been spent on listings.
const BY_GIT: usize = 3;

/// The request that brings a commit's files, and how they lie in what comes.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Brings the archive.
    pub request: Request,
    /// What it is.
    pub format: Format,
    /// Where in it the repository lies.
    pub layout: Layout,
}

impl Archive {
    /// What `git archive` makes on most forges: a gzipped tar with one root folder.
    #[must_use]
    pub fn tar_gzip(request: Request) -> Self {
        Self { request, format: Format::TarGzip, layout: Layout { strip: 1, base: String::new() } }
    }
}

/// The directory that a download fills, as a provider sees it.
pub trait Target {
    /// Fetches an archive and unpacks it while it comes.
    ///
    /// # Errors
    /// Why it did not come, or cannot be written.
    fn unpack(&self, archive: &Archive) -> Result<(), Problem>;
    /// Brings all that is missing or different by git's protocol.
    ///
    /// # Errors
    /// Why it did not come, or cannot be written.
    fn complete(&self, from: &GitUrl) -> Result<(), Problem>;
    /// Fetches single files, several at a time.
    ///
    /// # Errors
    /// Why one did not come, or cannot be written.
    fn fetch_files(&self, files: &[RemoteFile]) -> Result<(), Problem>;
    /// Writes a file that the provider has the bytes of.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn write_file(&self, path: &str, executable: bool, contents: &[u8]) -> Result<(), Problem>;
    /// Writes a symbolic link.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn write_symlink(&self, path: &str, target: &str) -> Result<(), Problem>;
    /// Is what has been written known to be the commit's tree?
    fn verified(&self) -> bool;
    /// Which of these, a whole listing of the directory at `path`, is missing or different? Files are to be fetched, trees to be
    /// listed and compared in turn.
    fn compare(&self, path: &str, entries: &[Entry]) -> Vec<Entry>;
}

impl Target for Directory {
    fn unpack(&self, archive: &Archive) -> Result<(), Problem> {
        Directory::unpack(self, &archive.request, archive.format, &archive.layout)
    }

    fn complete(&self, from: &GitUrl) -> Result<(), Problem> {
        Directory::complete(self, &from.url, from.secret.as_ref())
    }

    fn fetch_files(&self, files: &[RemoteFile]) -> Result<(), Problem> {
        Directory::fetch_files(self, files)
    }

    fn write_file(&self, path: &str, executable: bool, contents: &[u8]) -> Result<(), Problem> {
        Directory::write_file(self, path, executable, contents)
    }

    fn write_symlink(&self, path: &str, target: &str) -> Result<(), Problem> {
        Directory::write_symlink(self, path, target)
    }

    fn verified(&self) -> bool {
        Directory::verified(self)
    }

    fn compare(&self, path: &str, entries: &[Entry]) -> Vec<Entry> {
        Directory::compare(self, path, entries)
    }
}

/// Unpacks the commit's archive. Unless the host knows then that this is the commit's tree, it goes through the trees that differ, and
/// fetches the files that the archive left out or altered: a few one by one, many by git's protocol where the forge has it. `subdirectory`
/// is empty for the root.
///
/// # Errors
/// What the forge's answers mean to the provider, and the host's own words where it refused something.
pub fn download<P: Provider>(provider: &P, commit: &str, target: &dyn Target, subdirectory: &str) -> Result<(), Error> {
    let archive = provider.archive(commit, subdirectory);
    target.unpack(&archive).map_err(|problem| explain(provider, problem))?;
    if target.verified() {
        return Ok(());
    }
    let mut git = provider.git();
    let mut trees = vec![subdirectory.to_owned()];
    let mut files = Vec::new();
    let mut listed = 0;
    while let Some(path) = trees.pop() {
        let entries = provider.entries(commit, &path)?;
        for entry in entries.iter().flat_map(|entries| target.compare(&path, entries)) {
            match entry.kind {
                Kind::Tree => trees.push(entry.path),
                Kind::Submodule => {}
                _ => files.push(RemoteFile {
                    request: provider.file(commit, &entry)?,
                    path: entry.path,
                    kind: entry.kind,
                }),
            }
        }
        let many = listed > BY_GIT || trees.len() + files.len() > BY_GIT;
        if (many || entries.is_none())
            && let Some(git) = git.take()
            && complete(provider, target, &git)?
        {
            return Ok(());
        }
        // Without a listing nothing can be compared; the host then says that nothing was verified.
        if entries.is_none() {
            break;
        }
        listed += 1;
        if files.len() >= BATCH {
            target.fetch_files(&files).map_err(|problem| explain(provider, problem))?;
            files.clear();
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    target.fetch_files(&files).map_err(|problem| explain(provider, problem))
}

/// Tries git's protocol; tells whether all is there then. A forge may not have it, or not for this credential, and a registration may not
/// have granted it: that is no reason to fail.
fn complete<P: Provider>(provider: &P, target: &dyn Target, git: &GitUrl) -> Result<bool, Error> {
    match target.complete(git) {
        Ok(()) => Ok(true),
        // A wish to wait is a failure, and no answer.
        Err(
            Problem::Unsupported(_)
            | Problem::Answered(_)
            | Problem::Failed(Failure::Refused(_) | Failure::Unreachable(_)),
        ) => Ok(false),
        Err(problem) => Err(explain(provider, problem)),
    }
}

/// What a problem means to a provider.
pub fn explain<P: Provider>(provider: &P, problem: Problem) -> Error {
    match problem {
        Problem::Answered(response) => provider.meaning(&response),
        Problem::Failed(failure) => failure.into(),
        Problem::Rejected(text) => Error::Host(text),
        Problem::Unsupported(text) => Error::Unsupported(text),
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
