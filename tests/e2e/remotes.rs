//! Which URLs are the same repository. No pattern: each is taken apart.

use crate::{
    scene::{Kind, Scene},
    status::git,
};
use forgeport_forge::samples;

/// A scene with an empty repository whose remote can be set.
fn scene(kind: Kind) -> Scene {
    let scene = Scene::with(&samples::faithful());
    scene.register(kind);
    git(&scene.path(""), &["init", "-q", "-b", "main", "checkout"]);
    git(&scene.path("checkout"), &["remote", "add", "origin", "https://nowhere.example/x/y"]);
    scene
}

fn is_recognised(scene: &Scene, url: &str) -> bool {
    git(&scene.path("checkout"), &["remote", "set-url", "origin", url]);
    let told = scene.run(&["status", "checkout", "--output=json"]).good().json();
    assert_eq!(told["problems"].as_array().unwrap().len(), 0, "{told}");
    !told["code_repositories"].as_array().unwrap().is_empty()
}

#[test]
fn every_spelling_of_a_repositorys_url_is_recognised() {
    let scene = scene(Kind::Github);
    let host = scene.forge.github().host;
    for url in [
        format!("http://{host}/acme/demo"),
        format!("http://{host}/acme/demo.git"),
        format!("http://{host}/ACME/Demo.git/"),
        format!("http://user:password@{host}/acme/demo"),
        "git@127.0.0.1:acme/demo.git".to_owned(),
        "git@127.0.0.1:/acme/demo".to_owned(),
        "127.0.0.1:acme/demo".to_owned(),
        "ssh://git@127.0.0.1/acme/demo.git".to_owned(),
        "ssh://127.0.0.1:22/acme/demo".to_owned(),
    ] {
        assert!(is_recognised(&scene, &url), "{url}");
    }
}

#[test]
fn what_only_looks_like_it_is_not() {
    let scene = scene(Kind::Github);
    let host = scene.forge.github().host;
    for url in [
        format!("http://{host}/acme/demo2"),
        format!("http://{host}/acme/demo/more"),
        format!("http://{host}/acmes/demo"),
        format!("http://{host}.evil.example/acme/demo"),
        format!("https://evil.example/{host}/acme/demo"),
        format!("http://{host}@evil.example/acme/demo"),
        "http://127.0.0.1:1/acme/demo".to_owned(),
        "ssh://git@127.0.0.1:2222/acme/demo".to_owned(),
        "git@127x0.0.1:acme/demo".to_owned(),
        "/srv/git/acme/demo".to_owned(),
    ] {
        assert!(!is_recognised(&scene, &url), "{url}");
    }
}

#[test]
fn the_url_that_git_really_uses_counts() {
    let scene = scene(Kind::Github);
    let host = scene.forge.github().host;
    git(&scene.path("checkout"), &["config", &format!("url.http://{host}/.insteadOf"), "gh:"]);
    assert!(is_recognised(&scene, "gh:acme/demo"));
    git(&scene.path("checkout"), &["config", "url.https://evil.example/.insteadOf", &format!("http://{host}/")]);
    assert!(!is_recognised(&scene, &format!("http://{host}/acme/demo")));
}

#[test]
fn gitlabs_subgroups_and_instances_under_a_path_are_recognised() {
    let scene = Scene::with(&samples::faithful());
    scene.forge.add("acme/tools/deep/demo", &samples::faithful());
    let instance = scene.forge.gitlab_under_path().instance_url;
    let register = |name: &str, instance: &str| {
        let instance = format!("--instance_url={instance}");
        let group = "--group=acme/tools/deep";
        let words = ["code-repository", "register", name, "--type=gitlab", group, "--project=demo", &instance];
        scene.run(&[&words[..], &["--allow-private"]].concat()).good();
    };
    register("demo", &instance);
    git(&scene.path(""), &["init", "-q", "-b", "main", "checkout"]);
    git(&scene.path("checkout"), &["remote", "add", "origin", "https://nowhere.example/x/y"]);
    assert!(is_recognised(&scene, &format!("{instance}/acme/tools/deep/demo.git")));
    assert!(is_recognised(&scene, "git@127.0.0.1:acme/tools/deep/demo.git"));
    assert!(!is_recognised(&scene, &format!("{instance}/acme/tools/demo.git")));
    scene.download("main", "out", &[]).good();
}
