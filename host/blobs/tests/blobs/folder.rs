//! The local folder.

use forgeport_blobs::Folder;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

const SIZE: usize = 16 << 10;

fn folder(place: &Path, limit: u64) -> Folder {
    Folder::cache(place.join("a").join("blobs"), limit)
}

fn keep(folder: &Folder, name: &str, content: &[u8]) {
    let mut unfinished = folder.begin().unwrap();
    unfinished.write_all(content).unwrap();
    folder.keep(unfinished, name).unwrap();
}

fn content(folder: &Folder, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    folder.open(name).unwrap()?.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<_> = folder.list().unwrap().into_iter().map(|blob| blob.name).collect();
    names.sort();
    names
}

fn used(folder: &Folder, name: &str, before: Duration) {
    let then = SystemTime::now().checked_sub(before).unwrap();
    File::open(folder.directory().join(name)).unwrap().set_modified(then).unwrap();
}

#[test]
fn a_blob_is_private_whole_and_replaced_in_one_step() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 1 << 30);
    assert_eq!((content(&folder, "a"), names(&folder)), (None, vec![]));
    keep(&folder, "a", b"one");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.directory()), mode(&folder.directory().join("a"))), (0o700, 0o600));
    let mut before = folder.open("a").unwrap().unwrap();
    keep(&folder, "a", b"two");
    let mut read = String::new();
    before.read_to_string(&mut read).unwrap();
    assert_eq!((read.as_str(), content(&folder, "a").unwrap().as_slice()), ("one", &b"two"[..]));
    folder.remove("a").unwrap();
    folder.remove("a").unwrap();
    assert!(!folder.contains("a"));
}

#[test]
fn what_was_used_least_recently_is_removed_and_the_new_blob_is_not() {
    let place = tempfile::tempdir().unwrap();
    let blob = [7; SIZE];
    let ample = folder(place.path(), 1 << 30);
    for (age, name) in ["a", "b", "c"].iter().enumerate() {
        keep(&ample, name, &blob);
        used(&ample, name, Duration::from_secs(1000 - age as u64));
    }
    let one = ample.list().unwrap()[0].bytes;
    assert!(content(&ample, "a").is_some());
    let small = folder(place.path(), 2 * one);
    keep(&small, "d", &blob);
    assert_eq!(names(&small), ["a", "d"]);
    let tiny = folder(place.path(), 1);
    keep(&tiny, "e", &blob);
    assert_eq!(names(&tiny), ["e"]);
}

#[test]
fn what_is_being_written_stays_and_what_nobody_writes_any_more_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 1 << 30);
    let mut mine = folder.begin().unwrap();
    mine.write_all(b"mine").unwrap();
    let left = folder.directory().join(".unfinished-left");
    fs::write(&left, b"by a process that was killed").unwrap();
    fs::create_dir(folder.directory().join(".unfinished-directory")).unwrap();
    keep(&folder, "other", b"other");
    assert!(!left.exists() && !folder.directory().join(".unfinished-directory").exists());
    folder.keep(mine, "mine").unwrap();
    assert_eq!(content(&folder, "mine").unwrap(), b"mine");
    drop(folder.begin().unwrap());
    assert_eq!(fs::read_dir(folder.directory()).unwrap().count(), 2);
}

#[test]
fn what_is_not_a_file_is_told_from_what_is_missing_and_waits_for_nobody() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 1 << 30);
    keep(&folder, "a", b"");
    let pipe = folder.directory().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(folder.open("pipe").unwrap_err().kind(), ErrorKind::InvalidData);
    fs::create_dir(folder.directory().join("directory")).unwrap();
    assert_eq!(folder.open("directory").unwrap_err().kind(), ErrorKind::InvalidData);
    folder.clear().unwrap();
    assert_eq!(names(&folder), Vec::<String>::new());
    assert!(!folder.contains("a") && !folder.contains("pipe") && folder.contains("directory"));
}

#[test]
fn many_that_write_and_read_at_once_do_not_disturb_each_other() {
    let place = tempfile::tempdir().unwrap();
    let one = {
        let ample = folder(place.path(), 1 << 30);
        keep(&ample, "0", &[0; SIZE]);
        ample.list().unwrap()[0].bytes
    };
    let folder = folder(place.path(), 3 * one);
    std::thread::scope(|scope| {
        for start in 0..8_u8 {
            let folder = &folder;
            scope.spawn(move || {
                for number in 0..20 {
                    let byte = (start + number) % 6;
                    if let Some(content) = content(folder, &byte.to_string()) {
                        assert!(content.len() == SIZE && content.iter().all(|other| *other == byte));
                    }
                    keep(folder, &byte.to_string(), &[byte; SIZE]);
                }
            });
        }
    });
    assert!(names(&folder).len() <= 3);
    assert_eq!(fs::read_dir(folder.directory()).unwrap().count(), names(&folder).len());
}

#[test]
fn a_folder_that_cannot_be_written_to_is_read() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 1 << 30);
    keep(&folder, "a", b"content");
    let path = folder.directory().join("a");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(folder.directory(), fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(content(&folder, "a").unwrap(), b"content");
    fs::set_permissions(folder.directory(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn what_must_not_be_lost_is_removed_by_name_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::durable(place.path().join("blobs"));
    let before = SystemTime::UNIX_EPOCH;
    for number in 0..20 {
        keep(&folder, &number.to_string(), &[number; SIZE]);
        File::open(folder.directory().join(number.to_string())).unwrap().set_modified(before).unwrap();
    }
    assert_eq!(content(&folder, "7").unwrap(), [7; SIZE]);
    assert_eq!(names(&folder).len(), 20);
    assert!(folder.list().unwrap().iter().all(|blob| blob.used == before));
    folder.remove("7").unwrap();
    assert_eq!(names(&folder).len(), 19);
}

#[test]
fn the_blobs_of_a_directory_in_a_folder_are_not_the_folders() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 1 << 30);
    keep(&folder, "a", b"outer");
    keep(&folder.child("below"), "a", b"inner");
    assert_eq!(names(&folder), ["a"]);
    folder.clear().unwrap();
    assert_eq!(content(&folder.child("below"), "a").unwrap(), b"inner");
}

#[test]
fn a_name_that_leads_elsewhere_is_no_blob() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 1 << 30);
    keep(&folder.child("below"), "a", b"inner");
    fs::write(folder.directory().join("../outside"), b"").unwrap();
    let outside = place.path().join("a/outside");
    for name in ["../outside", "..", ".", "", "below/a", "a/", outside.to_str().unwrap(), ".unfinished-a"] {
        assert_eq!(folder.open(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert_eq!(folder.remove(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert!(folder.keep(folder.begin().unwrap(), name).is_err() && !folder.contains(name), "{name}");
    }
    assert!(outside.exists());
}
