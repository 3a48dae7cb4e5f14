//! The same commit a second time.

use crate::{
    exact::assert_exact,
    scene::{KINDS, Kind, Ran, Scene, component},
};
use forgeport_forge::samples;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn the_same_commit_makes_no_second_archive_request_and_is_just_as_exact() {
    let repository = samples::small();
    for kind in KINDS {
        let scene = Scene::with(&repository);
        scene.register(kind);
        let first = scene.download("main", "one", &[]).good().json();
        let bulk = scene.bulk_requests();
        let ran = scene.download("main", "two", &[]).good();
        let second = ran.json();
        assert_eq!((first["cached"].clone(), second["cached"].clone()), (false.into(), true.into()));
        assert_exact(&scene.path("two"), &repository, "main", "");
        assert_eq!(scene.bulk_requests(), bulk, "{kind:?}");
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

/// Whatever decides what the forge would answer, or whether it would be asked: each of these changes one such thing.
#[test]
fn a_kept_download_is_not_served_after_anything_changed_that_it_was_brought_by() {
    let repository = samples::faithful();
    let commit = repository.commit();
    type Change = fn(&Scene);
    let changes: [(&str, Change); 5] = [
        ("a new literal token", |scene| {
            let token = format!("--token={}", scene.token(Kind::Gitea));
            scene.run(&["code-repository", "update", "demo", &token]).good();
        }),
        ("another option", |scene| {
            scene.run(&["code-repository", "update", "demo", "--host=localhost", "--yes"]).good();
        }),
        ("another component", |scene| {
            let mut bytes = fs::read(component("gitea")).unwrap();
            bytes.extend([0, 2, 1, b'x']);
            fs::write(scene.path("other.wasm"), bytes).unwrap();
            let update = ["code-repository", "update", "demo", "--source=other.wasm", "--yes", "--allow-private"];
            scene.run(&update).good();
        }),
        ("a revoked grant", |scene| {
            scene.run(&["grants", "revoke", "demo", &scene.forge.gitea().instance_url]).good();
        }),
        ("no change at all", |_| ()),
    ];
    for (what, change) in changes {
        let scene = Scene::with(&repository);
        scene.register(Kind::Gitea);
        scene.download("main", "one", &[]).good();
        change(&scene);
        let ran = scene.download(&commit, "two", &[]);
        match what {
            "no change at all" => assert_eq!(ran.good().json()["cached"], true),
            "a revoked grant" => assert!(ran.bad().contains("no origin may be reached")),
            what => assert_eq!(ran.good().json()["cached"], false, "{what}"),
        }
    }
}

#[test]
fn a_kept_download_is_not_served_once_its_secret_is_gone_or_another() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    let token = format!("--token={}", scene.token(Kind::Github));
    scene.run(&["secret", "create", "s", &token, "--other=x"]).good();
    scene.try_register(Kind::Github, &["--token={{s.token}}".into()]).good();
    scene.download("main", "one", &[]).good();
    let download = |name: &str| scene.download(&repository.commit(), name, &[]);
    // What has nothing to do with it changes nothing.
    scene.run(&["secret", "update", "s", "--other=y"]).good();
    scene.run(&["secret", "rename", "s", "t"]).good();
    scene.run(&["secret", "rename", "t", "s"]).good();
    assert_eq!(download("two").good().json()["cached"], true);
    scene.run(&["secret", "update", "s", &token]).good();
    assert_eq!(download("three").good().json()["cached"], false);
    scene.run(&["secret", "update", "s", "--unset=token"]).good();
    assert!(download("four").bad().contains("token"));
    scene.run(&["secret", "delete", "s", "--force"]).good();
    assert!(download("five").bad().contains("\"s\""));
}

#[test]
fn the_operators_policy_holds_for_what_is_kept_too() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let run = |policy: String, name: &str| {
        fs::write(scene.path("policy.toml"), policy).unwrap();
        let commit = format!("--commit={}", repository.commit());
        let directory = format!("--directory={name}");
        let mut command = scene.command(&["--output=json", "code-repository", "download", "demo", &commit, &directory]);
        Ran::of(command.env("FORGEPORT_POLICY", scene.path("policy.toml")).output().unwrap())
    };
    let urls = scene.forge.github();
    let allow = |origin: &str| format!("[[allow]]\norigin = \"{origin}\"\nprivate = true\n");
    let both = allow(&urls.api_url) + &allow(&urls.codeload_url);
    assert_eq!(run(both.clone(), "one").good().json()["cached"], false);
    // What it says of others does not matter.
    assert_eq!(run(both + &allow("https://other.example"), "two").good().json()["cached"], true);
    run(allow("https://other.example"), "three").bad();
}

#[test]
fn it_is_told_whose_word_a_verified_tree_is() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    for (name, cached) in [("one", false), ("two", true)] {
        let told = scene.download("main", name, &[]).good().json();
        assert_eq!(told["cached"], cached);
        assert_eq!(told["provider"]["name"], "github");
        assert_eq!(told["provider"]["digest"].as_str().map(str::len), Some(64));
    }
    let text = scene.run(&["code-repository", "download", "demo", "--commit=main", "--directory=three"]).good().stdout;
    assert!(text.contains("verified, tree ") && text.contains(", reported by github "), "{text}");
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
        let entry =
            fs::read_dir(scene.path("home/cache/downloads/local/content")).unwrap().next().unwrap().unwrap().path();
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

/// What stands in a folder of the cache, each in the place of a file.
fn kept(scene: &Scene, folder: &str) -> Vec<PathBuf> {
    fs::read_dir(scene.path("home/cache").join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn what_is_no_file_in_the_place_of_a_kept_one_is_neither_waited_for_nor_kept() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    scene.download("main", "one", &[]).good();
    type Plant = fn(&Path);
    let plants: [Plant; 2] = [make_pipe, |path| fs::create_dir_all(path.join("in it")).unwrap()];
    let folders = ["downloads/local/content", "downloads/local/index", "compiled"];
    for (number, (folder, plant)) in folders.iter().flat_map(|folder| plants.map(|plant| (folder, plant))).enumerate() {
        for file in kept(&scene, folder) {
            fs::remove_file(&file).unwrap();
            plant(&file);
        }
        let name = format!("again{number}");
        let ran = scene.download("main", &name, &[]).good();
        assert_exact(&scene.path(&name), &repository, "main", "");
        assert_eq!(ran.json()["cached"], *folder == "compiled", "{folder}");
        if *folder != "compiled" {
            assert!(kept(&scene, folder).iter().all(|path| path.is_file()), "{folder}");
            assert_eq!(scene.download("main", &format!("more{number}"), &[]).good().json()["cached"], true, "{folder}");
        }
    }
    make_pipe(&scene.path("home/cache/downloads/local/content/.unfinished-left"));
    make_pipe(&scene.path("home/cache/downloads/local/content/failed.partial"));
    make_pipe(&scene.path("home/cache/downloads/local/content/more.download"));
    scene.run(&["cache", "clear"]).good();
    assert!(kept(&scene, "downloads/local/content").is_empty());
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
