//! Short forms, other words for commands, and what a shell completes.

use crate::scene::{Kind, Scene};
use forgeport_forge::samples;

fn scene() -> Scene {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene
}

fn split(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn the_noun_can_be_left_out_and_shortened_and_says_the_same() {
    let scene = scene();
    scene.run(&["secret", "create", "s", "--key=value"]).good();
    for same in [
        &["code-repository list", "list", "repo list", "code-repositories list", "repos list"][..],
        &["code-repository describe demo", "describe demo", "show demo", "repo get demo", "repo inspect demo"],
        &["secret list", "secrets list"],
        &["secret describe s", "secret get s", "secrets show s"],
        &["provider describe github", "provider inspect github", "providers show github"],
        &["grants list", "grant list"],
        &["grants describe demo", "grants show demo", "grant get demo"],
        &["options --type=github", "code-repository options --type=github"],
    ] {
        let outputs = same.iter().map(|line| scene.run(&split(line)).good().stdout);
        let outputs: Vec<String> = outputs.collect();
        assert!(outputs.iter().all(|output| *output == outputs[0] && !output.is_empty()), "{same:?}: {outputs:#?}");
    }
}

#[test]
fn every_verb_of_a_code_repository_works_without_the_noun() {
    let scene = scene();
    let mut arguments = vec!["register".to_owned(), "other".to_owned()];
    arguments.extend(scene.options(Kind::Gitlab));
    arguments.push(format!("--token={}", scene.token(Kind::Gitlab)));
    scene.run(&arguments).good();
    scene.run(&["update", "other", "--rename=third", "--host=forge.example"]).good();
    scene.run(&["delete", "third"]).good();
    assert_eq!(scene.names(), ["demo"]);
}

#[test]
fn a_download_names_revision_and_directory_in_either_way() {
    let scene = scene();
    scene.run(&["download", "demo@main", "short"]).good();
    scene.run(&["download", "demo", "--commit=main", "mixed"]).good();
    scene.run(&["repo", "download", "demo@main", "--directory=long", "--subdirectory=src/package"]).good();
    assert!(scene.path("short").is_dir() && scene.path("mixed").is_dir() && scene.path("long").is_dir());
    for without in ["download demo out", "download demo@ out"] {
        let error = scene.run(&split(without)).ended(2);
        assert!(error.contains("demo@REVISION") && error.contains("--commit=REVISION"), "{error}");
    }
    for wrong in ["download demo@main", "download demo@main a --directory=b"] {
        assert_eq!(scene.run(&split(wrong)).code, 2, "{wrong}");
    }
    // With --commit, an @ is part of the name.
    assert!(scene.run(&split("download demo@main out --commit=main")).bad().contains("demo@main"));
    assert!(!scene.path("out").exists());
}

#[test]
fn the_help_of_register_and_update_lists_the_options_of_the_provider() {
    let scene = scene();
    for line in
        ["register x --type=gitlab --help", "register --help --type=gitlab", "repo register --type gitlab -h --group=a"]
    {
        let help = scene.run(&split(line)).good().stdout;
        assert!(help.contains("Options of the provider gitlab") && help.contains("--instance_url <"), "{line}: {help}");
    }
    assert!(scene.run(&split("update demo --help")).good().stdout.contains("--codeload_url <"));
    for line in ["register --help", "update --help", "register x --owner=acme --help"] {
        let help = scene.run(&split(line)).good().stdout;
        assert!(help.contains("Examples:") && !help.contains("--owner <"), "{line}: {help}");
    }
    assert!(scene.run(&split("update nobody --help")).bad().contains("nobody"));
}

#[test]
fn a_completion_script_has_the_options_of_the_built_in_providers() {
    let scene = scene();
    for shell in ["bash", "zsh", "fish"] {
        let script = scene.run(&["completion", shell]).good().stdout;
        for word in ["codeload_url", "instance_url", "approve", "gitlab", "download"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert!(scene.run(&["completions", "bash"]).good().stdout.contains("codeload_url"));
    // Whose home is damaged can complete the rest.
    std::fs::write(scene.path("home/data/forgeport.db"), "no database").unwrap();
    let script = scene.run(&["completion", "bash"]).good();
    assert!(script.stdout.contains("approve") && script.stderr.contains("does not complete"), "{}", script.stderr);
}

#[test]
fn what_stands_where_a_value_is_expected_is_not_repeated() {
    let scene = scene();
    let register = ["register", "x", "--type=github"];
    for (more, said) in [
        (&["--token", "--s3cret"][..], "--token needs a value: write --token=VALUE"),
        (&["--token", "-s3cret"], "--token needs a value: write --token=VALUE"),
        (&["s3cret"], "an argument too many"),
        (&["-s3cret"], "an argument too many"),
        (&["--api-url", "--s3cret"], "--api-url needs a value"),
    ] {
        let error = scene.run(&[&register[..], more].concat()).ended(2);
        assert!(error.contains(said) && !error.contains("s3cret"), "{more:?}: {error}");
    }
    let ran = scene.run(&[&register[..], &["--yes=s3cret"]].concat());
    assert!(ran.code == 2 && !ran.stderr.contains("s3cret"), "{}", ran.stderr);
}
