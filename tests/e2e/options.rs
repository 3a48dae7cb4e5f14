//! How options are given.

use crate::scene::{Kind, Scene};
use forgeport_forge::samples;
use std::fs;

#[test]
fn the_options_of_a_provider_are_read_from_its_component() {
    let scene = Scene::with(&samples::faithful());
    let text = scene.run(&["code-repository", "options", "--type=github"]).good().stdout;
    for option in ["--owner", "--repository", "--token", "--api_url", "--codeload_url", "https://api.github.com"] {
        assert!(text.contains(option), "{text}");
    }
    let data = scene.run(&["code-repository", "options", "--type=gitlab", "--output=json"]).good().json();
    let names: Vec<&str> =
        data["options"].as_array().unwrap().iter().map(|option| option["name"].as_str().unwrap()).collect();
    assert!(["group", "project", "token", "instance_url"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn an_unknown_option_is_refused_and_the_nearest_is_suggested() {
    let scene = Scene::with(&samples::faithful());
    let ran = scene.try_register(Kind::Github, &["--api-ulr=x".into()]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("'--api-ulr'") && ran.stderr.contains("'--api-url'"), "{}", ran.stderr);
}

#[test]
fn a_missing_required_option_is_named() {
    let scene = Scene::with(&samples::faithful());
    let error = scene.run(&["code-repository", "register", "x", "--type=github", "--owner=acme"]).ended(2);
    assert!(error.contains("--repository="), "{error}");
}

#[test]
fn values_come_with_an_equals_sign_or_a_space_and_dashes_are_underscores() {
    let scene = Scene::with(&samples::faithful());
    let (token, urls) = (scene.token(Kind::Github), scene.forge.github());
    scene
        .run(&[
            "code-repository",
            "register",
            "--type",
            "github",
            "demo",
            "--owner",
            "acme",
            "--repository=demo",
            "--token",
            &token,
            "--api-url",
            &urls.api_url,
            "--codeload-url",
            &urls.codeload_url,
            "--allow-private",
        ])
        .good();
    let options = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json()["options"].clone();
    assert_eq!(options["api_url"]["plain"], urls.api_url);
    assert_eq!(options["token"]["sealed"], true);
}

#[test]
fn a_value_is_read_from_a_file_without_its_last_newline_or_from_standard_input() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.token(Kind::Github);
    fs::write(scene.path("token.txt"), format!("{token}\n")).unwrap();
    scene.try_register(Kind::Github, &["--token=@token.txt".into()]).good();
    let update = ["code-repository", "update", "demo", "--token=@-"];
    scene.run_with_input(&update, &format!("{token}\r\n")).good();
    scene.download("main", "out", &[]).good();
    let error = scene.run(&["code-repository", "update", "demo", "--token=@no-such-file"]).bad();
    assert!(error.contains("--token") && error.contains("no-such-file"), "{error}");
}

#[test]
fn a_reference_that_is_the_whole_value_is_replaced_by_the_secret() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.token(Kind::Github);
    scene.run(&["secret", "create", "forge", &format!("--token={token}"), "--owner=acme"]).good();
    let error = scene.try_register(Kind::Github, &["--token={{forge.tokn}}".into()]).bad();
    assert!(error.contains("tokn") && error.contains("token"), "{error}");
    let error = scene.try_register(Kind::Github, &["--token={{forg.token}}".into()]).bad();
    assert!(error.contains("forg") && error.contains("did you mean \"forge\"?"), "{error}");
    let error = scene.try_register(Kind::Github, &["--token=x{{forge.token}}".into()]).bad();
    assert!(error.contains("the whole value"), "{error}");
    scene.try_register(Kind::Github, &["--token={{forge.token}}".into()]).good();
    let error = scene.run(&["code-repository", "update", "demo", "--owner={{forge.owner}}"]).ended(2);
    assert!(error.contains("`owner` is no secret: the provider would see its value"), "{error}");
    scene.download("main", "out", &[]).good();
    let described = scene.run(&["code-repository", "describe", "demo"]).good().stdout;
    assert!(described.contains("{{forge.token}}"), "{described}");
    assert!(!described.contains(&token));
}

#[test]
fn wrong_usage_ends_with_two_and_help_with_zero() {
    let scene = Scene::with(&samples::faithful());
    for wrong in [&["no-such-command"][..], &["code-repository", "download", "demo"], &["status", "--no-such"]] {
        assert_eq!(scene.run(wrong).code, 2, "{wrong:?}");
    }
    for help in [&["--help"][..], &["code-repository", "register", "--help"], &["--version"]] {
        let ran = scene.run(help).good();
        assert!(ran.stdout.contains("forgeport"), "{help:?}");
    }
    assert_eq!(scene.run(&["code-repository", "register", "x", "--token"]).code, 2);
    assert!(scene.run(&["completion", "bash"]).good().stdout.contains("code-repository"));
}
