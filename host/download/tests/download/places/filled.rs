//! Directories that are there and are filled.

use super::*;

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
