//! Mounts, images and directories of other users, each in a process of its own, with which the mounts go; that needs root.

use super::*;

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
            let name = "places::apart::what_is_somebody_elses_is_refused_before_anything_is_changed";
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
