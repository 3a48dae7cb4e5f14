//! Checkouts that git itself made.
#![allow(clippy::unwrap_used, dead_code)]

use forgeport_worktree::{ContextError, InspectOptions, LocalContext, WorktreeChanges, inspect};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};
use tempfile::TempDir;

pub const SETTINGS: InspectOptions = InspectOptions { untracked: true, time: Duration::from_secs(60) };

#[track_caller]
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = attempt(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn attempt(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(directory);
    command.args(arguments).output().unwrap()
}

/// A repository `origin` with some files and a clone of it, `checkout`.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        git(place.0.path(), &["init", "-q", "-b", "main", "origin"]);
        for (name, content) in [
            ("a", "a\n"),
            ("d/b", "b\n"),
            ("d/e/c", "c\n"),
            ("run.sh", "#!/bin/sh\n"),
            (".gitignore", "*.log\nbuild/\n"),
        ] {
            place.write("origin", name, content);
        }
        place.commit("origin");
        git(place.0.path(), &["clone", "-q", "origin", "checkout"]);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, repository: &str, name: &str, content: &str) {
        let path = self.path(repository).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn commit(&self, repository: &str) -> String {
        git(&self.path(repository), &["add", "-A"]);
        git(&self.path(repository), &["commit", "-q", "--allow-empty", "-m", "Change"]);
        git(&self.path(repository), &["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub fn inspect(&self, name: &str) -> LocalContext {
        inspect(&self.path(name), SETTINGS).unwrap()
    }

    pub fn changes(&self) -> WorktreeChanges {
        self.inspect("checkout").changes.unwrap()
    }

    pub fn attempt(&self, name: &str) -> Result<LocalContext, ContextError> {
        inspect(&self.path(name), SETTINGS)
    }
}

/// As if a file had been written long ago: its metadata is not what the index has.
pub fn set_old(file: &Path) {
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_modified(forgeport_model::date_after(std::time::SystemTime::UNIX_EPOCH, Duration::from_secs(1))).unwrap();
}

/// Adds lines to a file.
pub fn add(file: &Path, text: &str) {
    let old = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, format!("{old}\n{text}")).unwrap();
}
