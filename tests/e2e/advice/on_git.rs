//! What `status` advises to do with git.

use super::{advised, obey};
use crate::{
    scene::{Kind, Scene},
    status::git,
};
use forgeport_forge::samples;
use std::{fs, process::Command};

/// A checkout with two files in a directory each.
fn checkout(scene: &Scene) {
    git(&scene.path(""), &["init", "--quiet", "--initial-branch=main", "checkout"]);
    let checkout = scene.path("checkout");
    for name in ["a", "b"] {
        fs::create_dir(checkout.join(name)).unwrap();
        fs::write(checkout.join(name).join("file"), name).unwrap();
    }
    git(&checkout, &["add", "."]);
    git(&checkout, &["commit", "--quiet", "--message=x"]);
}

pub fn go_nowhere(scene: &Scene) {
    checkout(scene);
    let error = scene.run(&["status", "."]).bad();
    obey(scene, &format!("{} --quiet checkout clone", advised(&error, "git clone"))).good();
    scene.run(&["status", "clone"]).good();
}

pub fn damage(scene: &Scene) {
    checkout(scene);
    let tree = git(&scene.path("checkout"), &["rev-parse", "HEAD^{tree}"]);
    let object = scene.path("checkout/.git/objects").join(&tree[..2]).join(&tree[2..]);
    fs::remove_file(object).unwrap();
    fs::remove_file(scene.path("checkout/.git/index")).unwrap();
    let error = scene.run(&["status", "checkout"]).bad();
    let told = obey(scene, &format!("cd checkout && {}", advised(&error, "git fsck")));
    assert!((told.stdout + &told.stderr).contains(&tree));
}

pub fn misconfigure(scene: &Scene) {
    checkout(scene);
    fs::write(scene.path("checkout/.git/config"), "[core\n").unwrap();
    let error = scene.run(&["status", "checkout"]).bad();
    let told = obey(scene, &format!("cd checkout && {}", advised(&error, "git config")));
    assert!(told.stderr.contains("bad config line 1 in file .git/config"), "{}", told.stderr);
}

pub fn look_at_anothers(scene: &Scene) {
    checkout(scene);
    if !rustix::process::geteuid().is_root() {
        return eprintln!("not tried: only root can give a directory to another user");
    }
    assert!(
        Command::new("chown").args(["-R", "65534", "checkout"]).current_dir(scene.path("")).status().unwrap().success()
    );
    let error = obey(scene, "forgeport status checkout").bad();
    obey(scene, &advised(&error, "git config")).good();
    obey(scene, "forgeport status checkout").good();
}

/// What git itself says is asked for where a disk takes minutes, which no test waits for.
pub fn ask_git(scene: &Scene) {
    checkout(scene);
    obey(scene, "cd checkout && git status").good();
}

pub fn replace_a_commit(scene: &Scene) {
    checkout(scene);
    let checkout = scene.path("checkout");
    fs::write(checkout.join("a/file"), "other").unwrap();
    git(&checkout, &["commit", "--quiet", "--all", "--message=y"]);
    git(&checkout, &["replace", "HEAD", "HEAD~1"]);
    let told = scene.run(&["status", "checkout"]).good().stdout;
    obey(scene, &format!("cd checkout && {}", advised(&told, "git replace"))).good();
    let told = scene.run(&["status", "checkout"]).good().stdout;
    assert!(told.contains("changes          none"), "{told}");
}

pub fn fetch_as_ci_does(scene: &Scene) {
    let repository = samples::faithful();
    scene.register(Kind::Github);
    git(&scene.path(""), &["init", "--quiet", "checkout"]);
    let checkout = scene.path("checkout");
    let from = repository.path().display().to_string();
    git(&checkout, &["fetch", "--quiet", &from, "+refs/heads/main:refs/remotes/pull/42/merge"]);
    git(&checkout, &["checkout", "--quiet", "--detach", "refs/remotes/pull/42/merge"]);
    let url = format!("http://{}/acme/demo.git", scene.forge.github().host);
    git(&checkout, &["remote", "add", "origin", &url]);
    let told = scene.run(&["status", "checkout"]).good().stdout;
    let told = obey(scene, &format!("cd checkout && {}", advised(&told, "forgeport status"))).good().stdout;
    assert!(!told.contains("not known"), "{told}");
}
