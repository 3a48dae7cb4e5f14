//! What `grants explain` advises.

use super::{advised, obey, obey_and_allow};
use crate::scene::{Kind, Scene, component};

/// What would change the verdict.
fn change(scene: &Scene, url: &str) -> String {
    let told = scene.run(&["grants", "explain", "demo", "GET", url, "--output=json"]).json();
    told["change"].as_str().unwrap().to_owned()
}

fn allowed(scene: &Scene, url: &str) -> bool {
    scene.run(&["grants", "explain", "demo", "GET", url, "--output=json"]).json()["allowed"] == true
}

pub fn revoke(scene: &Scene) {
    scene.register(Kind::Gitea);
    let url = format!("{}/api/v1/repos/acme/demo", scene.forge.gitea().instance_url);
    obey(scene, &change(scene, &url)).good();
    assert!(!allowed(scene, &url));
}

pub fn grant(scene: &Scene) {
    revoke(scene);
    let url = format!("{}/api/v1/repos/acme/demo", scene.forge.gitea().instance_url);
    obey_and_allow(scene, &change(scene, &url)).good();
    assert!(allowed(scene, &url));
    scene.download("main", "out", &[]).good();
}

pub fn allow_private(scene: &Scene) {
    scene.register(Kind::Github);
    let api = scene.forge.github().api_url;
    obey(scene, &change(scene, &format!("{api}/user"))).good();
    scene.download("main", "out", &[]).bad();
    obey(scene, &change(scene, &format!("{api}/user"))).good();
    scene.download("main", "out", &[]).good();
}

pub fn ask_for_more(scene: &Scene) {
    scene.register(Kind::Gitea);
    let told = change(scene, "https://elsewhere.example/");
    let source = component("gitea").display().to_string();
    obey(scene, &advised(&told, "forgeport ").replace("FILE.wasm", &source)).good();
}

pub fn name_another_origin(scene: &Scene) {
    scene.register(Kind::Github);
    let told = change(scene, "https://elsewhere.example/");
    let options = obey(scene, &advised(&told, "forgeport code-repository options")).good().stdout;
    assert!(options.contains("codeload_url"), "{options}");
    let update = advised(&told, "forgeport code-repository update");
    obey(scene, &update.replace("OPTION=VALUE", "codeload_url=https://elsewhere.example")).good();
    assert!(allowed(scene, "https://elsewhere.example/"));
}
