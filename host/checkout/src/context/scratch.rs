//! Has git itself compare files, without anything of the checkout's own configuration.
//!
//! Only git knows all that happens to a file on its way into a commit: programs as filters, encodings, line ends by what the index has.
//! But in a checkout it also runs whatever the checkout's configuration names (`filter.*.clean`, `core.fsmonitor`, `core.sshCommand`
//! when an object is missing, and more with each version), and a checkout may be a stranger's. So git is given a repository of ours: the
//! files and objects are those of the checkout, the index holds the files in question, and the configuration is the user's and the
//! system's besides the few settings here, none of which names a program.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use git2::{Config, Repository};
use tempfile::TempDir;

use super::index::Entry;
use crate::object::{Hasher, ObjectFormat};
use crate::program::{output, program};

/// What a checkout's own configuration says of how files become blobs.
const SETTINGS: &[&str] = &[
    "core.autocrlf",
    "core.checkRoundtripEncoding",
    "core.eol",
    "core.fileMode",
    "core.ignoreCase",
    "core.precomposeUnicode",
    "core.symlinks",
];
/// Of our repository. The last ones keep the user's from starting more than filters.
const OWN_SETTINGS: &[(&str, &str)] = &[
    ("core.repositoryFormatVersion", "0"),
    ("core.bare", "false"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.hooksPath", "/dev/null"),
];
/// Nothing is written, asked or fetched.
const ENVIRONMENT: &[(&str, &str)] =
    &[("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_NO_LAZY_FETCH", "1")];

/// Index entries are padded with zeros, at least one, to a multiple of this (gitformat-index(5)).
const ALIGNMENT: usize = 8;
const LONGEST_NAME: usize = 0xfff;

/// A repository of ours that goes when this does.
pub struct Scratch<'a> {
    directory: TempDir,
    root: &'a Path,
    end: Instant,
}

impl<'a> Scratch<'a> {
    /// For the files below `root`; git has to be done by `end`.
    pub fn new(repository: &Repository, root: &'a Path, end: Instant) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path();
        for name in ["info", "objects/info", "refs"] {
            fs::create_dir_all(path.join(name))?;
        }
        fs::write(path.join("HEAD"), "ref: refs/heads/none\n")?;
        let objects = repository.commondir().join("objects").canonicalize()?;
        fs::write(path.join("objects/info/alternates"), [objects.as_os_str().as_bytes(), b"\n"].concat())?;
        let attributes = repository.commondir().join("info/attributes");
        if attributes.is_file() {
            fs::copy(attributes, path.join("info/attributes"))?;
        }
        configure(repository, root, &path.join("config")).map_err(io::Error::other)?;
        Ok(Self { directory, root, end })
    }

    /// The names of the filters that have a program outside of the checkout's configuration.
    pub fn filters(&self) -> Option<HashSet<Vec<u8>>> {
        let mut git = self.git();
        // Without a match, this would end as if it had failed.
        git.args(["config", "--list", "--name-only", "-z"]);
        let keys = output(git, self.end)?;
        Some(keys.split(|byte| *byte == 0).filter_map(filter_of).map(<[u8]>::to_vec).collect())
    }

    /// Which of the files have another content or mode than their entries. `attributes` are the entries of `.gitattributes`, which count
    /// where such a file is not checked out.
    pub fn changed(&self, entries: &[&Entry], attributes: &[&Entry]) -> Option<HashSet<Vec<u8>>> {
        let mut all = [entries, attributes].concat();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all.dedup_by(|a, b| a.path == b.path);
        fs::write(self.directory.path().join("index"), index_of(&all)).ok()?;
        let mut git = self.git();
        git.args(["ls-files", "--modified", "-z"]);
        let paths = output(git, self.end)?;
        let changed: HashSet<_> = paths.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        Some(entries.iter().map(|entry| entry.path.to_vec()).filter(|path| changed.contains(path)).collect())
    }

    fn git(&self) -> Command {
        let mut git = program("git");
        git.current_dir(self.root).env("GIT_DIR", self.directory.path()).env("GIT_WORK_TREE", self.root);
        git.envs(ENVIRONMENT.iter().copied());
        git
    }
}

fn configure(repository: &Repository, root: &Path, file: &Path) -> Result<(), git2::Error> {
    let theirs = repository.config()?;
    let mut ours = Config::open(file)?;
    for name in SETTINGS {
        if let Ok(value) = theirs.get_string(name) {
            ours.set_str(name, &value)?;
        }
    }
    if let Some(path) = theirs.get_path("core.attributesFile").ok().and_then(|path| absolute(root, path)) {
        ours.set_str("core.attributesFile", &path)?;
    }
    for (name, value) in OWN_SETTINGS {
        ours.set_str(name, value)?;
    }
    Ok(())
}

fn absolute(root: &Path, path: PathBuf) -> Option<String> {
    root.join(path).to_str().map(str::to_owned)
}

/// The name in `filter.<name>.clean` or `.process`.
pub fn filter_of(key: &[u8]) -> Option<&[u8]> {
    let rest = key.strip_prefix(b"filter.")?;
    rest.strip_suffix(b".clean").or_else(|| rest.strip_suffix(b".process"))
}

/// An index of version 2 that knows nothing of the files' metadata, so that git compares their content.
fn index_of(entries: &[&Entry]) -> Vec<u8> {
    let mut file = b"DIRC\0\0\0\x02".to_vec();
    file.extend(u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
    for entry in entries {
        let begin = file.len();
        // Both times, the device and the inode.
        file.extend([0; 24]);
        file.extend(entry.mode.to_be_bytes());
        // The owner, the group and the size.
        file.extend([0; 12]);
        file.extend(entry.id.as_bytes());
        file.extend((entry.path.len().min(LONGEST_NAME) as u16).to_be_bytes());
        file.extend(&*entry.path);
        file.extend(std::iter::repeat_n(0, ALIGNMENT - (file.len() - begin) % ALIGNMENT));
    }
    let mut checksum = Hasher::checksum(ObjectFormat::Sha1);
    checksum.update(&file);
    // A checksum looks for no collision, so there is none.
    if let Ok(checksum) = checksum.finish() {
        file.extend(checksum.as_bytes());
    }
    file
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::context::index;

    #[test]
    fn an_index_of_ours_is_read_as_it_was_meant() {
        let entry = |path: &'static str| Entry {
            changed: index::Time { seconds: 1, nanoseconds: 1 },
            modified: index::Time { seconds: 1, nanoseconds: 1 },
            inode: 1,
            mode: 0o100_755,
            size: 1,
            id: git2::Oid::from_bytes(&[7; 20]).unwrap(),
            flags: 0,
            extended: 0,
            path: path.as_bytes().into(),
        };
        let (a, b) = (entry("a"), entry("a directory/with a file"));
        let file = index_of(&[&a, &b]);
        let (read, _) = index::parse(&file).unwrap();
        let told: Vec<_> = read.iter().map(|entry| (&*entry.path, entry.mode, entry.id, entry.size)).collect();
        assert_eq!(told, [(&*a.path, a.mode, a.id, 0), (&*b.path, b.mode, b.id, 0)]);
    }

    #[test]
    fn the_name_of_a_filter_may_hold_dots() {
        assert_eq!(filter_of(b"filter.a.b.clean"), Some(b"a.b".as_slice()));
        assert_eq!(filter_of(b"filter.lfs.process"), Some(b"lfs".as_slice()));
        assert_eq!(filter_of(b"filter.lfs.smudge"), None);
    }
}
