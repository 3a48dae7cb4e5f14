//! Directories by their handles, and what is done in them by name.

use crate::{chmod, is_root, mode_of, open};
use forgeport_platform::{
    descent::names,
    directory::OpenEntry,
    handle::{read_at, read_exact_at, try_lock},
    metadata::EntryKind,
    system_error::{is_no_directory, is_not_movable},
};
use rustix::fs::{CWD, Mode, mkfifoat};
use std::{
    fs::{self, File},
    io::{Error, ErrorKind, Read, Write},
    os::unix::fs::symlink,
    path::Path,
};
use tempfile::tempdir;

#[test]
fn what_is_done_by_a_handle_is_done_in_the_directory_that_was_opened() {
    let place = tempdir().unwrap();
    let [here, moved, other] = ["here", "moved", "other"].map(|name| place.path().join(name));
    fs::create_dir(&here).unwrap();
    fs::create_dir(&other).unwrap();
    let opened = open(&here);
    fs::rename(&here, &moved).unwrap();
    symlink(&other, &here).unwrap();
    let directory = opened.borrow();
    directory.create_file("file", false).unwrap().write_all(b"x").unwrap();
    directory.make_directory("directory").unwrap();
    directory.make_link("link", Path::new("file")).unwrap();
    assert_eq!(fs::read(moved.join("link")).unwrap(), b"x");
    assert!(moved.join("directory").is_dir());
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
    assert_eq!(names(opened.try_clone().unwrap().borrow()).unwrap().count(), 3);
}

#[test]
fn what_is_made_takes_the_place_of_nothing() {
    let place = tempdir().unwrap();
    let opened = open(place.path());
    let here = opened.borrow();
    here.create_file("file", false).unwrap();
    here.make_directory("directory").unwrap();
    for name in ["file", "directory"] {
        for made in [
            here.create_file(name, true).map(drop),
            here.create_private_file(name).map(drop),
            here.make_directory(name),
            here.make_private_directory(name),
            here.make_link(name, Path::new("x")),
        ] {
            assert_eq!(made.unwrap_err().kind(), ErrorKind::AlreadyExists, "{name}");
        }
    }
}

#[test]
fn what_is_made_is_for_its_owner_alone_or_for_whom_the_umask_lets_have_it() {
    let place = tempdir().unwrap();
    let opened = open(place.path());
    let here = opened.borrow();
    let mode = |name| mode_of(&place.path().join(name));
    here.make_private_directory("private").unwrap();
    here.create_private_file("mine").unwrap();
    assert_eq!([mode("private"), mode("mine")], [0o700, 0o600]);
    here.make_directory("common").unwrap();
    here.create_file("plain", false).unwrap();
    here.create_file("program", true).unwrap();
    let (directory, file) = (mode("common"), mode("plain"));
    assert_eq!([directory & 0o700, file & 0o700, mode("program")], [0o700, 0o600, directory]);
    assert!(here.metadata_of("program").unwrap().owner_may_execute());
    assert!(!here.metadata_of("plain").unwrap().owner_may_execute());
}

#[test]
fn no_link_is_followed_and_no_pipe_is_waited_for() {
    let place = tempdir().unwrap();
    fs::create_dir(place.path().join("directory")).unwrap();
    fs::write(place.path().join("file"), "x").unwrap();
    symlink("directory", place.path().join("to-directory")).unwrap();
    symlink("file", place.path().join("to-file")).unwrap();
    mkfifoat(CWD, place.path().join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
    let opened = open(place.path());
    let here = opened.borrow();
    for name in ["to-directory", "to-file", "file", "pipe"] {
        assert!(is_no_directory(&here.open_directory(name).unwrap_err()), "{name}");
        assert!(is_no_directory(&here.pass_to_directory(name).unwrap_err()), "{name}");
    }
    for (name, target) in [("to-directory", "directory"), ("to-file", "file")] {
        assert!(here.open_file(name).is_err() && here.open_file_to_lock(name).is_err(), "{name}");
        let OpenEntry::Link(link) = here.open_entry(name).unwrap() else { panic!("{name}") };
        assert!(link.owner().is_me());
        assert_eq!(link.target().unwrap(), Path::new(target));
        assert_eq!(here.metadata_of(name).unwrap().kind, EntryKind::Link);
    }
    let mut nothing = Vec::new();
    here.open_file("pipe").unwrap().read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
    assert!(matches!(here.open_entry("pipe").unwrap(), OpenEntry::Other));
    assert!(matches!(here.open_entry("file").unwrap(), OpenEntry::Other));
    let OpenEntry::Directory(inner) = here.open_entry("directory").unwrap() else { panic!("a directory") };
    assert_eq!(inner.borrow().metadata().unwrap().id(), here.metadata_of("directory").unwrap().id());
}

#[test]
fn what_is_not_there_is_not_found_by_any_call() {
    let place = tempdir().unwrap();
    let opened = open(place.path());
    let here = opened.borrow();
    for done in [
        here.metadata_of("none").map(drop),
        here.check_read("none"),
        here.open_directory("none").map(drop),
        here.pass_to_directory("none").map(drop),
        here.open_entry("none").map(drop),
        here.open_file("none").map(drop),
        here.open_file_to_lock("none").map(drop),
        here.create_file("none/file", false).map(drop),
        here.make_directory("none/directory"),
        here.make_link("none/link", Path::new("x")),
        here.add_name("none", here, "new"),
        here.rename("none", here, "new"),
        here.rename_new("none", here, "new")
            .and_then(|done| if done { Ok(()) } else { here.rename("none", here, "new") }),
        here.remove_file("none"),
        here.remove_directory("none"),
    ] {
        assert_eq!(done.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(!here.is_same("none", &opened).unwrap());
}

#[test]
fn a_rename_without_replacing_leaves_what_is_there() {
    let place = tempdir().unwrap();
    for name in ["a", "b"] {
        fs::write(place.path().join(name), name).unwrap();
    }
    let opened = open(place.path());
    let here = opened.borrow();
    match here.rename_new("a", here, "b") {
        Ok(renamed) => assert!(!renamed),
        Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
    }
    assert_eq!(here.add_name("a", here, "b").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(place.path().join("b")).unwrap(), "b");
    let b = File::open(place.path().join("b")).unwrap();
    assert!(here.is_same("b", &b).unwrap() && !here.is_same("a", &b).unwrap());
    here.rename("a", here, "b").unwrap();
    assert_eq!(fs::read_to_string(place.path().join("b")).unwrap(), "a");
    assert!(!here.is_same("b", &b).unwrap());
}

#[test]
fn a_directory_takes_the_place_of_an_empty_one_alone_and_of_no_file() {
    let place = tempdir().unwrap();
    for name in ["new", "empty", "full/inner"] {
        fs::create_dir_all(place.path().join(name)).unwrap();
    }
    fs::write(place.path().join("file"), "").unwrap();
    let opened = open(place.path());
    let here = opened.borrow();
    let full = here.rename("new", here, "full").unwrap_err().kind();
    assert!(matches!(full, ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists), "{full}");
    assert_eq!(here.rename("new", here, "file").unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(here.remove_directory("full").unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    here.rename("new", here, "empty").unwrap();
    here.remove_directory("empty").unwrap();
}

#[test]
fn a_file_has_two_names_until_one_is_removed() {
    let place = tempdir().unwrap();
    let opened = open(place.path());
    let here = opened.borrow();
    let file = here.create_private_file("one").unwrap();
    here.add_name("one", here, "two").unwrap();
    assert!(here.is_same("two", &file).unwrap());
    here.remove_file("one").unwrap();
    assert!(here.is_same("two", &file).unwrap() && !here.is_same("one", &file).unwrap());
}

#[test]
fn a_lock_on_a_file_or_directory_is_given_up_with_its_handle() {
    let place = tempdir().unwrap();
    let [one, other] = [0; 2].map(|_| open(place.path()).borrow().open_directory(".").unwrap());
    assert!(try_lock(&one).unwrap());
    assert!(!try_lock(&other).unwrap());
    drop(one);
    assert!(try_lock(other.borrow()).unwrap());
    let made = other.borrow().create_private_file("file").unwrap();
    let again = other.borrow().open_file_to_lock("file").unwrap();
    assert!(try_lock(&made).unwrap() && !try_lock(&again).unwrap());
    drop(made);
    assert!(try_lock(&again).unwrap());
}

#[test]
fn a_read_at_a_place_leaves_the_position_for_other_reads() {
    let place = tempdir().unwrap();
    fs::write(place.path().join("file"), "0123456789").unwrap();
    let mut file = open(place.path()).borrow().open_file("file").unwrap();
    let mut buffer = [0; 4];
    read_exact_at(&file, &mut buffer, 3).unwrap();
    assert_eq!(&buffer, b"3456");
    assert_eq!(read_at(&file, &mut buffer, 10).unwrap(), 0);
    assert_eq!(read_exact_at(&file, &mut buffer, 8).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    file.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"0123");
}

#[test]
fn what_the_permissions_allow_can_be_asked_before_it_is_done() {
    let place = tempdir().unwrap();
    let inner = place.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let (outer, inner_handle) = (open(place.path()), open(&inner));
    outer.borrow().check_read("inner").unwrap();
    inner_handle.borrow().check_change().unwrap();
    chmod(&inner, 0o500);
    outer.borrow().check_read("inner").unwrap();
    assert_eq!(inner_handle.borrow().check_change().is_ok(), is_root());
    chmod(&inner, 0o300);
    assert_eq!(outer.borrow().check_read("inner").is_ok(), is_root());
    inner_handle.borrow().check_change().unwrap();
}

#[test]
fn a_directory_that_hands_its_group_on_is_known() {
    let place = tempdir().unwrap();
    let opened = open(place.path()).borrow().open_directory(".").unwrap();
    let before = opened.borrow().passes_on().unwrap();
    chmod(place.path(), 0o2700);
    assert!(opened.borrow().passes_on().unwrap());
    chmod(place.path(), 0o0700);
    assert_eq!(opened.borrow().passes_on().unwrap(), before);
}

#[test]
fn what_may_not_be_changed_at_all_is_told_from_what_cannot_be_moved() {
    let [across, closed, forbidden] =
        [rustix::io::Errno::XDEV, rustix::io::Errno::ACCESS, rustix::io::Errno::PERM].map(Error::from);
    assert!(is_not_movable(&across) && is_not_movable(&closed) && !is_not_movable(&forbidden));
    assert_eq!(closed.kind(), forbidden.kind());
}
