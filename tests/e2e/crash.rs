//! `kill -9` at random moments: whatever was being done is done or not done, and the next command goes on as if nothing had been.

use crate::{
    exact::{Files, assert_no_remains, in_git, on_disk},
    scene::{Kind, Scene, component},
};
use forgeport_forge::{Access, Repository, TokenKind};
use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Kills of each operation; the first number where `FORGEPORT_FULL` is set.
const KILLS: (u32, u32) = (40, 10);
/// Runs that are let live, to know how long one takes.
const MEASURED: usize = 3;
/// All that a store's directory may hold when nobody is at work.
const STORE: [&str; 7] = ["audit.db", "forgeport.db", "forgeport.sum", "key", "lock", "providers", "requests"];

/// Says the seed when a test fails; set `CRASH_SEED` to it to have the same moments again.
struct Seed(u64);

impl Seed {
    fn new() -> Seed {
        let given = std::env::var("CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
        Seed(given.unwrap_or_else(|| fastrand::u64(..)))
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("CRASH_SEED={}", self.0);
        }
    }
}

/// An operation is prepared, started, killed after a random part of the time that it takes, and judged: `check` is told whether it came
/// to its end all the same. The moments are spread over the whole time: one lies in each equal part of it.
fn kill_at_random_moments(mut prepare: impl FnMut(), command: impl Fn() -> Command, mut check: impl FnMut(bool)) {
    let seed = Seed::new();
    let mut random = fastrand::Rng::with_seed(seed.0);
    let mut measure = || {
        prepare();
        let start = Instant::now();
        assert!(ends(command(), None), "an undisturbed run does not come to its end");
        let time = start.elapsed();
        check(true);
        time
    };
    let typical = (0..MEASURED).map(|_| measure()).min().unwrap();
    let mut killed = 0;
    let kills = if std::env::var_os("FORGEPORT_FULL").is_some() { KILLS.0 } else { KILLS.1 };
    for number in 0..kills {
        prepare();
        let part = (f64::from(number) + random.f64()) / f64::from(kills);
        let finished = ends(command(), Some(typical.mul_f64(part)));
        killed += u32::from(!finished);
        check(finished);
    }
    assert!(killed > kills / 4, "only {killed} runs were killed before their end");
}

/// Runs a command to its end, or for so long.
fn ends(mut command: Command, time: Option<Duration>) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(time) = time {
        std::thread::sleep(time);
        child.kill().unwrap();
    }
    let ended = child.wait_with_output().unwrap();
    let killed = ended.status.signal() == Some(9);
    assert!(killed || ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    !killed
}

/// Some of everything, and small.
fn repository() -> Repository {
    let mut builder = Repository::build();
    for number in 0..200 {
        builder = builder.file(format!("part-{}/file-{number}.txt", number % 7), format!("{number}\n").repeat(number));
    }
    builder
        .executable("run.sh", "#!/bin/sh\n")
        .symlink("link", "part-0")
        .symlink("part-1/up", "../run.sh")
        .commit("One")
        .finish()
}

fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn assert_tidy_store(scene: &Scene, components: usize) {
    let odd: Vec<String> =
        names(scene.path("home/data")).into_iter().filter(|name| !STORE.contains(&name.as_str())).collect();
    assert!(odd.is_empty(), "left in the store: {odd:?}");
    let providers = names(scene.path("home/data/providers"));
    assert!(providers.len() == components && providers.iter().all(|name| name.ends_with(".wasm")), "{providers:?}");
}

#[track_caller]
fn assert_tidy_cache(scene: &Scene, downloads: usize) {
    let kept = names(scene.path("home/cache/downloads/local/content"));
    assert!(kept.len() == downloads && kept.iter().all(|name| name.ends_with(".download")), "{kept:?}");
    let answers = names(scene.path("home/cache/downloads/local/index"));
    assert!(answers.iter().all(|name| name.len() == 64), "{answers:?}");
}

#[track_caller]
fn assert_whole(directory: &Path, right: &Files) {
    assert!(on_disk(directory) == *right, "{} is not what the commit has", directory.display());
}

fn remove(path: &Path) {
    if path.exists() {
        fs::remove_dir_all(path).unwrap();
    }
}

/// The same component to whoever runs it, with another digest: a custom section at the end says nothing.
fn twin(scene: &Scene, of: &str) -> PathBuf {
    let mut bytes = fs::read(component(of)).unwrap();
    bytes.extend(b"\x00\x05\x04twin");
    let path = scene.path("twin.wasm");
    fs::write(&path, bytes).unwrap();
    path
}

/// The credential that the last request carried.
fn last_credential(scene: &Scene) -> String {
    let requests = scene.forge.requests();
    let sent = requests.iter().rev().find_map(|request| request.header("authorization"));
    sent.unwrap().trim_start_matches("Bearer ").to_owned()
}

#[test]
fn a_killed_register_has_registered_all_or_nothing() {
    let repository = repository();
    let right = in_git(&repository, "main", "");
    let scene = Scene::with(&repository);
    let token = scene.token(Kind::Gitea);
    let mut register: Vec<String> = ["code-repository", "register", "demo"].map(str::to_owned).to_vec();
    register.extend(scene.options(Kind::Gitea));
    register.extend([format!("--token={token}"), "--description=whole".into()]);
    let check = |finished: bool| {
        let names = scene.names();
        assert!(names == ["demo"] || (!finished && names.is_empty()), "{names:?}");
        if names.is_empty() {
            scene.run(&register).good();
        }
        let described = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json();
        assert_eq!(described["description"], "whole");
        assert_eq!(described["options"].as_object().unwrap().len(), 4);
        scene.download("main", "out", &["--force"]).good();
        assert_whole(&scene.path("out"), &right);
        assert_eq!(last_credential(&scene), token);
    };
    let prepare = || {
        scene.run(&["code-repository", "delete", "demo"]);
    };
    kill_at_random_moments(prepare, || scene.command(&register), check);
    // Killed after its commit, one has left the unfinished sum, which the next change of the store finishes.
    prepare();
    scene.run(&register).good();
    assert_tidy_store(&scene, 1);
}

#[test]
fn what_killed_registers_leave_goes_with_the_next_one() {
    let scene = Scene::with(&repository());
    let token = scene.token(Kind::Gitea);
    scene.try_register(Kind::Gitea, &[format!("--token={token}")]).good();
    fs::write(scene.path("home/data/providers/.unfinished-killed"), "half a component").unwrap();
    let mut arguments: Vec<String> = ["code-repository", "register", "other"].map(str::to_owned).to_vec();
    arguments.extend(scene.options(Kind::Gitea));
    arguments.push(format!("--token={token}"));
    scene.run(&arguments).good();
    assert_tidy_store(&scene, 1);
}

#[test]
fn a_killed_update_leaves_the_old_registration_or_the_new_one() {
    let scene = Scene::with(&repository());
    let tokens = [scene.register(Kind::Gitea), scene.forge.token(TokenKind::Gitea, Access::All)];
    let sources = [component("gitea"), twin(&scene, "gitea")];
    let update = |to: usize| {
        ["code-repository", "update", "demo", "--yes", "--allow-private"]
            .map(str::to_owned)
            .into_iter()
            .chain([
                format!("--description={to}"),
                format!("--token={}", tokens[to]),
                format!("--source={}", sources[to].display()),
            ])
            .collect::<Vec<String>>()
    };
    let digests = [0, 1].map(|to| {
        scene.run(&update(to)).good();
        scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json()["provider"]["digest"].clone()
    });
    assert_ne!(digests[0], digests[1]);
    let prepare = || {
        scene.run(&update(0)).good();
        assert_tidy_store(&scene, 1);
    };
    let check = |finished: bool| {
        assert_eq!(scene.names(), ["demo"]);
        let described = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json();
        let which = usize::from(described["description"] == "1");
        assert!(which == 1 || !finished);
        assert_eq!(described["provider"]["digest"], digests[which]);
        scene.forge.clear_requests();
        scene.download("main", "out", &["--force"]).good();
        assert_eq!(last_credential(&scene), tokens[which]);
    };
    kill_at_random_moments(prepare, || scene.command(&update(1)), check);
}

#[test]
fn a_killed_creation_of_a_secret_and_of_the_store_itself_is_whole_or_not_there() {
    let scene = Scene::with(&repository());
    let create = ["secret", "create", "forge", "--one=1", "--two=22", "--three=333"];
    let prepare = || remove(&scene.path("home"));
    let check = |finished: bool| {
        let listed = scene.run(&["secret", "list", "--output=json"]).good().json();
        match listed.as_array().unwrap().len() {
            1 => {}
            _ => {
                assert!(!finished);
                scene.run(&create).good();
            }
        }
        let values =
            scene.run(&["secret", "get", "forge", "--reveal", "--output=json"]).good().json()["values"].clone();
        assert_eq!(values, serde_json::json!({ "one": "1", "two": "22", "three": "333" }));
        // Those only read; what is left of a file that was being written goes with the next change.
        scene.run(&["secret", "update", "forge", "--four=4"]).good();
        assert_tidy_store(&scene, 0);
    };
    kill_at_random_moments(prepare, || scene.command(&create), check);
}

#[test]
fn a_killed_download_leaves_the_target_as_it_was_marked_or_whole() {
    let repository = repository();
    let right = in_git(&repository, "main", "");
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let out = scene.path("out");
    let mut rounds = 0..;
    // By turns there is nothing, and a directory with something else.
    let prepare = || {
        scene.run(&["cache", "clear"]).good();
        remove(&out);
        if rounds.next().is_some_and(|round| round % 2 == 1) {
            fs::create_dir(&out).unwrap();
            fs::write(out.join("mine"), "mine").unwrap();
        }
    };
    let check = |finished: bool| {
        let marked = out.join(".forgeport-unfinished").exists();
        let as_it_was = !out.exists() || (on_disk(&out).len() == 1 && out.join("mine").exists());
        assert!(!(finished && (as_it_was || marked)));
        if !as_it_was && !marked {
            assert_whole(&out, &right);
        }
        scene.download("main", "out", if marked { &[] } else { &["--force"] }).good();
        assert_whole(&out, &right);
        assert_no_remains(out.parent().unwrap());
    };
    let command = ["code-repository", "download", "demo", "--commit=main", "--directory=out", "--force"];
    kill_at_random_moments(prepare, || scene.command(&command), check);
}

#[test]
fn a_cache_whose_filling_was_killed_gives_the_commit_and_keeps_no_remains() {
    let repository = repository();
    let right = in_git(&repository, "main", "");
    let scene = Scene::with(&repository);
    // Its commits come as packs, which are indexed in a directory of their own, and kept as an archive that is made anew.
    scene.register(Kind::Bitbucket);
    let prepare = || {
        scene.run(&["cache", "clear"]).good();
        remove(&scene.path("out"));
    };
    let check = |_| {
        scene.run(&["cache", "show"]).good();
        scene.download("main", "again", &["--force"]).good();
        assert_whole(&scene.path("again"), &right);
        assert_tidy_cache(&scene, 1);
        assert_no_remains(scene.path("again").parent().unwrap());
        let kept = scene.download("main", "kept", &["--force"]).good().json();
        assert_eq!(kept["cached"], true);
        assert_whole(&scene.path("kept"), &right);
    };
    let command = ["code-repository", "download", "demo", "--commit=main", "--directory=out"];
    kill_at_random_moments(prepare, || scene.command(&command), check);
}

#[test]
fn a_killed_download_from_the_cache_harms_neither_cache_nor_target() {
    let repository = repository();
    let right = in_git(&repository, "main", "");
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let commit = repository.commit();
    scene.download(&commit, "first", &[]).good();
    scene.forge.clear_requests();
    let out = scene.path("out");
    let check = |finished: bool| {
        assert!(out.exists() || !finished);
        if out.exists() {
            assert_whole(&out, &right);
        }
        let kept = scene.download(&commit, "out", &["--force"]).good().json();
        assert_eq!(kept["cached"], true);
        assert_whole(&out, &right);
        assert_no_remains(out.parent().unwrap());
        assert_tidy_cache(&scene, 1);
    };
    let commit = format!("--commit={commit}");
    let command = ["code-repository", "download", "demo", &commit, "--directory=out"];
    kill_at_random_moments(|| remove(&out), || scene.command(&command), check);
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn compiled_code_whose_writing_was_killed_is_compiled_anew_and_leaves_no_remains() {
    let scene = Scene::with(&repository());
    let compiled = scene.path("home/cache/compiled");
    let command = ["code-repository", "options", "--type=github"];
    let check = |_| {
        for _ in 0..2 {
            assert_eq!(scene.run(&command).good().stderr, "");
        }
        let kept = names(&compiled);
        assert!(kept.len() == 1 && kept[0].ends_with(".cwasm"), "{kept:?}");
    };
    let prepare = || {
        remove(&compiled);
        fs::create_dir_all(&compiled).unwrap();
        fs::write(compiled.join(".unfinished-killed"), "half of the code").unwrap();
    };
    kill_at_random_moments(prepare, || scene.command(&command), check);
}
