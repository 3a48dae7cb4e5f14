//! Opens files where something else may be in their place.

use forgeport_platform::open_regular_itself;
use rustix::fs::{CWD, Mode, mkfifoat};
use std::{fs, io::Read, os::unix::fs::symlink};
use tempfile::tempdir;

#[test]
fn a_file_itself_is_opened_and_nothing_that_a_link_leads_to() {
    let place = tempdir().unwrap();
    let [file, link, pipe, none] = ["file", "link", "pipe", "none"].map(|name| place.path().join(name));
    fs::write(&file, "content").unwrap();
    symlink("file", &link).unwrap();
    mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o600)).unwrap();
    let (mut opened, length) = open_regular_itself(&file).unwrap().unwrap();
    let mut content = String::new();
    opened.read_to_string(&mut content).unwrap();
    assert_eq!((content.as_str(), length), ("content", 7));
    assert!(open_regular_itself(&pipe).unwrap().is_none());
    assert!(open_regular_itself(place.path()).unwrap().is_none());
    assert!(open_regular_itself(&link).is_err());
    assert_eq!(open_regular_itself(&none).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
