//! What is advised after a forge's answer, or where there is none.

use super::{advised, obey};
use crate::{
    scene::{Kind, Ran, Scene},
    status::git,
};
use forgeport_forge::samples;
use std::fs;

pub fn give_a_token(scene: &Scene) {
    scene.forge.remove("acme/demo");
    scene.forge.add("acme/demo", &samples::faithful());
    scene.try_register(Kind::Github, &[]).good();
    scene.forge.add_private("acme/demo", &samples::faithful());
    let error = scene.download("main", "out", &[]).bad();
    fs::write(scene.path("token.txt"), scene.token(Kind::Github)).unwrap();
    obey(scene, &advised(&error, "forgeport ").replace("@FILE", "@token.txt")).good();
    scene.download("main", "out", &[]).good();
}

pub fn follow_a_new_name(scene: &Scene) {
    scene.forge.rename("acme/demo", "acme/renamed");
    let ran = scene.try_register(Kind::Github, &[format!("--token={}", scene.token(Kind::Github))]).good();
    obey(scene, &advised(&ran.stderr, "forgeport ")).good();
    git(&scene.path(""), &["init", "-q", "-b", "main", "checkout"]);
    let remote = format!("{}/acme/renamed.git", scene.forge.github().web_url);
    git(&scene.path("checkout"), &["remote", "add", "origin", &remote]);
    let told = scene.run(&["status", "checkout", "--output=json"]).good().json();
    assert_eq!(told["code_repositories"][0]["name"], "demo");
}

pub fn name_certificates_in_pkcs7(scene: &Scene) {
    obey(scene, "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -days 1 -subj /CN=own").good();
    obey(scene, "openssl crl2pkcs7 -nocrl -certfile own.pem -out own.p7b").good();
    let register = |file: &str| {
        let mut words: Vec<String> = ["code-repository", "register", "demo"].map(str::to_owned).to_vec();
        words.extend(scene.options(Kind::Github));
        words.push(format!("--token={}", scene.token(Kind::Github)));
        Ran::of(scene.command(&words).env("FORGEPORT_CA_FILE", scene.path(file)).output().unwrap())
    };
    let error = register("own.p7b").bad();
    obey(scene, &advised(&error, "openssl ").replace("FILE", "own.p7b")).good();
    register("ca.pem").good();
}
