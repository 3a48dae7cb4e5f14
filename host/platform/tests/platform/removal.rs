//! Removes whatever there is, with all that lies in it.

use crate::{chmod, open};
use forgeport_platform::removal::remove;
use std::{
    cell::Cell,
    ffi::OsStr,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tempfile::tempdir;

fn remove_from(place: &Path, name: &str) -> io::Result<()> {
    remove(open(place).borrow(), OsStr::new(name), &|| Ok(()))
}

#[test]
fn what_is_removed_goes_with_all_in_it_and_no_link_is_followed() {
    let place = tempdir().unwrap();
    fs::create_dir_all(place.path().join("here/a/b")).unwrap();
    fs::create_dir(place.path().join("other")).unwrap();
    fs::write(place.path().join("other/file"), "").unwrap();
    symlink("../../../other", place.path().join("here/a/b/link")).unwrap();
    symlink("other", place.path().join("link")).unwrap();
    for name in ["here", "link", "none"] {
        remove_from(place.path(), name).unwrap();
    }
    let left: Vec<PathBuf> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [place.path().join("other")]);
    assert!(place.path().join("other/file").exists());
}

#[test]
fn what_is_deeper_than_there_are_handles_and_longer_than_a_path_is_removed() {
    const DEEP: usize = 3000;
    let place = tempdir().unwrap();
    let mut deep = open(place.path());
    for _ in 0..DEEP {
        deep.borrow().make_directory("directory").unwrap();
        deep.borrow().create_file("file", false).unwrap();
        deep = deep.borrow().open_directory("directory").unwrap();
    }
    remove_from(place.path(), "directory").unwrap();
    assert!(!place.path().join("directory").exists());
}

#[test]
fn a_directory_of_this_user_that_is_not_to_be_written_to_is_removed() {
    let place = tempdir().unwrap();
    let kept = place.path().join("kept/deep");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("file"), "").unwrap();
    for path in [&kept, kept.parent().unwrap()] {
        chmod(path, 0o555);
    }
    remove_from(place.path(), "kept").unwrap();
    assert!(!place.path().join("kept").exists());
}

#[test]
fn a_removal_ends_with_the_error_of_the_check_before_the_next_entry() {
    let place = tempdir().unwrap();
    fs::create_dir(place.path().join("here")).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(place.path().join("here").join(name), "").unwrap();
    }
    // The directory itself, and one of three files.
    let left = Cell::new(2_u32);
    let check = || match left.get() {
        0 => Err(io::Error::other("its time is up")),
        more => {
            left.set(more - 1);
            Ok(())
        }
    };
    let stopped = remove(open(place.path()).borrow(), OsStr::new("here"), &check).unwrap_err();
    assert_eq!(stopped.to_string(), "its time is up");
    assert_eq!(fs::read_dir(place.path().join("here")).unwrap().count(), 2);
}
