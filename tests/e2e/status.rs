//! What a checkout belongs to.

use crate::scene::{Kind, Ran, Scene};
use forgeport_forge::{Repository, samples};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

#[track_caller]
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(directory);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A scene with a clone in `checkout` whose remote is GitHub's URL of `acme/demo`.
fn scene(repository: &Repository) -> Scene {
    let scene = Scene::with(repository);
    scene.register(Kind::Github);
    git(&scene.path(""), &["clone", "-q", repository.path().to_str().unwrap(), "checkout"]);
    let url = format!("http://{}/acme/demo.git", scene.forge.github().host);
    git(&scene.path("checkout"), &["remote", "set-url", "origin", &url]);
    scene
}

fn status(scene: &Scene, more: &[&str]) -> Value {
    scene.run(&[&["status", "checkout", "--output=json"], more].concat()).good().json()
}

#[test]
fn a_clean_checkout_of_a_registered_repository_is_recognised() {
    let repository = samples::faithful();
    let scene = scene(&repository);
    let told = status(&scene, &[]);
    assert_eq!(told["commit"], repository.commit());
    assert_eq!(told["head"]["name"], "main");
    assert_eq!(told["changes"]["modified"], 0);
    assert_eq!(told["code_repositories"][0]["name"], "demo");
    assert_eq!(told["code_repositories"][0]["pushed"]["state"], "pushed");
    let text = scene.run(&["status", "checkout/src/package"]).good().stdout;
    assert!(text.contains("subdirectory") && text.contains("src/package") && text.contains("demo"), "{text}");
}

#[test]
fn changes_and_unpushed_commits_are_told() {
    let scene = scene(&samples::faithful());
    let checkout = scene.path("checkout");
    fs::write(checkout.join("README.md"), "changed").unwrap();
    fs::write(checkout.join("new"), "new").unwrap();
    let told = status(&scene, &[]);
    assert_eq!((told["changes"]["modified"].clone(), told["changes"]["untracked"].clone()), (1.into(), 1.into()));
    assert_eq!(status(&scene, &["--no-untracked"])["changes"]["untracked"], 0);
    git(&checkout, &["add", "-A"]);
    assert_eq!(status(&scene, &[])["changes"]["staged"], 2);
    git(&checkout, &["commit", "-qm", "Local"]);
    let told = status(&scene, &[]);
    assert_eq!(told["code_repositories"][0]["pushed"]["state"], "not-pushed");
    assert_eq!(told["upstream"]["distance"]["ahead"], 1);
    let asked = status(&scene, &["--fetch"]);
    assert_eq!(asked["code_repositories"][0]["pushed"]["state"], "not-pushed");
}

#[test]
fn the_forge_is_asked_only_when_it_is_wanted() {
    let repository = samples::faithful();
    let scene = scene(&repository);
    // A commit that the forge has and this checkout has never fetched a ref of.
    git(&scene.path("checkout"), &["update-ref", "-d", "refs/remotes/origin/main"]);
    git(&scene.path("checkout"), &["symbolic-ref", "-d", "refs/remotes/origin/HEAD"]);
    scene.forge.clear_requests();
    assert_eq!(status(&scene, &[])["code_repositories"][0]["pushed"]["state"], "unknown");
    assert!(scene.forge.requests().is_empty());
    assert_eq!(status(&scene, &["--fetch"])["code_repositories"][0]["pushed"]["state"], "pushed");
    assert_eq!(scene.forge.requests().len(), 1);
}

#[test]
fn detached_bare_shallow_empty_and_linked_checkouts_have_a_clear_answer() {
    let repository = samples::small();
    let scene = scene(&repository);
    let checkout = scene.path("checkout");
    git(&checkout, &["checkout", "-q", "--detach"]);
    assert_eq!(status(&scene, &[])["head"]["kind"], "detached");
    git(&checkout, &["worktree", "add", "-q", "../linked", "origin/feature/x"]);
    let told = scene.run(&["status", "linked", "--output=json"]).good().json();
    assert_eq!(told["commit"], repository.resolve("feature/x").unwrap());
    assert_eq!(told["code_repositories"][0]["name"], "demo");
    git(&scene.path(""), &["clone", "-q", "--bare", "checkout", "bare"]);
    assert_eq!(scene.run(&["status", "bare", "--output=json"]).good().json()["bare"], true);
    let file = format!("file://{}", repository.path().display());
    git(&scene.path(""), &["clone", "-q", "--depth=1", &file, "shallow"]);
    assert_eq!(scene.run(&["status", "shallow", "--output=json"]).good().json()["shallow"], true);
    git(&scene.path(""), &["init", "-q", "-b", "main", "fresh"]);
    let text = scene.run(&["status", "fresh"]).good().stdout;
    assert!(text.contains("none yet") && text.contains("no remote"), "{text}");
    fs::create_dir(scene.path("plain")).unwrap();
    assert!(scene.run(&["status", "plain"]).bad().contains("not in a git checkout"));
    assert!(scene.run(&["status", "missing"]).bad().contains("does not exist"));
}

#[test]
fn two_registrations_of_the_same_repository_are_both_told() {
    let scene = scene(&samples::faithful());
    let mut again: Vec<String> = ["code-repository", "register", "second"].map(str::to_owned).to_vec();
    again.extend(scene.options(Kind::Github));
    again.push(format!("--token={}", scene.token(Kind::Github)));
    scene.run(&again).good();
    let told = status(&scene, &[]);
    let names: Vec<&Value> = told["code_repositories"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["demo", "second"]);
    assert!(scene.run(&["status", "checkout"]).good().stdout.contains("several"));
}

#[test]
fn a_checkout_of_something_else_belongs_to_none() {
    let scene = scene(&samples::faithful());
    git(&scene.path("checkout"), &["remote", "set-url", "origin", "https://elsewhere.example/acme/demo"]);
    assert_eq!(status(&scene, &[])["code_repositories"], Value::Array(Vec::new()));
    assert!(scene.run(&["status", "checkout"]).good().stdout.contains("none that is registered"));
}

/// A script that notes that it ran, and with which environment, and passes on what it gets.
fn filter(scene: &Scene, name: &str) -> PathBuf {
    let script = scene.path(name);
    fs::write(&script, format!("#!/bin/sh\nenv > {}\ncat\n", scene.path(&format!("{name}-ran")).display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// A scene whose `README.md` has a filter that a stranger's program is for, and that has to be compared.
fn filtered() -> Scene {
    let scene = scene(&samples::faithful());
    let checkout = scene.path("checkout");
    fs::write(checkout.join(".git/info/attributes"), "README.md filter=odd.name\n").unwrap();
    let strange = filter(&scene, "strange");
    git(&checkout, &["config", "filter.odd.name.clean", strange.to_str().unwrap()]);
    let file = fs::File::options().write(true).open(checkout.join("README.md")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1)).unwrap()).unwrap();
    scene
}

fn status_with(scene: &Scene, variables: &[(&str, &str)]) -> Ran {
    let key = "0123456789abcdef".repeat(4);
    let mut command = scene.command(&["status", "checkout", "--output=json"]);
    command.env("FORGEPORT_HOME", scene.path("keyed")).env("FORGEPORT_KEY", key).env("CI_JOB_TOKEN", "a token");
    command.env("GIT_DIR", "/nowhere").env("GIT_INDEX_FILE", "/nowhere").env("GIT_EXTERNAL_DIFF", "/nowhere");
    Ran::of(command.envs(variables.iter().copied()).output().unwrap()).good()
}

#[test]
fn a_filter_that_the_checkout_alone_names_is_not_run_and_its_files_are_told_as_not_compared() {
    let scene = filtered();
    let told = status_with(&scene, &[]).json();
    assert!(!scene.path("strange-ran").exists());
    assert_eq!(
        (told["changes"]["state"].clone(), told["changes"]["not_compared"].clone()),
        ("unknown".into(), 1.into())
    );
    assert_eq!(told["unknown"][0]["fact"], "modified");
    let text = scene.run(&["status", "checkout"]).good().stdout;
    assert!(
        text.contains("1 not compared") && text.contains("`odd.name`") && !text.contains("changes          none\n"),
        "{text}"
    );
}

/// Git would run the checkout's program where its configuration outranks the user's: what that makes of a file cannot be known without it.
#[test]
fn a_filter_of_the_user_is_run_where_git_would_run_it_and_sees_no_key() {
    let scene = filtered();
    let own = filter(&scene, "own");
    let own = own.to_str().unwrap();
    let home = scene.path("user");
    fs::create_dir_all(home.join("xdg/git")).unwrap();
    let config = format!("[filter \"odd.name\"]\nclean = {own}\n");
    for file in ["global", ".gitconfig", "xdg/git/config"] {
        fs::write(home.join(file), &config).unwrap();
    }
    let (global, user, xdg) = (home.join("global"), home.clone(), home.join("xdg"));
    let parameters = format!("'filter.odd.name.clean'='{own}'");
    let outranked = [
        &[("GIT_CONFIG_GLOBAL", global.to_str().unwrap())][..],
        &[("HOME", user.to_str().unwrap())],
        &[("XDG_CONFIG_HOME", xdg.to_str().unwrap())],
        &[("GIT_CONFIG_SYSTEM", global.to_str().unwrap())],
    ];
    let outranking = [
        &[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "filter.odd.name.clean"), ("GIT_CONFIG_VALUE_0", own)][..],
        &[("GIT_CONFIG_PARAMETERS", &parameters)],
    ];
    for variables in outranked {
        assert_eq!(status_with(&scene, variables).json()["changes"]["state"], "unknown", "{variables:?}");
        assert!(!scene.path("own-ran").exists(), "{variables:?}");
    }
    let runs = |variables: &[(&str, &str)]| {
        let told = status_with(&scene, variables).json();
        assert_eq!(
            (told["changes"]["state"].clone(), told["unknown"].clone()),
            ("clean".into(), Value::Array(vec![])),
            "{variables:?}"
        );
        let environment = fs::read_to_string(scene.path("own-ran")).unwrap();
        for hidden in ["FORGEPORT", "CI_JOB_TOKEN", "/nowhere"] {
            assert!(!environment.contains(hidden), "{environment}");
        }
        fs::remove_file(scene.path("own-ran")).unwrap();
    };
    outranking.into_iter().for_each(runs);
    git(&scene.path("checkout"), &["config", "--unset", "filter.odd.name.clean"]);
    outranked.into_iter().chain(outranking).for_each(runs);
    assert!(!scene.path("strange-ran").exists());
}

#[test]
fn a_branch_that_was_checked_out_from_a_fork_by_its_url_is_told_without_an_upstream() {
    let scene = scene(&samples::faithful());
    let checkout = scene.path("checkout");
    git(&checkout, &["checkout", "-q", "-b", "p"]);
    let url = "https://x-access-token:ghp_0123456789abcdefghijklmnopqrstuvwxyz@github.com/fork/w.git";
    git(&checkout, &["config", "branch.p.remote", url]);
    git(&checkout, &["config", "branch.p.merge", "refs/heads/p"]);
    let told = status(&scene, &[]);
    assert_eq!((told["head"]["name"].clone(), told["upstream"].clone()), ("p".into(), Value::Null));
    assert_eq!(told["code_repositories"][0]["name"], "demo");
    let text = scene.run(&["status", "checkout"]).good().stdout;
    assert!(text.contains("demo") && !text.contains("ghp_"), "{text}");
}

/// Copies of the registration with other names and ids, and another repository's name in the options, put into the database itself.
fn crowd(scene: &Scene, count: usize) {
    let columns = "kind, description, provider_name, provider_version, provider_digest, provider_source, grants, created, updated, limits";
    scene.edit_store(&format!(
        "BEGIN;
         CREATE TEMP TABLE many AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
             SELECT n, (SELECT id FROM code_repository WHERE name = 'demo') AS one FROM n;
         INSERT INTO code_repository (workspace, id, name, access, {columns})
             SELECT workspace, 'copy-' || n, 'copy-' || n, access, {columns} FROM many, code_repository WHERE id = one;
         INSERT INTO code_repository_option (workspace, code_repository_id, name, plain)
             SELECT workspace, 'copy-' || n, name, CASE name WHEN 'repository' THEN 'other-' || n ELSE plain END
             FROM many, code_repository_option WHERE code_repository_id = one AND plain IS NOT NULL;
         INSERT INTO remote_clue SELECT workspace, CASE clue WHEN '/demo' THEN '/other-' || n ELSE clue END, 'copy-' || n
             FROM many, remote_clue WHERE code_repository_id = one;
         COMMIT"
    ));
}

#[test]
fn of_many_registrations_only_those_are_looked_at_that_can_be_the_checkouts() {
    let scene = scene(&samples::faithful());
    crowd(&scene, 500);
    // Whoever looked at one of them would say that it cannot be read.
    scene.edit_store("UPDATE code_repository SET access = 'x' WHERE id LIKE 'copy-%'");
    assert!(scene.run(&["code-repository", "list"]).bad().contains("cannot be read"));
    let told = status(&scene, &[]);
    assert_eq!(
        (told["code_repositories"][0]["name"].clone(), told["problems"].clone()),
        ("demo".into(), Value::Array(vec![]))
    );
    let url = format!("http://{}/Acme/DEMO.git", scene.forge.github().host);
    git(&scene.path("checkout"), &["remote", "set-url", "origin", &url]);
    assert_eq!(status(&scene, &[])["code_repositories"][0]["name"], "demo");
}

#[test]
#[ignore = "it measures; the figures are for whoever runs it"]
fn how_long_it_takes_with_many_registrations() {
    for count in [1, 100, 1000, 5000] {
        let scene = scene(&samples::faithful());
        crowd(&scene, count);
        let mut times: Vec<Duration> = (0..7)
            .map(|_| {
                let start = std::time::Instant::now();
                assert_eq!(status(&scene, &[])["code_repositories"][0]["name"], "demo");
                start.elapsed()
            })
            .collect();
        times.sort();
        eprintln!("{count} registrations: {:?}", times[3]);
    }
}
