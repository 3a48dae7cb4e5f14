//! Files and directories for their owner alone.

use crate::{chmod, mode_of};
use forgeport_platform::{FileError, open_regular, private};
use rustix::fs::{CWD, Mode, mkfifoat};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Error, ErrorKind},
    path::Path,
};
use tempfile::tempdir;

#[test]
fn what_is_made_is_for_its_owner_alone() {
    let place = tempdir().unwrap();
    let directory = place.path().join("a/b");
    private::directory(&directory).unwrap();
    let [written, empty, lock] = ["written", "empty", "lock"].map(|name| directory.join(name));
    private::write(&written, b"x").unwrap();
    private::empty_file(&empty).unwrap();
    drop(private::exclusive(&lock).unwrap());
    assert_eq!([place.path().join("a"), directory].map(|path| mode_of(&path)), [0o700; 2]);
    assert_eq!([written, empty, lock].map(|path| mode_of(&path)), [0o600; 3]);
}

#[test]
fn a_directory_is_others_to_write_by_its_mode_and_one_that_is_not_there_is_not() {
    let place = tempdir().unwrap();
    for (mode, others) in [(0o700, false), (0o755, false), (0o770, true), (0o707, true), (0o722, true)] {
        chmod(place.path(), mode);
        assert_eq!(private::others_may_write(place.path()).unwrap(), others, "{mode:o}");
    }
    assert!(!private::others_may_write(&place.path().join("none")).unwrap());
}

#[test]
fn a_file_that_others_may_read_is_taken_from_them() {
    let place = tempdir().unwrap();
    let path = place.path().join("file");
    private::write(&path, b"x").unwrap();
    for (mode, open_to_others) in [(0o600, None), (0o640, Some(0o640)), (0o604, Some(0o604))] {
        chmod(&path, mode);
        assert_eq!(private::mode_for_others(&File::open(&path).unwrap()).unwrap(), open_to_others);
        private::take_from_others(&path);
        assert_eq!(mode_of(&path), 0o600);
    }
}

#[test]
fn a_file_is_written_over_what_a_killed_process_left_and_leaves_no_other_behind() {
    let place = tempdir().unwrap();
    let path = place.path().join("file");
    fs::write(private::unfinished_name(&path), "half of something longer than it").unwrap();
    for contents in ["first", "second"] {
        private::write(&path, contents.as_bytes()).unwrap();
        assert_eq!(private::read(&path).unwrap().unwrap(), contents.as_bytes());
    }
    private::rename(&path, &place.path().join("other")).unwrap();
    assert_eq!(private::read(&path).unwrap(), None);
    private::empty_file(&place.path().join("other")).unwrap();
    assert_eq!(private::read(&place.path().join("other")).unwrap().unwrap(), b"second");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    private::remove(&place.path().join("other")).unwrap();
    private::remove(&place.path().join("other")).unwrap();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_pipe_or_a_directory_in_the_place_of_a_file_is_refused_at_once() {
    let place = tempdir().unwrap();
    let [pipe, directory] = ["pipe", "directory"].map(|name| place.path().join(name));
    mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o600)).unwrap();
    fs::create_dir(&directory).unwrap();
    for path in [pipe, directory] {
        let errors = [private::read(&path).map(drop), private::exclusive(&path).map(drop)].map(Result::unwrap_err);
        for error in errors {
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
        assert_eq!(open_regular(&path).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}

#[test]
fn a_lock_is_exclusive_until_it_is_dropped() {
    let place = tempdir().unwrap();
    let path = place.path().join("lock");
    let held = private::exclusive(&path).unwrap();
    let other = OpenOptions::new().write(true).open(&path).unwrap();
    assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
    drop(held);
    other.try_lock().unwrap();
}

#[test]
fn an_error_says_in_one_line_what_failed_where_why_and_what_to_do() {
    let error = |kind| FileError::at("write", Path::new("/a b/c"))(Error::new(kind, "because")).to_string();
    assert_eq!(error(ErrorKind::Other), "cannot write \"/a b/c\": because");
    for (kind, advice) in [
        (ErrorKind::PermissionDenied, "that you may write to"),
        (ErrorKind::ReadOnlyFilesystem, "that you may write to"),
        (ErrorKind::StorageFull, "make room"),
        (ErrorKind::QuotaExceeded, "make room"),
        (ErrorKind::Unsupported, "no locks"),
    ] {
        let text = error(kind);
        assert!(text.contains(advice) && text.lines().count() == 1, "{text}");
    }
}
