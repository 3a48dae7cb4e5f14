//! The change to a new key.

use crate::scene::{Kind, Scene};
use forgeport_forge::samples;
use std::fs;

#[test]
fn after_a_rotation_everything_opens_with_the_new_key_and_nothing_with_the_old() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.register(Kind::Github);
    scene.run(&["secret", "create", "other", "--key=value"]).good();
    let key = scene.path("home/data/key");
    let old = fs::read(&key).unwrap();
    let rotated = scene.run(&["secret", "rotate-key", "--output=json"]).good().json();
    assert_eq!(rotated["values"], 2);
    assert_ne!(fs::read(&key).unwrap(), old);
    scene.download("main", "out", &[]).good();
    assert_eq!(scene.run(&["secret", "get", "other", "key", "--reveal"]).good().stdout.trim(), "key  value");
    fs::write(&key, &old).unwrap();
    let error = scene.download("main", "two", &["--subdirectory=src"]).bad();
    assert!(error.contains("key") && !error.contains(&token), "{error}");
}

#[test]
fn a_key_in_the_environment_is_rotated_to_the_one_that_is_named() {
    let scene = Scene::with(&samples::faithful());
    let run = |key: &str, new: Option<&str>, arguments: &[&str]| {
        let mut command = scene.command(arguments);
        command.env("FORGEPORT_KEY", key.repeat(64));
        new.map(|new| command.env("FORGEPORT_NEW_KEY", new.repeat(64)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run("1", None, &["secret", "create", "x", "--key=value"]).0, Some(0));
    let (code, text) = run("1", None, &["secret", "rotate-key"]);
    assert!(code == Some(1) && text.contains("FORGEPORT_NEW_KEY"), "{text}");
    let (code, text) = run("2", Some("3"), &["secret", "rotate-key"]);
    assert!(code == Some(1) && !text.contains("333"), "{text}");
    let (code, text) = run("1", Some("2"), &["secret", "rotate-key"]);
    assert!(code == Some(0) && text.contains("set FORGEPORT_KEY"), "{text}");
    assert_eq!(run("2", None, &["secret", "get", "x", "key", "--reveal"]).1.trim(), "key  value");
    assert_eq!(run("1", None, &["secret", "get", "x", "key", "--reveal"]).0, Some(1));
}
