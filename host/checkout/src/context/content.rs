//! Compares content where metadata does not decide, through the filters that git would apply.
//!
//! Filters are programs. Those that the user or the system configured are run, by git; those that only the checkout's own configuration
//! names are not: whoever made the checkout would have them run by all who only ask what it is. What cannot be compared without them is
//! told as not compared.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use git2::{AttrCheckFlags, Config, DiffOptions, Repository};

use super::ContextError;
use super::index::Entry;
use super::plain::RuleFiles;
use super::scratch::{Scratch, filter_of};

const TYPE_MASK: u32 = 0o170_000;
const SYMLINK: u32 = 0o120_000;

/// What came of the comparison.
#[derive(Debug, Default)]
pub struct Compared {
    /// Files with another content (or mode) than the index.
    pub changed: usize,
    /// Files that may have one.
    pub not_compared: usize,
    /// Why not, one for each reason.
    pub why: BTreeSet<String>,
}

/// What happens to a file on its way into a commit.
enum Conversion {
    /// Nothing, or what libgit2 knows: line ends and `ident`.
    Known,
    /// A filter of that name, or an encoding.
    Program(Vec<u8>),
    Encoding,
    /// The rules cannot be read.
    Unreadable,
}

/// Compares the entries' files; `attributes` are the entries of the files with rules.
pub fn compare(
    repository: &Repository,
    root: &Path,
    entries: &[&Entry],
    attributes: &[&Entry],
    end: Instant,
) -> Result<Compared, ContextError> {
    let mut compared = Compared::default();
    if entries.is_empty() {
        return Ok(compared);
    }
    let reading = ContextError::reading("changed files", root);
    let programs = programs(&repository.config().map_err(&reading)?).map_err(&reading)?;
    // Libgit2 reads the rules for what is ignored on its way to any file.
    let mut rules = [".gitattributes", ".gitignore"].map(|name| RuleFiles::new(root, name));
    let (mut known, mut by_git) = (Vec::new(), Vec::new());
    for entry in entries {
        match conversion(repository, &programs, &mut rules, entry) {
            Conversion::Known => known.push(*entry),
            Conversion::Program(name) => by_git.push((*entry, Some(name))),
            Conversion::Encoding => by_git.push((*entry, None)),
            Conversion::Unreadable => {
                compared.leave_out(1, "a `.gitattributes` or `.gitignore` is no file that could be read")
            }
        }
    }
    compared.changed += diff(repository, &known).map_err(&reading)?;
    if !by_git.is_empty() {
        match Scratch::new(repository, root, end).ok().and_then(|scratch| Some((scratch.filters()?, scratch))) {
            Some((usable, scratch)) => {
                let for_git = without_strange_programs(by_git, &usable, &programs, &mut compared);
                ask(&scratch, &for_git, attributes, &mut compared);
            }
            None => compared.leave_out(by_git.len(), "git has to convert them, and could not be run"),
        }
    }
    Ok(compared)
}

/// What git is to compare: not where the program is named by the checkout alone.
fn without_strange_programs<'a, 'b>(
    entries: Vec<(&'a Entry<'b>, Option<Vec<u8>>)>,
    usable: &HashSet<Vec<u8>>,
    programs: &HashSet<Vec<u8>>,
    compared: &mut Compared,
) -> Vec<&'a Entry<'b>> {
    let mut for_git = Vec::new();
    for (entry, filter) in entries {
        match filter {
            Some(name) if !usable.contains(&name) && programs.contains(&name) => {
                compared.leave_out(1, &not_run(&name));
            }
            _ => for_git.push(entry),
        }
    }
    for_git
}

fn not_run(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    format!(
        "the program of their filter `{name}` stands in the checkout's own git configuration, and a checkout's programs are not run; \
         where you trust it, run `git status` there first, which compares them and notes it"
    )
}

fn ask(scratch: &Scratch, entries: &[&Entry], attributes: &[&Entry], compared: &mut Compared) {
    if entries.is_empty() {
        return;
    }
    match scratch.changed(entries, attributes) {
        Some(changed) => compared.changed += changed.len(),
        None => {
            compared.leave_out(entries.len(), "git has to convert them, and failed: `git status` there may tell why")
        }
    }
}

fn diff(repository: &Repository, entries: &[&Entry]) -> Result<usize, git2::Error> {
    // No path at all would mean every path.
    if entries.is_empty() {
        return Ok(0);
    }
    let mut options = DiffOptions::new();
    options.disable_pathspec_match(true).include_typechange(true).ignore_submodules(true);
    for entry in entries {
        options.pathspec(&entry.path[..]);
    }
    let diff = repository.diff_index_to_workdir(None, Some(&mut options))?;
    let paths: HashSet<_> = diff.deltas().map(|delta| delta.new_file().path_bytes().map(<[u8]>::to_vec)).collect();
    Ok(paths.len())
}

/// The names of all filters that have a program, wherever libgit2 sees it.
fn programs(config: &Config) -> Result<HashSet<Vec<u8>>, git2::Error> {
    let mut names = HashSet::new();
    config.entries(Some(r"^filter\..*\.(clean|process)$"))?.for_each(|entry| {
        names.extend(filter_of(entry.name_bytes()).map(<[u8]>::to_vec));
    })?;
    Ok(names)
}

/// libgit2 does not read what `git -c` or a CI job puts into the environment.
fn is_configured_by_environment() -> bool {
    std::env::vars_os().any(|(name, _)| name.as_bytes().starts_with(b"GIT_CONFIG_"))
}

fn conversion(
    repository: &Repository,
    programs: &HashSet<Vec<u8>>,
    rules: &mut [RuleFiles],
    entry: &Entry,
) -> Conversion {
    if !rules.iter_mut().all(|rules| rules.are_usable_for(&entry.path)) {
        return Conversion::Unreadable;
    }
    if entry.mode & TYPE_MASK == SYMLINK {
        return Conversion::Known;
    }
    let path = Path::new(OsStr::from_bytes(&entry.path));
    let value = |name| {
        let value = repository.get_attr_bytes(path, name, AttrCheckFlags::FILE_THEN_INDEX);
        value.ok().flatten().filter(|value| !matches!(*value, b"" | b"[internal]__FALSE__" | b"[internal]__TRUE__"))
    };
    match (value("filter"), value("working-tree-encoding")) {
        (Some(name), _) if programs.contains(name) || is_configured_by_environment() => {
            Conversion::Program(name.to_vec())
        }
        (_, Some(_)) => Conversion::Encoding,
        _ => Conversion::Known,
    }
}

impl Compared {
    fn leave_out(&mut self, files: usize, why: &str) {
        self.not_compared += files;
        self.why.insert(why.to_owned());
    }
}
