//! Tests that kill the filling of a target before each of its steps, in a separate process.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::mark::check_finished;
use forgeport_model::ObjectId;
use forgeport_model::RepoPath;
use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, abort};
use tempfile::TempDir;

const PLACE: &str = "TARGET_TEST_PLACE";
const STEP: &str = "TARGET_TEST_STEP";
const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";
const OTHER: &str = "0123456789012345678901234567890123456789";
/// The files of the commit.
const FILES: [&str; 4] = ["a", "d/b", "d/e/c", "same"];

fn of(commit: &str) -> Unfinished {
    let commit: ObjectId = commit.parse().unwrap();
    Unfinished::new(commit, &RepoPath::root())
}

fn prepared(path: &Path, force: bool) -> Result<Target, TargetError> {
    let target = Target::prepare(path, of(COMMIT), force)?;
    for file in FILES {
        target.staging().create(Path::new(file), false).unwrap();
    }
    Ok(target)
}

/// The files below a directory; an empty list if it does not exist.
fn files(directory: &Path) -> Option<Vec<String>> {
    fn collect(directory: &Path, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let name = format!("{below}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                collect(&entry.path(), &format!("{name}/"), found)
            } else {
                found.push(name)
            }
        }
    }
    let mut found = Vec::new();
    directory.exists().then(|| collect(directory, "", &mut found))?;
    found.sort();
    Some(found)
}

/// Fills `target` in a process that ends before step `step`; true if it was complete before that.
fn killed_before(step: u32, target: &Path, force: bool) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "target::crash::a_target_whose_filling_is_killed", "--ignored", "--nocapture"]);
    command.env(PLACE, target).env(STEP, format!("{step} {force}"));
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() || text.contains("killed here"), "{step}: {text}");
    output.status.success()
}

#[test]
#[ignore = "other tests run it, in a process of its own that it kills"]
fn a_target_whose_filling_is_killed() {
    let (Some(place), Ok(at)) = (std::env::var_os(PLACE), std::env::var(STEP)) else { return };
    let (step, force) = at.split_once(' ').unwrap();
    let (left, force) = (Cell::new(step.parse::<u32>().unwrap()), force == "true");
    let target = prepared(Path::new(&place), force).unwrap();
    let arrived = target.publish_watched(&|| match left.get() {
        0 => {
            println!("killed here");
            abort();
        }
        more => left.set(more - 1),
    });
    arrived.unwrap();
}

/// Kills a download at every step, and looks each time; `before` makes what is there. Tells how often the target was marked.
fn kill_at_every_step(inside: bool, force: bool, before: impl Fn(&Path)) -> u32 {
    let mut marked = 0;
    for step in 0.. {
        let place = TempDir::new().unwrap();
        let target = place.path().join("target");
        before(&target);
        if inside && target.exists() {
            // What passes its group on is filled from within.
            fs::set_permissions(&target, fs::Permissions::from_mode(0o2755)).unwrap();
        }
        let (was, inode) = (files(&target), fs::metadata(&target).ok().map(|found| found.ino()));
        let ended = killed_before(step, &target, force);
        let now = files(&target).map(|mut files| {
            files.retain(|file| !(file.starts_with(".forgeport-") && file.contains("/tree/")));
            files
        });
        let is_marked = check_finished(&target).is_err();
        let whole = now.as_ref().is_some_and(|now| now == &FILES);
        assert!(is_marked || whole || (now == was && !ended), "{step}: {now:?}");
        if is_marked {
            marked += 1;
            let other = Target::prepare(&target, of(OTHER), false).map(drop).unwrap_err();
            assert!(
                matches!(&other, TargetError::Unfinished { of: Some(found), .. } if *found == of(COMMIT)),
                "{other}"
            );
            assert!(other.to_string().contains(COMMIT), "{other}");
        }
        // The same commit finishes it without being forced, where it was marked; otherwise as it is with what was there before.
        prepared(&target, (force || whole) && !is_marked).unwrap().publish().unwrap();
        assert_eq!(files(&target).unwrap(), FILES, "{step}");
        assert!(inode.is_none_or(|inode| inode == fs::metadata(&target).unwrap().ino()), "{step}");
        check_finished(&target).unwrap();
        let names: Vec<OsString> =
            fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["target"], "{step}");
        if ended {
            return marked;
        }
    }
    unreachable!("there is an end to its steps");
}

fn with_content(target: &Path) {
    fs::create_dir_all(target.join("d/mine")).unwrap();
    fs::create_dir_all(target.join("other/deep")).unwrap();
    for file in ["d/mine/file", "other/deep/file", "same", "z"] {
        fs::write(target.join(file), "mine").unwrap();
    }
}

#[test]
fn a_target_that_is_not_there_is_not_there_or_whole_whenever_its_download_is_killed() {
    assert_eq!(kill_at_every_step(false, false, |_| {}), 0);
}

#[test]
fn an_empty_target_is_empty_marked_or_whole_whenever_its_filling_is_killed() {
    for inside in [false, true] {
        // Before each of three entries is moved in, before what is left over goes, and before the mark does.
        assert_eq!(kill_at_every_step(inside, false, |target| fs::create_dir(target).unwrap()), 5);
    }
}

#[test]
fn a_target_with_content_has_it_is_marked_or_whole_whenever_its_filling_is_killed() {
    for inside in [false, true] {
        assert_eq!(kill_at_every_step(inside, true, with_content), 9);
    }
}

/// Fills a target with content while somebody makes a file there, once all of that is moved aside.
fn filled_beside_somebody(target: &Path, name: &str, inside: bool) -> TargetError {
    with_content(target);
    if inside {
        fs::set_permissions(target, fs::Permissions::from_mode(0o2755)).unwrap();
    }
    // After the mark is set, and each of four entries has been moved.
    let left = Cell::new(5_i32);
    let write = || {
        if left.replace(left.get() - 1) == 0 {
            fs::write(target.join(name), "late").unwrap();
        }
    };
    prepared(target, true).unwrap().publish_watched(&write).unwrap_err()
}

#[test]
fn what_cannot_be_brought_to_its_end_is_taken_back() {
    for inside in [false, true] {
        let place = TempDir::new().unwrap();
        let target = place.path().join("target");
        let error = filled_beside_somebody(&target, "a", inside);
        assert!(matches!(error, TargetError::NotEmpty(_)), "{error}");
        assert_eq!(files(&target).unwrap(), ["a", "d/mine/file", "other/deep/file", "same", "z"]);
        assert_eq!(fs::read(target.join("same")).unwrap(), b"mine");
        check_finished(&target).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}

#[test]
fn what_cannot_be_taken_back_either_stays_marked_and_is_said() {
    for (name, inside) in [("same", false), ("same", true), ("d", false), ("d", true)] {
        let place = TempDir::new().unwrap();
        let target = place.path().join("target");
        let error = filled_beside_somebody(&target, name, inside);
        assert!(matches!(error, TargetError::Halfway { .. }), "{error}");
        assert!(check_finished(&target).is_err());
        prepared(&target, false).unwrap().publish().unwrap();
        assert_eq!(files(&target).unwrap(), FILES);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
