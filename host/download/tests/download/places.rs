//! Targets where containers and people have them: the current directory, volumes, directories of an image or of a user of their own.
//!
//! What is mounted is mounted in a process of its own, with which it goes; that needs root.
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
        &format!("places::{name}"),
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

#[test]
fn a_directory_that_is_there_stays_the_same_directory() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o750)).unwrap();
    let before = fs::metadata(&target).unwrap();
    for force in [false, true] {
        assert!(kept(&download(&target, force).unwrap()));
        assert_eq!(names(&target), ["code", "d"]);
        let now = fs::metadata(&target).unwrap();
        assert_eq!((now.ino(), now.mode()), (before.ino(), before.mode()));
    }
    assert_eq!(names(&path), ["target"]);
    assert_eq!(download(&path.join("new"), false).unwrap().arrival, Arrival::OneStep);
}

#[test]
fn what_is_there_is_untouched_until_all_is_there() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "").unwrap();
    let staged = stage(&target, COMMIT, true).unwrap();
    assert_eq!(names(&target), ["mine"]);
    drop(staged);
    assert_eq!((names(&target), names(&path)), (vec!["mine".to_owned()], vec!["target".to_owned()]));
}

#[test]
fn whatever_is_in_the_way_is_replaced_by_what_the_commit_has() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir_all(target.join("code/was/a/directory")).unwrap();
    fs::create_dir_all(target.join(".git/objects")).unwrap();
    fs::write(target.join("d"), "was a file").unwrap();
    symlink("/nowhere", target.join("link")).unwrap();
    run("mkfifo", &[target.join("pipe").to_str().unwrap()]);
    fs::create_dir_all(target.join("unwritable/deep")).unwrap();
    fs::set_permissions(target.join("unwritable/deep"), Permissions::from_mode(0o555)).unwrap();
    assert!(matches!(refused(download(&target, false)), TargetError::NotEmpty(_)));
    assert!(kept(&download(&target, true).unwrap()));
    assert_eq!((names(&target), names(&path)), (vec!["code".to_owned(), "d".to_owned()], vec!["target".to_owned()]));
    assert_eq!(fs::read(target.join("d/deep/file")).unwrap(), b"d/deep/file");
}

#[test]
fn what_others_give_to_what_is_made_in_a_directory_the_files_have_too() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir(&target).unwrap();
    let shared = is_root();
    if shared {
        chown(&target, None, Some(NOBODY)).unwrap();
    }
    fs::set_permissions(&target, Permissions::from_mode(0o2775)).unwrap();
    let group = fs::metadata(&target).unwrap().gid();
    download(&target, false).unwrap();
    for name in ["code", "d", "d/deep", "d/deep/file"] {
        let found = fs::metadata(target.join(name)).unwrap();
        assert_eq!(found.gid(), group, "{name}");
        assert!(!found.is_dir() || found.mode() & 0o2000 != 0, "{name}");
    }
    assert_eq!(names(&target), ["code", "d"]);
}

#[test]
fn a_marked_directory_is_finished_by_the_same_commit_and_told_to_others() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("half"), "").unwrap();
    let text = format!("{{\"commit\":\"{COMMIT}\",\"subdirectory\":\"\"}}");
    fs::write(target.join(".forgeport-unfinished"), text).unwrap();
    let of_another = stage(&target, OTHER, false).map(drop).unwrap_err();
    assert!(of_another.to_string().contains(&format!("--commit={COMMIT}")), "{of_another}");
    // Before the commit is known nobody can tell.
    StagedDownload::check_target(&target, false).unwrap();
    for asked in [&target, &target.join("half")] {
        assert!(matches!(check_finished(asked), Err(TargetError::Unfinished { path, .. }) if path == target));
    }
    download(&target, false).unwrap();
    assert_eq!(names(&target), ["code", "d"]);
    check_finished(&target).unwrap();
}

#[test]
fn a_mark_that_another_user_planted_takes_nothing_away() {
    let (_place, path) = place();
    let target = path.join("target");
    let mark = target.join(".forgeport-unfinished");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "").unwrap();
    let text = format!("{{\"commit\":\"{COMMIT}\",\"subdirectory\":\"\"}}");
    fs::write(&mark, text).unwrap();
    if !is_root() {
        return;
    }
    chown(&mark, Some(NOBODY), None).unwrap();
    assert!(matches!(refused(download(&target, false)), TargetError::Unfinished { .. }));
    assert!(target.join("mine").exists());
    download(&target, true).unwrap();
    assert_eq!(names(&target), ["code", "d"]);
}

#[test]
fn what_has_the_marks_name_and_is_none_neither_holds_up_nor_hides_what_is_there() {
    let (_place, path) = place();
    let mark = |target: &Path| target.join(".forgeport-unfinished");
    type Plant = fn(&Path);
    let plants: [Plant; 4] = [
        |mark| fs::write(mark, "").unwrap(),
        |mark| symlink("/", mark).unwrap(),
        |mark| run("mkfifo", &[mark.to_str().unwrap()]),
        |mark| fs::create_dir_all(mark.join("directory")).unwrap(),
    ];
    for (number, plant) in plants.iter().enumerate() {
        let target = path.join(number.to_string());
        fs::create_dir(&target).unwrap();
        plant(&mark(&target));
        let _ = check_finished(&target);
        assert!(download(&target, false).is_err(), "{number}");
        download(&target, true).unwrap();
        assert_eq!(names(&target), ["code", "d"], "{number}");
    }
}

#[test]
fn a_commit_with_the_marks_name_is_refused() {
    let (_place, path) = place();
    for name in [".forgeport-unfinished", "d/.ForgePort-Unfinished/x", ".forgeport-un\u{fb01}nished"] {
        let error = download_of(&["code", name], &path.join("target"), false).unwrap_err();
        assert!(matches!(error, FinishError::Unpack(UnpackError::Rejected(_))), "{name}: {error}");
    }
    download_of(&["d/.forgeport-unfinished.txt", ".forgeport-x"], &path.join("target"), false).unwrap();
    check_finished(&path.join("target/d")).unwrap();
}

#[test]
fn two_downloads_do_not_fill_a_directory_together() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir(&target).unwrap();
    let download = || {
        std::iter::repeat_with(|| download(&target, true)).take(20).map(|ended| match ended {
            Ok(_) => 1,
            Err(FinishError::Target(TargetError::Busy(_))) => 0,
            Err(error) => panic!("{error}"),
        })
    };
    let done: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| download().sum::<u32>())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(done > 0);
    assert_eq!((names(&target), names(&path)), (vec!["code".to_owned(), "d".to_owned()], vec!["target".to_owned()]));
}

#[test]
fn a_volume_is_filled_from_within() {
    if !with_mounts("a_volume_is_filled_from_within") {
        return;
    }
    let (_place, path) = place();
    let volume = path.join("volume");
    mount("tmpfs", &volume);
    assert!(kept(&download(&volume, false).unwrap()));
    fs::write(volume.join("more"), "").unwrap();
    assert!(matches!(refused(download(&volume, false)), TargetError::NotEmpty(_)));
    assert!(kept(&download(&volume, true).unwrap()));
    assert_eq!((names(&volume), names(&path)), (vec!["code".to_owned(), "d".to_owned()], vec!["volume".to_owned()]));
    // A directory that is mounted a second time: nothing tells it from its parent but that nothing can be moved there.
    let bound = path.join("bound");
    fs::create_dir_all(&bound).unwrap();
    fs::create_dir(path.join("elsewhere")).unwrap();
    run("mount", &["--bind", path.join("elsewhere").to_str().unwrap(), bound.to_str().unwrap()]);
    assert!(kept(&download(&bound, false).unwrap()));
    assert_eq!(names(&path.join("elsewhere")), ["code", "d"]);
    // In a parent of which nothing can be written.
    run("mount", &["-o", "remount,ro,bind", "none", bound.to_str().unwrap()]);
    assert!(matches!(refused(download(&bound, true)), TargetError::Disk(_)));
    mount("tmpfs", &path.join("image"));
    let inner = path.join("image/volume");
    mount("tmpfs", &inner);
    run("mount", &["-o", "remount,ro", path.join("image").to_str().unwrap()]);
    assert!(kept(&download(&inner, false).unwrap()));
}

#[test]
fn a_new_file_system_is_empty_although_it_has_lost_and_found() {
    if !with_mounts("a_new_file_system_is_empty_although_it_has_lost_and_found") {
        return;
    }
    let (_place, path) = place();
    let (image, volume) = (path.join("image"), path.join("volume"));
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    fs::create_dir(&volume).unwrap();
    let made = Command::new("mkfs.ext4").arg("-q").arg(&image).status();
    let mounted = Command::new("mount").args(["-o", "loop"]).args([&image, &volume]).status();
    if !made.is_ok_and(|made| made.success()) || !mounted.unwrap().success() {
        eprintln!("a file system of its own cannot be made or mounted here; a directory of this name takes its place");
        fs::create_dir(volume.join("lost+found")).unwrap();
    }
    let receipt = download(&volume, false).unwrap();
    assert_eq!(stays(&receipt), ["lost+found"]);
    fs::write(volume.join("more"), "").unwrap();
    download(&volume, true).unwrap();
    assert_eq!(names(&volume), ["code", "d", "lost+found"]);
    // What the commit has of this name has no room.
    let error = refused(download_of(&["lost+found/x"], &volume, true));
    assert!(matches!(error, TargetError::Occupied(_)), "{error}");
    assert_eq!(names(&volume), ["code", "d", "lost+found"]);
}

#[test]
fn what_is_mounted_in_a_target_stays_with_all_that_is_in_it() {
    if !with_mounts("what_is_mounted_in_a_target_stays_with_all_that_is_in_it") {
        return;
    }
    let (_place, path) = place();
    let target = path.join("target");
    for at in ["data", "d/models", "old/a/b"] {
        mount("tmpfs", &target.join(at));
        fs::write(target.join(at).join("precious"), "").unwrap();
        fs::write(target.join(at).parent().unwrap().join("mine"), "").unwrap();
    }
    fs::write(path.join("secret"), "").unwrap();
    fs::write(target.join("file"), "").unwrap();
    run("mount", &["--bind", path.join("secret").to_str().unwrap(), target.join("file").to_str().unwrap()]);
    let receipt = download(&target, true).unwrap();
    assert_eq!(stays(&receipt), ["d/models", "data", "file", "old/a/b"]);
    assert!(kept(&receipt));
    assert_eq!(names(&target), ["code", "d", "data", "file", "old"]);
    assert_eq!(names(&target.join("d")), ["deep", "models"]);
    assert_eq!(names(&target.join("old/a")), ["b"]);
    for at in ["data", "d/models", "old/a/b"] {
        assert_eq!(names(&target.join(at)), ["precious"], "{at}");
    }
    // A commit that needs the place of one of them is refused before anything is changed.
    for taken in ["data/x", "data", "d", "old/a/b/x", "file", "file/x"] {
        let error = refused(download_of(&["other", taken], &target, true));
        assert!(matches!(error, TargetError::Occupied(_)), "{taken}: {error}");
        assert_eq!(names(&target), ["code", "d", "data", "file", "old"], "{taken}");
    }
    assert_eq!(names(&path), ["secret", "target"]);
}

#[test]
fn a_directory_of_an_image_is_filled_and_said_when_its_content_could_not_be_kept() {
    if !with_mounts("a_directory_of_an_image_is_filled_and_said_when_its_content_could_not_be_kept") {
        return;
    }
    let (_place, path) = place();
    mount("tmpfs", &path);
    for layer in ["lower/app/d", "lower/app/sub/deep", "lower/empty", "upper", "work", "seen"] {
        fs::create_dir_all(path.join(layer)).unwrap();
    }
    for file in ["lower/app/d/old", "lower/app/sub/deep/file", "lower/app/file"] {
        fs::write(path.join(file), "").unwrap();
    }
    let layers = ["lower", "upper", "work"].map(|name| path.join(name).display().to_string());
    let options = format!("lowerdir={},upperdir={},workdir={},redirect_dir=off", layers[0], layers[1], layers[2]);
    let seen = path.join("seen");
    run("mount", &["-t", "overlay", "overlay", "-o", &options, seen.to_str().unwrap()]);
    let renamed = fs::rename(seen.join("app/sub"), seen.join("app/moved")).unwrap_err();
    assert_eq!(renamed.kind(), std::io::ErrorKind::CrossesDevices);
    assert!(kept(&download(&seen.join("empty"), false).unwrap()));
    let receipt = download(&seen.join("app"), true).unwrap();
    assert!(matches!(receipt.arrival, Arrival::Marked { kept_until_complete: false, left: None, .. }));
    assert_eq!(names(&seen.join("app")), ["code", "d"]);
    assert_eq!(names(&seen.join("app/d")), ["deep"]);
    // And once more, where all is of the upper layer.
    assert!(kept(&download(&seen.join("app"), true).unwrap()));
    assert_eq!(names(&seen), ["app", "empty"]);
}

#[test]
fn a_directory_of_ones_own_in_a_parent_of_somebody_else_is_filled() {
    if !as_nobody("a_directory_of_ones_own_in_a_parent_of_somebody_else_is_filled") {
        // Made for the process that is not root, which cannot.
        return;
    }
    let (_place, path) = place();
    let target = path.join("app");
    fs::create_dir(&target).unwrap();
    fs::create_dir_all(target.join("kept/deep")).unwrap();
    fs::set_permissions(target.join("kept/deep"), Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(target.join("kept"), Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o555)).unwrap();
    assert!(matches!(refused(download(&target, false)), TargetError::NotEmpty(_)));
    // What its own owner may not write to does not move either.
    let receipt = download(&target, true).unwrap();
    assert!(matches!(receipt.arrival, Arrival::Marked { kept_until_complete: false, .. }), "{:?}", receipt.arrival);
    assert_eq!(names(&target), ["code", "d"]);
    assert!(kept(&download(&target, true).unwrap()));
    let error = refused(download(&path.join("new"), false));
    assert!(error.to_string().contains("permission denied"), "{error}");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_somebody_elses_is_refused_before_anything_is_changed() {
    // Made by root, and tried by another user.
    let Some(target) = std::env::var_os("PLACES_TEST_TARGET").map(PathBuf::from) else {
        if !is_root() {
            return;
        }
        for (theirs, mode) in [("theirs/file", 0o755), ("mine/deep/theirs/file", 0o755), ("mine/closed/file", 0o700)] {
            let (_place, path) = place();
            let target = path.join("target");
            let file = target.join(theirs);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(file.parent().unwrap(), Permissions::from_mode(mode)).unwrap();
            for at in [&path, &target, &target.join("mine"), &target.join("mine/deep")] {
                let _ = chown(at, Some(NOBODY), None);
            }
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(std::env::current_exe().unwrap());
            let name = "places::what_is_somebody_elses_is_refused_before_anything_is_changed";
            let output = command.args(["--exact", name]).env("PLACES_TEST_TARGET", &target).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{theirs}: {text}");
            assert!(file.exists());
            assert_eq!(names(&path), ["target"], "{theirs}");
        }
        return;
    };
    let before = names(&target);
    let error = stage(&target, COMMIT, true).map(drop).unwrap_err();
    assert!(matches!(error, TargetError::Protected(_)) && error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(names(&target), before);
}

#[test]
fn what_cannot_be_moved_is_put_back_and_what_cannot_be_removed_is_said() {
    let (_place, path) = place();
    let target = path.join("target");
    fs::create_dir_all(target.join("old/deep")).unwrap();
    for file in ["fixed", "old/deep/fixed", "other"] {
        fs::write(target.join(file), "").unwrap();
    }
    let fixed = |sign: &str, file: &Path| Command::new("chattr").arg(sign).arg(file).output();
    if !fixed("+i", &target.join("fixed")).is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: nothing can be made immutable here");
        return;
    }
    let error = download(&target, true);
    fixed("-i", &target.join("fixed")).unwrap();
    assert!(matches!(refused(error), TargetError::Disk(_)));
    assert_eq!(names(&target), ["fixed", "old", "other"]);
    check_finished(&target).unwrap();
    fixed("+i", &target.join("old/deep/fixed")).unwrap();
    let receipt = download(&target, true);
    let left: Vec<String> = names(&path).into_iter().filter(|name| name != "target").collect();
    let [workshop] = &left[..] else { panic!("{left:?}") };
    let old = path.join(workshop).join("old/old/deep/fixed");
    fixed("-i", &old).unwrap();
    assert!(
        matches!(receipt.unwrap().arrival, Arrival::Marked { left: Some(left), .. } if left == path.join(workshop))
    );
    assert_eq!(names(&target), ["code", "d"]);
    // And goes with the next download, where it can be removed then.
    download(&target, true).unwrap();
    assert_eq!(names(&path), ["target"]);
}
