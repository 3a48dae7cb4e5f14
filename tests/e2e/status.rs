//! What a checkout belongs to.

use crate::scene::{Kind, Scene};
use forgeport_forge::{Repository, samples};
use serde_json::Value;
use std::{fs, path::Path, process::Command};

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
