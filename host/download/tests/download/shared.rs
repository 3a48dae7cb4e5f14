//! Downloads in a directory that other users write to: what they plant there neither holds a download up nor leads it elsewhere.
//!
//! What needs a second user is tested where the tests run as root, who can give files away.
use forgeport_download::{ArchiveFormat, DownloadSpec, Layout, Progress, StagedDownload, TargetError};
use forgeport_model::Limits;
use forgeport_model::RepoPath;
use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, lchown, symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";
/// Anybody else.
const NOBODY: u32 = 65534;

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn stage(target: &Path, force: bool) -> Result<StagedDownload, TargetError> {
    let (commit, limits) = (COMMIT.parse().unwrap(), Limits::default());
    StagedDownload::new(target, DownloadSpec { commit, subdirectory: RepoPath::root(), force, limits })
}

fn fill(staged: &StagedDownload) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    archive.append_data(&mut header, "d/code", &b"code"[..]).unwrap();
    let archive = archive.into_inner().unwrap();
    staged.unpack(&archive[..], ArchiveFormat::Tar, &Layout::default(), &Silent).unwrap();
}

fn download(target: &Path, force: bool) -> Result<(), TargetError> {
    let staged = stage(target, force)?;
    fill(&staged);
    staged.finish().unwrap();
    assert_eq!(fs::read(target.join("d/code")).unwrap(), b"code");
    Ok(())
}

/// A directory that everybody may write to, and another one with somebody's work in it.
fn scene(sticky: bool) -> (TempDir, PathBuf, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    // A name that nothing on the way to it stands in for.
    let root = place.path().canonicalize().unwrap();
    let (shared, victim) = (root.join("shared"), root.join("victim"));
    fs::create_dir(&shared).unwrap();
    fs::create_dir(&victim).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(if sticky { 0o1777 } else { 0o777 })).unwrap();
    fs::write(victim.join("thesis.txt"), "thesis").unwrap();
    (place, shared, victim)
}

fn names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A directory as a killed download leaves it.
fn left_over(path: &Path) {
    DirBuilder::new().mode(0o700).create(path).unwrap();
    fs::create_dir_all(path.join("tree/a")).unwrap();
    fs::write(path.join("tree/a/b"), "").unwrap();
    fs::create_dir(path.join("scratch")).unwrap();
}

#[test]
fn what_has_the_name_of_a_staged_directory_and_is_none_holds_nothing_up() {
    let (_place, shared, victim) = scene(true);
    mknodat(CWD, shared.join(".forgeport-pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    fs::write(shared.join(".forgeport-file"), "").unwrap();
    symlink(&victim, shared.join(".forgeport-link")).unwrap();
    download(&shared.join("code"), false).unwrap();
    assert_eq!(names(&shared), [".forgeport-file", ".forgeport-link", ".forgeport-pipe", "code"]);
    assert_eq!(names(&victim), ["thesis.txt"]);
}

#[test]
fn a_lock_that_somebody_holds_on_the_shared_directory_holds_nothing_up() {
    let (_place, shared, _) = scene(true);
    let held = File::open(&shared).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    download(&shared.join("code"), false).unwrap();
}

#[test]
fn nobody_else_can_look_into_what_is_being_downloaded() {
    let (_place, shared, _) = scene(true);
    let staged = stage(&shared.join("code"), false).unwrap();
    let [staging] = &names(&shared)[..] else { panic!("there is not one directory") };
    assert_eq!(fs::metadata(shared.join(staging)).unwrap().mode() & 0o7777, 0o700);
    fill(&staged);
    staged.finish().unwrap();
    // And what is there in the end has the mode that every new directory has.
    fs::create_dir(shared.join("new")).unwrap();
    let mode = |name| fs::metadata(shared.join(name)).unwrap().mode();
    assert_eq!(mode("code"), mode("new"));
}

#[test]
fn what_killed_downloads_left_is_swept_and_what_somebody_works_in_is_not() {
    let (_place, shared, _) = scene(true);
    left_over(&shared.join(".forgeport-abandoned"));
    left_over(&shared.join(".forgeport-at-work"));
    let held = File::open(shared.join(".forgeport-at-work")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    download(&shared.join("code"), false).unwrap();
    assert_eq!(names(&shared), [".forgeport-at-work", "code"]);
    assert!(shared.join(".forgeport-at-work/tree/a/b").exists());
}

/// Where others may rename what is ours, they could give our work the name of what is swept.
#[test]
fn our_own_work_is_not_swept_when_somebody_renames_it() {
    let (_place, shared, victim) = scene(false);
    for (name, mode) in [(".forgeport-open", 0o755), (".forgeport-private", 0o700)] {
        fs::create_dir(shared.join(name)).unwrap();
        fs::write(shared.join(name).join("thesis.txt"), "thesis").unwrap();
        fs::set_permissions(shared.join(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::rename(&victim, shared.join(".forgeport-victim")).unwrap();
    download(&shared.join("code"), false).unwrap();
    for name in [".forgeport-open", ".forgeport-private", ".forgeport-victim"] {
        assert_eq!(names(&shared.join(name)), ["thesis.txt"], "{name}");
    }
}

#[test]
fn what_other_users_left_is_theirs_to_remove() {
    let (_place, shared, _) = scene(true);
    let theirs = shared.join(".forgeport-theirs");
    left_over(&theirs);
    let given_away = is_root();
    if given_away {
        chown(&theirs, Some(NOBODY), None).unwrap();
    }
    download(&shared.join("code"), false).unwrap();
    assert_eq!(theirs.exists(), given_away);
}

#[test]
fn a_directory_that_is_swapped_while_it_is_filled_changes_nothing() {
    let (_place, shared, victim) = scene(false);
    let staged = stage(&shared.join("code"), false).unwrap();
    let [staging] = &names(&shared)[..] else { panic!("there is not one directory") };
    fs::rename(shared.join(staging), shared.join("moved")).unwrap();
    fs::create_dir(shared.join(staging)).unwrap();
    symlink(&victim, shared.join(staging).join("tree")).unwrap();
    fill(&staged);
    staged.finish().unwrap();
    assert_eq!(fs::read(shared.join("code/d/code")).unwrap(), b"code");
    assert_eq!(names(&victim), ["thesis.txt"]);
}

#[test]
fn a_link_of_our_own_is_followed() {
    for sticky in [true, false] {
        let (_place, shared, victim) = scene(sticky);
        symlink(&victim, shared.join("code")).unwrap();
        assert!(matches!(download(&shared.join("code"), false), Err(TargetError::NotEmpty(_))));
        download(&shared.join("code"), true).unwrap();
        assert_eq!(names(&victim), ["d"]);
        assert!(shared.join("code").is_symlink());
        symlink("../victim/", shared.join("way")).unwrap();
        download(&shared.join("way/../victim/./new/deep"), false).unwrap();
        assert_eq!(names(&victim), ["d", "new"]);
    }
}

#[test]
fn a_link_that_another_user_planted_is_not_followed() {
    for sticky in [true, false] {
        let (_place, shared, victim) = scene(sticky);
        symlink(&victim, shared.join("code")).unwrap();
        symlink("/nowhere", shared.join("dangling")).unwrap();
        if !is_root() {
            // Nothing can be given away: it is our own link, and followed.
            assert!(matches!(StagedDownload::check_target(&shared.join("code"), false), Err(TargetError::NotEmpty(_))));
            continue;
        }
        for name in ["code", "dangling"] {
            lchown(shared.join(name), Some(NOBODY), None).unwrap();
        }
        for way in ["code", "code/new", "code/../victim/new", "dangling"] {
            for force in [true, false] {
                let error = download(&shared.join(way), force).unwrap_err();
                assert!(matches!(error, TargetError::Link(_)), "{way}: {error}");
                assert!(StagedDownload::check_target(&shared.join(way), force).is_err());
            }
        }
        assert_eq!(names(&victim), ["thesis.txt"]);
        // Where nobody else can plant it, it may have been made by anybody.
        fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
        download(&shared.join("code"), true).unwrap();
        assert_eq!(names(&victim), ["d"]);
    }
}

/// What lies in a directory is its owner's to change, however it came there.
#[test]
fn a_directory_that_another_user_planted_is_not_filled() {
    if !is_root() {
        return;
    }
    let (_place, shared, _) = scene(true);
    let target = shared.join("code");
    fs::create_dir(&target).unwrap();
    chown(&target, Some(NOBODY), None).unwrap();
    for force in [false, true] {
        assert!(matches!(download(&target, force), Err(TargetError::Planted(path)) if path == target));
        assert!(matches!(StagedDownload::check_target(&target, force), Err(TargetError::Planted(_))));
    }
    assert_eq!(names(&target).len(), 0);
    // Where not everybody can make something, somebody who may has made it: a volume of another user's, filled by root.
    fs::set_permissions(&shared, Permissions::from_mode(0o755)).unwrap();
    download(&target, false).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().uid(), NOBODY);
}

#[test]
fn what_is_in_the_way_of_a_target_is_told() {
    let (_place, shared, victim) = scene(true);
    symlink("nowhere", shared.join("dangling")).unwrap();
    symlink("circle", shared.join("circle")).unwrap();
    let error = |path: &Path| stage(path, true).map(drop).unwrap_err();
    assert!(matches!(error(&shared.join("dangling")), TargetError::Dangling(link) if link == shared.join("dangling")));
    assert!(matches!(error(&shared.join("dangling/new")), TargetError::Dangling(_)));
    assert!(matches!(error(&shared.join("circle")), TargetError::Disk(_)));
    assert!(matches!(error(&victim.join("thesis.txt")), TargetError::File(_)));
    assert!(matches!(error(&victim.join("thesis.txt/new")), TargetError::File(_)));
    assert!(matches!(error(Path::new("/")), TargetError::Root(_)));
    assert_eq!(names(&shared), ["circle", "dangling"]);
}

#[test]
fn downloads_at_the_same_time_do_not_sweep_each_other() {
    let (_place, shared, _) = scene(true);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let shared = &shared;
            scope.spawn(move || {
                (0..25).for_each(|number| download(&shared.join(format!("{thread}-{number}")), false).unwrap())
            });
        }
    });
    assert_eq!(names(&shared).len(), 100);
}
