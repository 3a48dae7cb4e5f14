//! Walks through all that lies in a directory.

use crate::open;
use forgeport_platform::{
    descent::{Visitor, descend, names},
    directory::BorrowedDirectory,
    metadata::EntryKind,
};
use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tempfile::tempdir;

/// Writes down where it has been; moves a directory away when it is there, if it shall.
#[derive(Default)]
struct Record {
    way: PathBuf,
    entries: BTreeSet<PathBuf>,
    moved: Option<(PathBuf, PathBuf)>,
}

impl Visitor for Record {
    fn enter(&mut self, _: BorrowedDirectory, name: &OsStr) -> io::Result<()> {
        self.way.push(name);
        if let Some((from, to)) = self.moved.take_if(|_| name == "moved") {
            fs::rename(from, to)?;
        }
        Ok(())
    }

    fn entry(&mut self, here: BorrowedDirectory, name: &OsStr) -> io::Result<bool> {
        self.entries.insert(self.way.join(name));
        Ok(here.metadata_of(name)?.kind == EntryKind::Directory)
    }

    fn leave(&mut self, _: BorrowedDirectory, name: &OsStr) -> io::Result<()> {
        assert!(self.way.ends_with(name));
        self.way.pop();
        Ok(())
    }
}

#[test]
fn all_that_lies_in_a_directory_is_visited_once_and_no_link_is_followed() {
    let place = tempdir().unwrap();
    fs::create_dir_all(place.path().join("top/a/b")).unwrap();
    fs::create_dir_all(place.path().join("top/c")).unwrap();
    fs::write(place.path().join("top/a/b/file"), "").unwrap();
    symlink("../a", place.path().join("top/c/link")).unwrap();
    let mut record = Record::default();
    descend(open(place.path()).borrow(), OsStr::new("top"), &mut record).unwrap();
    let expected = ["top/a", "top/a/b", "top/a/b/file", "top/c", "top/c/link"].map(PathBuf::from);
    assert_eq!(record.entries, BTreeSet::from(expected));
    assert_eq!(record.way, Path::new(""));
    let found: io::Result<BTreeSet<OsString>> = names(open(&place.path().join("top")).borrow()).unwrap().collect();
    assert_eq!(found.unwrap(), BTreeSet::from(["a", "c"].map(OsString::from)));
}

#[test]
fn a_walk_does_not_go_on_in_the_directory_that_another_was_moved_to() {
    let place = tempdir().unwrap();
    fs::create_dir_all(place.path().join("top/moved/inner")).unwrap();
    fs::create_dir(place.path().join("elsewhere")).unwrap();
    let moved = Some((place.path().join("top/moved"), place.path().join("elsewhere/moved")));
    let mut record = Record { moved, ..Record::default() };
    let walked = descend(open(place.path()).borrow(), OsStr::new("top"), &mut record);
    assert_eq!(walked.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    assert!(record.way.ends_with("top/moved"), "{:?}", record.way);
}
