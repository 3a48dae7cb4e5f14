#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use super::*;
use crate::testing::response;
use crate::{Commit, Description, Identity, Remote, Settings, below};

/// A forge with `a`, `b` and the link `l` in the root and in every directory of `directories`.
struct Forge {
    directories: &'static [&'static str],
    lists: bool,
    git: bool,
}

const FORGE: Forge = Forge { directories: &["d", "d/e"], lists: true, git: true };

impl Provider for Forge {
    fn describe() -> Description {
        unreachable!("no test asks")
    }
    fn open(_settings: &Settings) -> Result<Self, Error> {
        unreachable!("no test asks")
    }
    fn login(&self) -> Result<Identity, Error> {
        unreachable!("no test asks")
    }
    fn resolve(&self, _revision: &str) -> Result<Commit, Error> {
        unreachable!("no test asks")
    }
    fn owns_remote(&self, _remote: &Remote) -> bool {
        false
    }
    fn archive(&self, commit: &str, subdirectory: &str) -> Archive {
        Archive::tar_gzip(Request::get(format!("https://h/{commit}/{subdirectory}")))
    }
    fn entries(&self, _commit: &str, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        if !self.lists {
            return Ok(None);
        }
        let entry = |name: &str, mode: &str| Entry::from_mode(below(path, name), mode, "1".into());
        let mut entries = vec![entry("a", "100644")?, entry("b", "100755")?];
        entries.extend([entry("l", "120000")?, entry("s", "160000")?]);
        for directory in self.directories {
            if directory.rsplit_once('/').map_or("", |(parent, _)| parent) == path {
                entries.push(Entry::from_mode((*directory).into(), "040000", "2".into())?);
            }
        }
        Ok(Some(entries))
    }
    fn file(&self, _commit: &str, entry: &Entry) -> Result<Request, Error> {
        Ok(Request::get(format!("https://h/raw/{}", entry.path)))
    }
    fn git(&self) -> Option<GitUrl> {
        self.git.then(|| GitUrl::new("https://h/r.git"))
    }
}

/// A directory that has everything but what is in `differs`.
#[derive(Default)]
struct Disk {
    differs: Vec<&'static str>,
    verified: bool,
    problem: RefCell<Option<Problem>>,
    git: RefCell<Option<Problem>>,
    asked: RefCell<Vec<String>>,
}

impl Disk {
    fn differing(paths: &[&'static str]) -> Self {
        Self { differs: paths.to_vec(), ..Self::default() }
    }
    fn note(&self, what: String) {
        self.asked.borrow_mut().push(what);
    }
}

impl Target for Disk {
    fn unpack(&self, archive: &Archive) -> Result<(), Problem> {
        self.note(format!("unpack {}", archive.request.url));
        self.problem.take().map_or(Ok(()), Err)
    }
    fn complete(&self, from: &GitUrl) -> Result<(), Problem> {
        self.note(format!("complete {}", from.url));
        self.git.take().map_or(Ok(()), Err)
    }
    fn fetch_files(&self, files: &[RemoteFile]) -> Result<(), Problem> {
        for file in files {
            self.note(format!("{:?} {}", file.kind, file.request.url));
        }
        self.note(format!("batch of {}", files.len()));
        Ok(())
    }
    fn write_file(&self, _path: &str, _executable: bool, _contents: &[u8]) -> Result<(), Problem> {
        unreachable!("nothing is written by hand")
    }
    fn write_symlink(&self, _path: &str, _target: &str) -> Result<(), Problem> {
        unreachable!("nothing is written by hand")
    }
    fn verified(&self) -> bool {
        self.verified
    }
    fn compare(&self, path: &str, entries: &[Entry]) -> Vec<Entry> {
        self.note(format!("compare {path:?}"));
        let differs = |entry: &&Entry| {
            let within = |path: &&str| {
                *path == entry.path || entry.kind == Kind::Tree && path.starts_with(&format!("{}/", entry.path))
            };
            self.differs.iter().any(within)
        };
        entries.iter().filter(differs).cloned().collect()
    }
}

fn run(forge: &Forge, disk: &Disk, subdirectory: &str) -> Vec<String> {
    download(forge, "c0", disk, subdirectory).unwrap();
    disk.asked.take()
}

#[test]
fn a_verified_archive_is_all_that_is_asked_for() {
    let disk = Disk { verified: true, ..Disk::default() };
    assert_eq!(run(&FORGE, &disk, ""), ["unpack https://h/c0/"]);
}

#[test]
fn an_archive_that_is_as_listed_costs_one_listing() {
    let asked = run(&FORGE, &Disk::default(), "");
    assert_eq!(asked, ["unpack https://h/c0/", "compare \"\""]);
}

#[test]
fn only_trees_that_differ_are_listed_and_only_files_that_differ_are_fetched() {
    let disk = Disk::differing(&["a", "d/e/l"]);
    let expected = [
        "unpack https://h/c0/",
        "compare \"\"",
        "compare \"d\"",
        "compare \"d/e\"",
        "Kind::Regular https://h/raw/a",
        "Kind::Symlink https://h/raw/d/e/l",
        "batch of 2",
    ];
    assert_eq!(run(&FORGE, &disk, ""), expected);
}

#[test]
fn a_subdirectory_is_where_the_listing_starts() {
    let disk = Disk::differing(&["a", "d/b"]);
    let expected = ["unpack https://h/c0/d", "compare \"d\"", "Kind::Executable https://h/raw/d/b", "batch of 1"];
    assert_eq!(run(&FORGE, &disk, "d"), expected);
}

#[test]
fn submodules_are_not_fetched() {
    let disk = Disk::differing(&["s"]);
    assert_eq!(run(&FORGE, &disk, "").len(), 2);
}

#[test]
fn a_forge_that_neither_lists_nor_has_git_leaves_it_at_the_archive() {
    let forge = Forge { lists: false, git: false, ..FORGE };
    assert_eq!(run(&forge, &Disk::differing(&["a"]), ""), ["unpack https://h/c0/"]);
}

#[test]
fn what_a_forge_does_not_list_comes_by_git() {
    let forge = Forge { lists: false, ..FORGE };
    let expected = ["unpack https://h/c0/", "complete https://h/r.git"];
    assert_eq!(run(&forge, &Disk::differing(&["a"]), ""), expected);
    let disk = Disk { git: Some(Problem::Unsupported("no".into())).into(), ..Disk::default() };
    assert_eq!(run(&forge, &disk, ""), expected);
}

/// More than git's requests are needed, which the second listing shows.
const MANY: [&str; 4] = ["a", "d/a", "d/b", "d/l"];

#[test]
fn many_files_come_by_git_as_soon_as_it_is_known_that_they_are_many() {
    let expected = ["unpack https://h/c0/", "compare \"\"", "compare \"d\"", "complete https://h/r.git"];
    assert_eq!(run(&FORGE, &Disk::differing(&MANY), ""), expected);
    let forge = Forge { directories: &["d", "d/e", "d/e/f", "d/e/f/g", "d/e/f/g/h"], ..FORGE };
    let deep = run(&forge, &Disk::differing(&["d/e/f/g/h/a"]), "");
    assert_eq!(deep.last().unwrap(), "complete https://h/r.git", "{deep:?}");
    assert_eq!(deep.len(), 7, "a chain of listings is as many requests: {deep:?}");
}

#[test]
fn where_git_is_not_to_be_had_the_files_come_one_by_one_and_it_is_asked_once() {
    let refused = [
        Problem::Unsupported("it cannot leave files out".into()),
        Problem::Failed(Failure::Refused("not granted".into())),
        Problem::Failed(Failure::Unreachable("nobody answers".into())),
        Problem::Answered(response(404, &[], "")),
        Problem::Answered(response(401, &[], "")),
        Problem::Answered(response(503, &[], "")),
    ];
    for problem in refused {
        let disk = Disk { git: Some(problem).into(), ..Disk::differing(&MANY) };
        let asked = run(&FORGE, &disk, "");
        assert_eq!(asked.iter().filter(|one| one.starts_with("complete")).count(), 1);
        assert_eq!(asked.last().unwrap(), "batch of 4");
    }
}

#[test]
fn what_would_be_no_better_one_by_one_is_an_error() {
    let with = |problem| {
        let disk = Disk { git: Some(problem).into(), ..Disk::differing(&MANY) };
        download(&FORGE, "c0", &disk, "").unwrap_err()
    };
    assert!(matches!(with(Problem::Failed(Failure::RateLimited(("wait".into(), Some(9))))), Error::RateLimited(_)));
    assert_eq!(with(Problem::Failed(Failure::Limit("`requests`".into()))), Error::Host("`requests`".into()));
    assert_eq!(with(Problem::Rejected("too many files".into())), Error::Host("too many files".into()));
}

#[test]
fn each_problem_of_an_archive_has_its_error() {
    let with = |problem| {
        let disk = Disk::default();
        disk.problem.replace(Some(problem));
        download(&FORGE, "c0", &disk, "").unwrap_err()
    };
    let answered = with(Problem::Answered(response(404, &[], "")));
    assert!(matches!(answered, Error::NotFound(_)));
    let no_archive = with(Problem::Answered(response(200, &[("content-type", "text/html")], "")));
    assert!(matches!(no_archive, Error::Unavailable(text) if text.contains("text/html")));
    let rejected = with(Problem::Rejected("a link leaves the directory".into()));
    assert_eq!(rejected, Error::Host("a link leaves the directory".into()));
}
