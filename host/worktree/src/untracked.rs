//! Untracked files: which paths that are not in the index git would report.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gix::bstr::ByteSlice;
use gix::index::entry::Mode;
use gix::worktree::stack::state::ignore::Source;
use gix::{AttributeStack, Repository};

use crate::file_check::RuleFiles;
use crate::inspection::Inspection;
use crate::mask::MaskedText;
use crate::tracked::Tracked;

/// Decides about paths that are not in the index.
pub struct Untracked<'a> {
    ignored: AttributeStack<'a>,
    root: &'a Path,
    rules: RuleFiles<'a>,
    inspection: &'a Inspection,
}

impl<'a> Untracked<'a> {
    pub fn new(
        repository: &'a Repository,
        tracked: &Tracked,
        root: &'a Path,
        inspection: &'a Inspection,
    ) -> Result<Self, String> {
        let ignored = repository.excludes(tracked.state(), None, Source::WorktreeThenIdMappingIfNotSkipped);
        let ignored = ignored.map_err(|error| unreadable(&error))?;
        Ok(Self { ignored, root, rules: RuleFiles::new(root, ".gitignore"), inspection })
    }

    /// Counts like `git status`: a directory without any tracked file counts once, and only if it contains a file that is not ignored.
    /// `unknown` are paths from the root, those of directories with a final `/`.
    ///
    /// # Errors
    /// Why the number is unknown.
    pub fn count(&mut self, unknown: &[Vec<u8>]) -> Result<usize, String> {
        let mut count = 0;
        for path in unknown {
            count += usize::from(self.is_untracked(path)?);
        }
        Ok(count)
    }

    fn is_untracked(&mut self, path: &[u8]) -> Result<bool, String> {
        self.inspection.check_time(self.root).map_err(|error| error.to_string())?;
        if !self.rules.are_usable_for(path) {
            return Err("a `.gitignore` is not a readable file".to_owned());
        }
        let (name, mode) = match path.strip_suffix(b"/") {
            Some(name) => (name, Mode::DIR),
            None => (path, Mode::FILE),
        };
        let found = self.ignored.at_entry(name.as_bstr(), Some(mode)).map_err(|error| unreadable(&error))?;
        if found.is_excluded() {
            return Ok(false);
        }
        if mode == Mode::FILE {
            return Ok(true);
        }
        let directory = self.root.join(OsStr::from_bytes(path));
        if is_repository(&directory) {
            return Ok(true);
        }
        // As for git, a directory that cannot be read or was removed meanwhile is empty.
        let Ok(listing) = std::fs::read_dir(&directory) else {
            return Ok(false);
        };
        for item in listing.flatten() {
            let Ok(kind) = item.file_type() else { continue };
            let name = item.file_name();
            if name == ".git" || !(kind.is_file() || kind.is_symlink() || kind.is_dir()) {
                continue;
            }
            let mut below = [path, name.as_bytes()].concat();
            if kind.is_dir() {
                below.push(b'/');
            }
            if self.is_untracked(&below)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn unreadable(error: &gix::Error) -> String {
    format!("the rules for what is ignored cannot be read: {}", MaskedText::of(error))
}

/// True for a nested repository, which counts once, whatever it contains.
fn is_repository(directory: &Path) -> bool {
    let git = directory.join(".git");
    git.is_file() || git.join("HEAD").exists()
}
