//! What the system says of an entry.

use crate::{chmod, open};
use forgeport_platform::metadata::{EntryKind, EntryMetadata, FileTime, Owner, is_null_device};
use rustix::fs::{CWD, Mode, mkfifoat};
use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
    time::{Duration, SystemTime},
};
use tempfile::tempdir;

#[test]
fn an_entry_is_what_it_is_by_its_handle_and_by_its_path() {
    let place = tempdir().unwrap();
    fs::create_dir(place.path().join("directory")).unwrap();
    fs::write(place.path().join("file"), "").unwrap();
    symlink("none", place.path().join("link")).unwrap();
    mkfifoat(CWD, place.path().join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
    let _socket = UnixListener::bind(place.path().join("socket")).unwrap();
    let opened = open(place.path());
    for (name, kind) in [
        ("directory", EntryKind::Directory),
        ("file", EntryKind::File),
        ("link", EntryKind::Link),
        ("pipe", EntryKind::Pipe),
        ("socket", EntryKind::Socket),
    ] {
        let by_handle = opened.borrow().metadata_of(name).unwrap();
        let by_path = EntryMetadata::from(&place.path().join(name).symlink_metadata().unwrap());
        assert_eq!([by_handle.kind, by_path.kind], [kind; 2], "{name}");
        assert_eq!(by_handle.id(), by_path.id(), "{name}");
        assert!(by_handle.owner.is_me() && by_path.owner == Owner::me(), "{name}");
    }
    let null = Path::new("/dev/null").metadata().unwrap();
    assert_eq!(EntryMetadata::from(&null).kind, EntryKind::CharacterDevice);
    assert!(is_null_device(&null) && EntryMetadata::from(&null).owner.is_root());
    assert!(!is_null_device(&Path::new("/dev/zero").metadata().unwrap()));
}

#[test]
fn who_else_may_use_a_directory_is_known_by_its_permissions() {
    let place = tempdir().unwrap();
    for (mode, private, others, protects) in [
        (0o700, true, false, false),
        (0o755, false, false, false),
        (0o500, false, false, false),
        (0o770, false, true, false),
        (0o702, false, true, false),
        (0o1700, false, false, true),
        (0o1777, false, true, true),
    ] {
        chmod(place.path(), mode);
        let found = open(place.path()).borrow().metadata().unwrap();
        let told = (found.is_private_directory(), found.others_may_write(), found.protects_entries());
        assert_eq!(told, (private, others, protects), "{mode:o}");
    }
    // What came from its parent does not make it another's.
    chmod(place.path(), 0o2700);
    assert!(open(place.path()).borrow().metadata().unwrap().is_private_directory());
}

#[test]
fn a_file_has_the_time_that_it_was_given_and_the_one_when_it_was_given() {
    let place = tempdir().unwrap();
    let file = fs::File::create(place.path().join("file")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5000)).unwrap();
    let found = file.metadata().unwrap();
    assert_eq!(FileTime::modified(&found), FileTime { seconds: 1_000_000_000, nanoseconds: 5000 });
    assert!(FileTime::changed(&found).seconds > 1_000_000_000);
}
