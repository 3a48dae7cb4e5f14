//! Targets where containers and people have them: the current directory, volumes, directories of an image or of a user of their own.

mod apart;
mod filled;

use forgeport_download::{
    ArchiveFormat, Arrival, DownloadSpec, FinishError, Layout, Progress, Receipt, StagedDownload, TargetError,
    UnpackError, check_finished,
};
use forgeport_model::Limits;
use forgeport_model::RepoPath;
use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";
const OTHER: &str = "0123456789012345678901234567890123456789";
/// Anybody else.
const NOBODY: u32 = 65534;
/// Set in the process that has mounts of its own.
const APART: &str = "PLACES_TEST_APART";

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn stage(target: &Path, commit: &str, force: bool) -> Result<StagedDownload, TargetError> {
    let (commit, limits) = (commit.parse().unwrap(), Limits::default());
    StagedDownload::new(target, DownloadSpec { commit, subdirectory: RepoPath::root(), force, limits })
}

/// A commit of these files, each with its own name in it.
fn download_of(files: &[&str], target: &Path, force: bool) -> Result<Receipt, FinishError> {
    let staged = stage(target, COMMIT, force)?;
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, file, file.as_bytes()).unwrap();
    }
    let archive = archive.into_inner().unwrap();
    staged.unpack(&archive[..], ArchiveFormat::Tar, &Layout::default(), &Silent)?;
    staged.finish()
}

fn download(target: &Path, force: bool) -> Result<Receipt, FinishError> {
    download_of(&["code", "d/deep/file"], target, force)
}

#[track_caller]
fn refused(result: Result<Receipt, FinishError>) -> TargetError {
    match result.unwrap_err() {
        FinishError::Target(error) => error,
        error => panic!("{error}"),
    }
}

fn kept(receipt: &Receipt) -> bool {
    matches!(receipt.arrival, Arrival::Marked { kept_until_complete: true, left: None, .. })
}

fn stays(receipt: &Receipt) -> Vec<String> {
    match &receipt.arrival {
        Arrival::Marked { stays, .. } => stays.clone(),
        Arrival::OneStep => panic!("it was not there"),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A directory, by the name that nothing on the way to it stands in for.
fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().canonicalize().unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    (place, path)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Am I the process apart, in which the test `name` plays? If not, it is started and has to succeed.
fn apart(name: &str, with: &[&str]) -> bool {
    if std::env::var_os(APART).is_some() {
        return true;
    }
    if !is_root() {
        eprintln!("skipped: it needs root");
        return false;
    }
    let mut command = Command::new(with[0]);
    command.args(&with[1..]).arg(std::env::current_exe().unwrap()).args([
        "--exact",
        &format!("places::apart::{name}"),
        "--nocapture",
    ]);
    let output = command.env(APART, "").output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

fn with_mounts(name: &str) -> bool {
    apart(name, &["unshare", "--mount"])
}

fn as_nobody(name: &str) -> bool {
    apart(name, &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn mount(kind: &str, at: &Path) {
    fs::create_dir_all(at).unwrap();
    run("mount", &["-t", kind, "none", at.to_str().unwrap()]);
}
