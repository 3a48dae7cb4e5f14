//! Secrets.

use crate::scene::Scene;
use forgeport_forge::samples;
use std::fs;

fn scene() -> Scene {
    Scene::with(&samples::faithful())
}

#[test]
fn a_secret_is_made_from_the_command_line_files_and_standard_input() {
    let scene = scene();
    fs::write(scene.path("value"), "from a file\n").unwrap();
    fs::write(scene.path("values.json"), r#"{"three": "from json"}"#).unwrap();
    scene.run(&["secret", "create", "s", "--one=given", "--two=@value", "--values=values.json"]).good();
    scene.run_with_input(&["secret", "update", "s", "--four=@-"], "from input\n").good();
    let shown = scene.run(&["secret", "get", "s", "--reveal", "--output=json"]).good().json();
    let expected = [("one", "given"), ("two", "from a file"), ("three", "from json"), ("four", "from input")];
    for (key, value) in expected {
        assert_eq!(shown["values"][key], value);
    }
}

#[test]
fn values_are_shown_only_when_asked_for() {
    let scene = scene();
    scene.run(&["secret", "create", "s", "--key=hunter2-hunter2"]).good();
    for arguments in [&["secret", "list"][..], &["secret", "get", "s"], &["secret", "get", "s", "key", "--output=json"]]
    {
        let ran = scene.run(arguments).good();
        assert!(!ran.stdout.contains("hunter2") && ran.stdout.contains("key"), "{}", ran.stdout);
    }
    assert!(scene.run(&["secret", "get", "s", "key", "--reveal"]).good().stdout.contains("hunter2-hunter2"));
}

#[test]
fn nothing_of_a_value_is_on_the_disk_in_clear() {
    let scene = scene();
    scene.run(&["secret", "create", "s", "--key=hunter2-hunter2"]).good();
    let mut pending = vec![scene.path("home")];
    let mut files = 0;
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{}", path.display());
    }
    assert!(files >= 2);
}

#[test]
fn a_name_that_is_taken_or_unknown_is_an_error_that_helps() {
    let scene = scene();
    scene.run(&["secret", "create", "github", "--token=x"]).good();
    assert!(scene.run(&["secret", "create", "github", "--token=y"]).bad().contains("already"));
    assert!(scene.run(&["secret", "get", "githb"]).bad().contains("did you mean \"github\"?"));
    assert!(scene.run(&["secret", "get", "github", "tokn"]).bad().contains("token"));
    assert!(scene.run(&["secret", "create", "empty"]).bad().contains("at least one"));
    assert_eq!(
        scene.run(&["secret", "get", "github", "token", "--reveal", "--output=json"]).good().json()["values"]["token"],
        "x"
    );
}

#[test]
fn a_renamed_secret_is_followed_and_a_used_one_is_not_deleted_by_accident() {
    use crate::scene::Kind;
    let scene = scene();
    let token = scene.token(Kind::Github);
    scene.run(&["secret", "create", "old", &format!("--token={token}")]).good();
    scene.try_register(Kind::Github, &["--token={{old.token}}".into()]).good();
    assert!(scene.run(&["secret", "rename", "old", "new"]).good().stdout.contains("demo"));
    scene.download("main", "out", &[]).good();
    assert!(scene.run(&["secret", "delete", "new"]).bad().contains("demo"));
    scene.run(&["secret", "delete", "new", "--force"]).good();
    let error = scene.download("feature", "out2", &[]).bad();
    assert!(error.contains("\"new\""), "{error}");
}

#[test]
fn keys_are_removed_but_not_the_last() {
    let scene = scene();
    scene.run(&["secret", "create", "s", "--a=1", "--b=2"]).good();
    scene.run(&["secret", "update", "s", "--unset=a"]).good();
    assert!(scene.run(&["secret", "update", "s", "--unset=b"]).bad().contains("no values"));
    assert!(scene.run(&["secret", "get", "s"]).good().stdout.starts_with('b'));
}

#[test]
fn a_key_cannot_be_asked_for_without_a_terminal() {
    let scene = scene();
    let error = scene.run(&["secret", "create", "s", "--ask=token"]).bad();
    assert!(error.contains("terminal") && error.contains("--token=@"), "{error}");
}
