//! Finds the repository of a path, and looks at what git would open before `gix` opens it.
//!
//! Neither git nor `gix` asks what a file is: a named pipe in its place makes `open` wait for ever, and a file of a terabyte, which
//! takes no room where it is sparse, is read whole. Both are easily put into an archive. What is looked at here is what is known to be
//! opened; what is overlooked ends at the time that the whole has (see `inspect`).

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::walk::is_gone;
use crate::{ContextError, includes};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A file that holds a name or an id.
const NAME: u64 = 64 * KIB;
/// A configuration. One with 10,000 branches has 1 MiB.
pub const CONFIG: u64 = 16 * MIB;
/// Rules for paths. git reads none of more than 100 MiB (`PATTERN_MAX_FILE_SIZE`, `ATTR_MAX_FILE_SIZE`).
pub const RULES: u64 = 100 * MIB;
/// Ten million files.
const INDEX: u64 = 1024 * MIB;
/// Ten million refs.
const REFS: u64 = 1024 * MIB;
/// Packs and objects, which are not read whole for their size alone.
const ANY: u64 = u64::MAX;

/// The files of a repository, below its own directory and below the one that it shares with its linked worktrees.
const FILES: &[(&str, u64)] = &[
    ("HEAD", NAME),
    ("commondir", NAME),
    ("gitdir", NAME),
    ("config", CONFIG),
    ("config.worktree", CONFIG),
    ("index", INDEX),
    ("packed-refs", REFS),
    ("shallow", REFS),
    ("info/attributes", RULES),
    ("info/exclude", RULES),
    ("info/grafts", REFS),
    ("objects/info/alternates", CONFIG),
    ("objects/info/commit-graph", ANY),
];
/// More than git follows one from another.
const ALTERNATES: usize = 64;

/// What is known of the files that hold rules for paths (`.gitignore`, `.gitattributes`), by their directories.
pub struct RuleFiles<'a> {
    root: &'a Path,
    name: &'a str,
    usable: HashMap<Vec<u8>, bool>,
}

/// A file that git may be told to read: nothing there is well too.
pub fn file(path: &Path, limit: u64) -> Result<(), ContextError> {
    metadata(path).map_or(Ok(()), |metadata| judge(path, &metadata, limit))
}

/// Where a repository was found.
#[derive(Debug)]
pub struct Place {
    /// The directory that has it as `.git`, or is it.
    pub directory: PathBuf,
    /// The repository's own directory.
    pub git: PathBuf,
}

impl Place {
    /// What `safe.directory` would name: the root of the work tree, or the bare repository.
    pub fn root(&self) -> &Path {
        &self.directory
    }

    /// What has to belong to the user: both directories, and the file that leads from one to the other, if there is one.
    pub fn of_ownership(&self) -> [PathBuf; 3] {
        [self.directory.clone(), self.directory.join(".git"), self.git.clone()]
    }
}

/// The repository that a search from `directory` upwards finds. Like git's, it ends where another file system begins.
pub fn search(directory: &Path) -> Result<Option<Place>, ContextError> {
    let device = |path: &Path| path.metadata().ok().map(|metadata| metadata.dev());
    let first = device(directory);
    for place in directory.ancestors().take_while(|place| device(place) == first) {
        if let Some(found) = at(place)? {
            return Ok(Some(found));
        }
        if is_repository(place)? {
            return Ok(Some(Place { directory: place.to_path_buf(), git: place.to_path_buf() }));
        }
    }
    Ok(None)
}

/// The same for the repository of just this work tree.
pub fn at(root: &Path) -> Result<Option<Place>, ContextError> {
    let git = root.join(".git");
    let git = match metadata(&git) {
        Some(found) if found.is_dir() => git,
        // Anything else than a file is passed by.
        Some(found) if found.is_file() => {
            file(&git, NAME)?;
            let link = std::fs::read(&git).map_err(ContextError::unreadable(&git))?;
            let link = link.strip_prefix(b"gitdir:").unwrap_or_default().trim_ascii();
            root.join(OsStr::from_bytes(link))
        }
        _ => return Ok(None),
    };
    Ok(is_repository(&git)?.then(|| Place { directory: root.to_path_buf(), git }))
}

fn is_repository(directory: &Path) -> Result<bool, ContextError> {
    file(&directory.join("commondir"), NAME)?;
    let has = |name: &str| directory.join(name).exists();
    Ok(has("HEAD") && (has("commondir") || (has("objects") && has("refs"))))
}

/// All that is opened of a repository whose directory is `git`.
pub fn repository(git: &Path) -> Result<(), ContextError> {
    let common = common(git)?;
    let mut places = vec![git];
    if common != git {
        places.push(&common);
    }
    for place in &places {
        for (name, limit) in FILES {
            file(&place.join(name), *limit)?;
        }
        all_below(&place.join("refs"), NAME)?;
        includes::check(&place.join("config"))?;
        includes::check(&place.join("config.worktree"))?;
    }
    objects(&common.join("objects"))
}

/// The directory that a repository shares with its linked worktrees.
pub fn common(git: &Path) -> Result<PathBuf, ContextError> {
    let link = git.join("commondir");
    file(&link, NAME)?;
    match std::fs::read(&link) {
        Ok(target) => Ok(git.join(OsStr::from_bytes(target.trim_ascii_end()))),
        Err(error) if is_gone(&error) => Ok(git.to_path_buf()),
        Err(error) => Err(ContextError::unreadable(&link)(error)),
    }
}

/// The folders of objects and packs, and those of the repositories that lend theirs.
fn objects(first: &Path) -> Result<(), ContextError> {
    let mut seen = HashSet::new();
    let mut pending = vec![first.to_path_buf()];
    while let Some(directory) = pending.pop() {
        if !seen.insert(directory.clone()) || seen.len() > ALTERNATES {
            continue;
        }
        let mut folders = Vec::new();
        each_in(&directory, ANY, |path, _| folders.push(path))?;
        for folder in folders {
            each_in(&folder, ANY, |_, _| {})?;
        }
        let alternates = directory.join("info/alternates");
        file(&alternates, CONFIG)?;
        let lines = std::fs::read(alternates).unwrap_or_default();
        pending.extend(
            lines
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| directory.join(OsStr::from_bytes(line))),
        );
    }
    Ok(())
}

/// All files below a directory, at whatever depth; links to directories are followed once.
fn all_below(directory: &Path, limit: u64) -> Result<(), ContextError> {
    let mut seen = HashSet::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(directory) = pending.pop() {
        each_in(&directory, limit, |path, metadata| {
            if seen.insert((metadata.dev(), metadata.ino())) {
                pending.push(path);
            }
        })?;
    }
    Ok(())
}

/// Looks at the files of a directory, and hands over its directories.
fn each_in(directory: &Path, limit: u64, mut descend: impl FnMut(PathBuf, &Metadata)) -> Result<(), ContextError> {
    // What cannot be listed is told of where it matters.
    let Ok(listing) = std::fs::read_dir(directory) else { return Ok(()) };
    for entry in listing.flatten() {
        // There may be many thousands, and the listing alone tells their kind.
        if limit == ANY && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        match metadata(&path) {
            Some(metadata) if metadata.is_dir() => descend(path, &metadata),
            Some(metadata) => judge(&path, &metadata, limit)?,
            None => {}
        }
    }
    Ok(())
}

fn judge(path: &Path, metadata: &Metadata, limit: u64) -> Result<(), ContextError> {
    if let Some(what) = no_file(metadata) {
        return Err(ContextError::NoFile { path: path.to_path_buf(), what });
    }
    if metadata.is_file() && metadata.len() > limit {
        return Err(ContextError::TooLarge { path: path.to_path_buf(), limit });
    }
    Ok(())
}

/// What links lead to. Nothing is there, links go in a circle, or nobody may look: none of it can be opened, and it is told of
/// where it matters.
fn metadata(path: &Path) -> Option<Metadata> {
    path.metadata().ok()
}

/// What it is, if it is neither file nor directory. The null device stands for an empty file in many a configuration.
fn no_file(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_block_device() || (kind.is_char_device() && !is_null(metadata)) {
        Some("a device")
    } else {
        None
    }
}

fn is_null(metadata: &Metadata) -> bool {
    Path::new("/dev/null").metadata().is_ok_and(|null| null.rdev() == metadata.rdev())
}

impl<'a> RuleFiles<'a> {
    pub fn new(root: &'a Path, name: &'a str) -> Self {
        Self { root, name, usable: HashMap::new() }
    }

    /// Can all files be read that have rules for `path` (from the root)?
    pub fn are_usable_for(&mut self, path: &[u8]) -> bool {
        let mut end = path.len();
        loop {
            // Those of `a/b/c` lie in `a/b`, `a` and the root; a directory's path ends with a slash, and it has its own.
            let directory = &path[..path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)];
            if !self.is_usable(directory) {
                return false;
            }
            if directory.is_empty() {
                return true;
            }
            end = directory.len() - 1;
        }
    }

    fn is_usable(&mut self, directory: &[u8]) -> bool {
        if let Some(known) = self.usable.get(directory) {
            return *known;
        }
        let path = self.root.join(OsStr::from_bytes(directory)).join(self.name);
        // Git does not follow a link there.
        let usable = path.symlink_metadata().map_or(Ok(()), |metadata| judge(&path, &metadata, RULES)).is_ok();
        self.usable.insert(directory.to_vec(), usable);
        usable
    }
}
