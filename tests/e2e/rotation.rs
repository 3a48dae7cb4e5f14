//! The change to a new key.

use crate::scene::{Kind, Ran, Scene};
use forgeport_forge::samples;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

#[test]
fn after_a_rotation_everything_opens_with_the_new_key_and_nothing_with_the_old() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.register(Kind::Github);
    scene.run(&["secret", "create", "other", "--key=value"]).good();
    let key = scene.path("home/data/key");
    let old = fs::read(&key).unwrap();
    let rotated = scene.run(&["secret", "rotate-key", "--output=json"]).good().json();
    assert_eq!(rotated["workspaces"], 1);
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
    for none in [None, Some("")] {
        let (code, text) = run("1", none, &["secret", "rotate-key"]);
        assert!(code == Some(1) && text.contains("FORGEPORT_NEW_KEY must have the new one"), "{text}");
    }
    let (code, text) = run("2", Some("3"), &["secret", "rotate-key"]);
    assert!(code == Some(1) && !text.contains("333"), "{text}");
    let (code, text) = run("1", Some("2"), &["secret", "rotate-key"]);
    assert!(code == Some(0) && text.contains("set FORGEPORT_KEY"), "{text}");
    assert_eq!(run("2", None, &["secret", "get", "x", "key", "--reveal"]).1.trim(), "key  value");
    assert_eq!(run("1", None, &["secret", "get", "x", "key", "--reveal"]).0, Some(1));
}

#[test]
fn a_key_in_the_environment_counts_before_the_file_and_an_empty_variable_is_none() {
    for (key, has_file) in [("0f".repeat(32), false), (String::new(), true)] {
        let scene = Scene::with(&samples::faithful());
        let run = |arguments: &[&str]| Ran::of(scene.command(arguments).env("FORGEPORT_KEY", &key).output().unwrap());
        run(&["secret", "create", "x", "--key=value"]).good();
        assert_eq!(scene.path("home/data/key").exists(), has_file);
        assert_eq!(run(&["secret", "get", "x", "key", "--reveal"]).good().stdout.trim(), "key  value");
    }
}

/// Runs a command of Forgeport in a session of its own, with GNOME's keyring, whose password is `pw`, or with another's.
const SESSION: &str = r#"printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec "$@""#;

#[test]
fn a_key_in_the_systems_keyring_is_found_there_and_nowhere_else() {
    if ["dbus-run-session", "gnome-keyring-daemon"]
        .iter()
        .any(|tool| Command::new(tool).arg("--version").output().is_err())
    {
        assert!(std::env::var_os("CI").is_none(), "the keyring has to be there where everything is tried");
        return eprintln!("not run: the system's keyring, without dbus-run-session and gnome-keyring-daemon");
    }
    let scene = Scene::with(&samples::faithful());
    let runtime = scene.path("runtime");
    fs::create_dir(&runtime).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let in_session = |arguments: &[&str]| {
        let inner = scene.command(arguments);
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "sh", "-c", SESSION, "sh"]).arg(inner.get_program()).args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("HOME", scene.path("home")).env("XDG_RUNTIME_DIR", &runtime).stdin(Stdio::null());
        Ran::of(command.output().unwrap())
    };
    let reveal = ["secret", "get", "x", "key", "--reveal"];
    in_session(&["secret", "create", "x", "--key=value"]).good();
    let file = scene.path("home/data/key");
    let first = fs::read_to_string(&file).unwrap();
    for _ in 0..2 {
        let rotated = in_session(&["secret", "rotate-key", "--keep-in=keyring"]).good();
        assert!(rotated.stdout.contains("in the keyring"), "{}", rotated.stdout);
        let pointer = fs::read_to_string(&file).unwrap();
        assert!(pointer.starts_with("keyring ") && pointer.len() < first.len(), "{pointer}");
        assert_eq!(in_session(&reveal).good().stdout.trim(), "key  value");
    }
    // Without the session there is no key; nothing is lost by asking.
    let error = scene.run(&reveal).bad();
    assert!(error.contains("keyring"), "{error}");
    in_session(&["secret", "rotate-key", "--keep-in=file"]).good();
    assert_eq!(scene.run(&reveal).good().stdout.trim(), "key  value");
}
