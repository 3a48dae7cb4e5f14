//! Paths inside a repository: raw bytes that were checked once, so that no other code has to.

use std::ffi::OsStr;
use std::fmt;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::escape_untrusted_short;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest path, in bytes: `PATH_MAX` of Linux.
const LONGEST_PATH: usize = 4096;
/// The longest name of one file, in bytes: `NAME_MAX` of every file system in use.
const LONGEST_NAME: usize = 255;
/// The deepest nesting of directories. The deepest known repository has fewer than 50.
const DEEPEST: usize = 256;

/// A path from the repository's root, its names separated by `/`; empty for the root itself. Not always UTF-8.
///
/// It has no name that is empty, `.`, `..`, contains a NUL or is taken for `.git` by a file system, so it can be joined to a directory safely.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(Vec<u8>);

/// Why bytes are no path inside a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It starts with `/`.
    #[error("the path is absolute")]
    Absolute,
    /// `//`, or a slash at the end.
    #[error("a name in the path is empty")]
    EmptyName,
    /// `.` or `..`.
    #[error("the path has a `.` or `..` in it")]
    Dots,
    /// A NUL byte.
    #[error("the path has a NUL byte in it")]
    Nul,
    /// `.git`, also where only another file system takes it for that.
    #[error("a name in the path is `.git` for some file system, which no commit contains")]
    DotGit,
    /// One name is longer than a file system takes.
    #[error("a name in the path has {0} bytes, more than the {LONGEST_NAME} that a file system takes")]
    LongName(usize),
    /// The path is longer than the system takes.
    #[error("the path has {0} bytes, more than the {LONGEST_PATH} that the system takes")]
    LongPath(usize),
    /// Too many levels of directories.
    #[error("the path is {0} levels deep, more than the limit of {DEEPEST}")]
    Deep(usize),
}

impl RepoPath {
    /// The repository's root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks bytes that came from elsewhere; an empty path is the root.
    ///
    /// # Errors
    /// The first rule of [`PathError`] that the bytes break.
    pub fn parse(raw: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let raw = raw.as_ref();
        check(raw)?;
        Ok(Self(raw.to_vec()))
    }

    /// True for the repository's root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The names, from the root down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// The directory that contains it, and its name there; none for the root.
    pub fn split_last(&self) -> Option<(RepoPath, &[u8])> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (Self(self.0[..slash].to_vec()), &self.0[slash + 1..]),
            None => (Self::root(), &self.0[..]),
        })
    }

    /// `other`, relative to this directory.
    ///
    /// # Errors
    /// When the joined path is too long or too deep.
    pub fn join(&self, other: &RepoPath) -> Result<RepoPath, PathError> {
        if self.is_root() {
            return Ok(other.clone());
        }
        if other.is_root() {
            return Ok(self.clone());
        }
        Self::parse([self.as_bytes(), b"/", other.as_bytes()].concat())
    }

    /// A name that has been checked, in this directory.
    pub fn child(&self, name: &[u8]) -> RepoPath {
        if self.is_root() { Self(name.to_vec()) } else { Self([&self.0, &b"/"[..], name].concat()) }
    }

    /// The range, in the order of paths, of all paths below this one, without this one.
    pub fn all_below(&self) -> Range<RepoPath> {
        let bound = |end: u8| Self([&self.0[..], &[end]].concat());
        // The byte that follows the slash.
        bound(b'/')..bound(b'/' + 1)
    }

    /// The first bytes of the path, up to a slash.
    pub fn prefix(&self, length: usize) -> RepoPath {
        Self(self.0[..length].to_vec())
    }

    /// The path relative to `directory`; none if it is not in it. A path is in itself.
    pub fn below(&self, directory: &RepoPath) -> Option<RepoPath> {
        if directory.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(&directory.0[..])?;
        match rest {
            [] => Some(Self::root()),
            [b'/', rest @ ..] => Some(Self(rest.to_vec())),
            _ => None,
        }
    }

    /// True if the path is `directory` or below it.
    pub fn is_in(&self, directory: &RepoPath) -> bool {
        directory.is_root()
            || (self.0.starts_with(&directory.0) && matches!(self.0.get(directory.0.len()), None | Some(b'/')))
    }

    /// The path as a relative path of the file system.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

/// Safe to print: control characters are escaped, and a long path is cut.
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_untrusted_short(&self.0))
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Parses the text that [`Serialize`] wrote.
impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Checks that bytes are a path inside a repository, without keeping them.
pub fn check(raw: &[u8]) -> Result<(), PathError> {
    if raw.is_empty() {
        return Ok(());
    }
    if raw.len() > LONGEST_PATH {
        return Err(PathError::LongPath(raw.len()));
    }
    if raw[0] == b'/' {
        return Err(PathError::Absolute);
    }
    let mut depth = 0;
    for name in raw.split(|byte| *byte == b'/') {
        check_name(name)?;
        depth += 1;
    }
    if depth > DEEPEST { Err(PathError::Deep(depth)) } else { Ok(()) }
}

fn check_name(name: &[u8]) -> Result<(), PathError> {
    match name {
        [] => Err(PathError::EmptyName),
        b"." | b".." => Err(PathError::Dots),
        _ if name.len() > LONGEST_NAME => Err(PathError::LongName(name.len())),
        _ if name.contains(&0) => Err(PathError::Nul),
        _ if is_dot_git(name) => Err(PathError::DotGit),
        _ => Ok(()),
    }
}

/// True if some file system would open `.git` by this name. NTFS has a short name for it, and ignores spaces and dots at the end and what
/// follows a colon; HFS+ ignores some characters. Git refuses the same names (`verify_path`, `is_ntfs_dotgit`, `is_hfs_dotgit`).
fn is_dot_git(name: &[u8]) -> bool {
    // Every such name starts with one of these bytes, so that most names need no other check.
    if !matches!(name[0], b'.' | b'g' | b'G' | 0xe2 | 0xef) {
        return false;
    }
    let windows = name.split(|byte| matches!(byte, b':' | b'\\')).next().unwrap_or(name);
    let end = windows.iter().rposition(|byte| !matches!(byte, b' ' | b'.')).map_or(0, |last| last + 1);
    let windows = &windows[..end];
    if windows.eq_ignore_ascii_case(b".git") || windows.eq_ignore_ascii_case(b"git~1") {
        return true;
    }
    let apple = String::from_utf8_lossy(name).chars().filter(|char| !ignored_by_hfs(*char)).collect::<String>();
    apple.eq_ignore_ascii_case(".git")
}

fn ignored_by_hfs(char: char) -> bool {
    matches!(char, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_and_odd_names_are_paths() {
        for raw in
            ["", "a", "a/b.txt", "with space/ä/日本\n", ".gitignore", ".github/x", "git", "...", "a..b", "-rf", "C:\\x"]
        {
            assert_eq!(RepoPath::parse(raw).unwrap().as_bytes(), raw.as_bytes());
        }
        assert!(RepoPath::parse([b'a', 0xff]).is_ok());
    }

    #[test]
    fn what_could_leave_the_directory_is_no_path() {
        let cases: [(&str, PathError); 8] = [
            ("/etc/passwd", PathError::Absolute),
            ("..", PathError::Dots),
            ("a/../b", PathError::Dots),
            ("./a", PathError::Dots),
            ("a//b", PathError::EmptyName),
            ("a/", PathError::EmptyName),
            ("a\0b", PathError::Nul),
            ("a/.git/config", PathError::DotGit),
        ];
        for (raw, error) in cases {
            assert_eq!(RepoPath::parse(raw), Err(error), "{raw:?}");
        }
        assert_eq!(RepoPath::parse("x".repeat(256)), Err(PathError::LongName(256)));
        assert_eq!(RepoPath::parse("x/".repeat(256) + "x"), Err(PathError::Deep(257)));
        assert!(matches!(RepoPath::parse(vec!["x".repeat(200); 21].join("/")), Err(PathError::LongPath(_))));
    }

    #[test]
    fn every_spelling_of_dot_git_that_git_refuses_is_refused() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git ",
            ".git.",
            ".git. .",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".gi\u{206f}t",
        ] {
            assert_eq!(RepoPath::parse(name), Err(PathError::DotGit), "{name:?}");
        }
        for name in [".gitx", "x.git", "git~2", ".g", "git", "..git", ".git~1"] {
            assert!(RepoPath::parse(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_path_lies_in_its_directories_only() {
        let path = |raw: &str| RepoPath::parse(raw).unwrap();
        assert!(path("a/b").is_in(&path("a")));
        assert!(path("a").is_in(&path("a")));
        assert!(!path("ab").is_in(&path("a")));
        assert!(path("ab").is_in(&RepoPath::root()));
        assert_eq!(path("a/b/c").below(&path("a")), Some(path("b/c")));
        assert_eq!(path("ab").below(&path("a")), None);
        assert_eq!(path("a/b").split_last(), Some((path("a"), &b"b"[..])));
    }

    #[test]
    fn what_lies_below_a_path_is_one_range() {
        let path = |raw: &str| RepoPath::parse(raw).unwrap();
        for (other, below) in
            [("a/x", true), ("a/x/y", true), ("a", false), ("a-b", false), ("a0", false), ("b/a/x", false)]
        {
            assert_eq!(path("a").all_below().contains(&path(other)), below, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_accepted_never_leaves_its_directory(raw in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'/'), Just(b'a'), Just(0), any::<u8>()], 0..40)) {
            if let Ok(path) = RepoPath::parse(&raw) {
                prop_assert!(path.as_path().components().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert_eq!(path.components().collect::<Vec<_>>().join(&b'/'), raw);
            }
        }
    }
}
