//! The same commit a second time.

use crate::{
    exact::assert_exact,
    scene::{KINDS, Kind, Scene},
};
use forgeport_forge::samples;
use std::fs;

#[test]
fn the_same_commit_makes_no_second_archive_request_and_is_just_as_exact() {
    let repository = samples::small();
    for kind in KINDS {
        let scene = Scene::with(&repository);
        scene.register(kind);
        let first = scene.download("main", "one", &[]).good().json();
        let ran = scene.download("main", "two", &[]).good();
        let second = ran.json();
        assert_eq!((first["cached"].clone(), second["cached"].clone()), (false.into(), true.into()));
        assert_exact(&scene.path("two"), &repository, "main", "");
        assert_eq!(scene.bulk_requests(), 1, "{kind:?}");
        for key in ["tree", "verification", "files", "links", "bytes", "submodules", "lfs_pointers", "url"] {
            assert_eq!(first[key], second[key], "{kind:?} {key}");
        }
        assert!(ran.stderr.contains("vendor/library") && ran.stderr.contains("data/model.bin"), "{}", ran.stderr);
    }
}

#[test]
fn a_full_id_that_is_kept_needs_no_network_at_all() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    let token = scene.register(Kind::Github);
    scene.download("main", "one", &[]).good();
    scene.forge.revoke(&token);
    scene.forge.clear_requests();
    scene.download(&repository.commit(), "two", &[]).good();
    assert_exact(&scene.path("two"), &repository, "main", "");
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn another_subdirectory_and_another_code_repository_are_kept_apart() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    scene.download("main", "one", &[]).good();
    scene.download("main", "two", &["--subdirectory=bin"]).good();
    assert_exact(&scene.path("two"), &repository, "main", "bin");
    assert_eq!(scene.bulk_requests(), 2);
    let usage = scene.run(&["cache", "show", "--output=json"]).good().json();
    assert_eq!(usage["entries"], 2);
}

#[test]
fn a_damaged_entry_is_noticed_and_downloaded_anew() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    scene.download("main", "one", &[]).good();
    let damage: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.clear(),
        |bytes| bytes[0] = 0xff,
        |bytes| {
            let at = bytes.windows(5).position(|part| part == b"hello").unwrap();
            bytes[at] = b'j';
        },
    ];
    for (number, damage) in damage.into_iter().enumerate() {
        let entry = fs::read_dir(scene.path("home/cache/downloads")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&entry).unwrap();
        damage(&mut bytes);
        fs::write(&entry, bytes).unwrap();
        let name = format!("again{number}");
        let ran = scene.download("main", &name, &[]).good();
        assert_exact(&scene.path(&name), &repository, "main", "");
        assert_eq!(ran.json()["cached"], false, "damage {number}");
        assert!(ran.stderr.contains("damaged"), "{}", ran.stderr);
    }
}

#[test]
fn the_cache_can_be_cleared() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.download("main", "one", &[]).good();
    scene.run(&["cache", "clear"]).good();
    assert_eq!(scene.run(&["cache", "show", "--output=json"]).good().json()["entries"], 0);
    assert_eq!(scene.download("main", "two", &[]).good().json()["cached"], false);
}

#[test]
fn many_processes_at_once_all_get_the_whole() {
    let repository = samples::many_files(300);
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let scene = &scene;
            scope.spawn(move || scene.download("main", &format!("out{number}"), &[]).good());
        }
    });
    for number in 0..8 {
        assert_exact(&scene.path(&format!("out{number}")), &repository, "main", "");
    }
    assert_eq!(scene.run(&["cache", "show", "--output=json"]).good().json()["entries"], 1);
}
