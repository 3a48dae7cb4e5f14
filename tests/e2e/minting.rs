//! Short-lived tokens that the host makes.

use crate::{
    preload::{CLOCK, library},
    scene::{Kind, Ran, Scene},
    status::git,
};
use forgeport_forge::{APP_ID, APP_KEY, CLIENT_ID, CLIENT_SECRET, INSTALLATION_ID, samples};
use std::{fs, time::Duration};

fn scene() -> Scene {
    Scene::with(&samples::faithful())
}

/// `secret create app` with some values changed; an empty one leaves the key out.
fn create_app(scene: &Scene, changed: &[(&str, &str)]) -> Ran {
    fs::write(scene.path("key.pem"), APP_KEY).unwrap();
    let api = scene.forge.github().api_url;
    let values = [
        ("mint", "github-app"),
        ("app_id", APP_ID),
        ("installation_id", INSTALLATION_ID),
        ("private_key", "@key.pem"),
        ("api_url", &api),
        ("allow_private", "true"),
    ];
    let value =
        |key: &str, value: &str| changed.iter().find(|(name, _)| *name == key).map_or(value, |(_, new)| new).to_owned();
    let values = values.map(|(key, text)| (key, value(key, text)));
    let given = values.iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| format!("--{key}={text}"));
    scene.run(&["secret", "create", "app"].into_iter().map(str::to_owned).chain(given).collect::<Vec<_>>())
}

fn minted(scene: &Scene) -> usize {
    scene.forge.requests().iter().filter(|request| request.target.contains("access_token")).count()
}

#[test]
fn a_github_app_gets_tokens_that_are_kept_until_just_before_they_end() {
    let scene = scene();
    create_app(&scene, &[]).good();
    scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).good();
    scene.download("main", "one", &[]).good();
    scene.run(&["code-repository", "download", "demo", "--commit=main", "--directory=two"]).good();
    assert_eq!(minted(&scene), 1);
    let audit = scene.run(&["audit"]).good().stdout;
    assert!(audit.contains("access_tokens") && audit.contains("private_key"), "{audit}");
}

#[test]
fn a_token_that_is_about_to_end_is_made_anew() {
    let scene = scene();
    create_app(&scene, &[]).good();
    scene.forge.minted_tokens_last(Duration::from_secs(100));
    scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).good();
    let registered = minted(&scene);
    scene.forge.minted_tokens_last(Duration::from_secs(3600));
    scene.download("main", "one", &[]).good();
    scene.download("main", "two", &[]).good();
    assert_eq!(minted(&scene), registered + 1);
}

#[test]
fn changed_values_of_an_app_make_a_new_token() {
    let scene = scene();
    create_app(&scene, &[]).good();
    scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).good();
    scene.run(&["secret", "update", "app", "--app_id=999"]).good();
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains("the secret \"app\"") && error.contains("Integration not found"), "{error}");
}

#[test]
fn an_app_that_is_wrong_is_an_error_that_says_what() {
    let scene = scene();
    for (key, value, why) in [
        ("private_key", "nonsense", "no RSA key"),
        ("private_key", "", "it has no private_key"),
        ("installation_id", "abc", "no number"),
        ("mint", "magic", "can be github-app or oauth-client"),
        ("api_url", "not a url", "api_url"),
    ] {
        let error = create_app(&scene, &[(key, value)]).bad();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(scene.run(&["secret", "list", "--output=json"]).good().json().as_array().unwrap().len(), 0);
    create_app(&scene, &[("installation_id", "1")]).good();
    let error = scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).bad();
    assert!(error.contains("404: Not Found"), "{error}");
    assert!(scene.names().is_empty());
}

#[test]
fn minting_passes_the_gate() {
    let scene = scene();
    create_app(&scene, &[("allow_private", "")]).good();
    let error = scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).bad();
    assert!(error.contains("this machine"), "{error}");
    assert_eq!(minted(&scene), 0);
    assert!(scene.run(&["audit", "--refused"]).good().stdout.contains("for the secret app"));
}

#[test]
fn an_oauth_clients_credentials_become_a_token() {
    let scene = scene();
    let url = format!("--token_url={}/site/oauth2/access_token", scene.forge.bitbucket().web_url);
    let (id, secret) = (format!("--client_id={CLIENT_ID}"), format!("--client_secret={CLIENT_SECRET}"));
    let create = ["secret", "create", "consumer", "--mint=oauth-client", "--allow_private=true", &url, &id];
    scene.run(&[&create[..], &[&secret]].concat()).good();
    scene.try_register(Kind::Bitbucket, &["--token={{consumer.token}}".into()]).good();
    scene.download("main", "one", &[]).good();
    assert_eq!(minted(&scene), 1);
    scene.run(&["secret", "update", "consumer", "--client_secret=wrong"]).good();
    let error = scene.download("main", "two", &["--subdirectory=src"]).bad();
    assert!(error.contains("Invalid OAuth client credentials"), "{error}");
}

/// The token that is kept.
fn token(scene: &Scene, secret: &str) -> String {
    let shown = scene.run(&["secret", "get", secret, "token", "--reveal", "--output=json"]).good().json();
    shown["values"]["token"].as_str().unwrap().to_owned()
}

fn create_consumer(scene: &Scene) {
    let url = format!("--token_url={}/site/oauth2/access_token", scene.forge.bitbucket().web_url);
    let (id, secret) = (format!("--client_id={CLIENT_ID}"), format!("--client_secret={CLIENT_SECRET}"));
    let create = ["secret", "create", "consumer", "--mint=oauth-client", "--allow_private=true", &url, &id, &secret];
    scene.run(&create).good();
}

#[test]
fn a_kept_token_that_a_forge_does_not_take_is_made_anew_once() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    create_app(&scene, &[]).good();
    scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).good();
    git(&scene.path(""), &["clone", "-q", repository.path().to_str().unwrap(), "checkout"]);
    let url = format!("http://{}/acme/demo.git", scene.forge.github().host);
    git(&scene.path("checkout"), &["remote", "set-url", "origin", &url]);
    let commit = repository.commit();
    let mut again: Vec<String> =
        ["code-repository", "register", "again", "--token={{app.token}}"].map(str::to_owned).into();
    again.extend(scene.options(Kind::Github));
    let download = |commit: &str, name: &str| {
        ["code-repository", "download", "demo", &format!("--commit={commit}"), &format!("--directory={name}")]
            .map(str::to_owned)
            .to_vec()
    };
    let status = ["status", "checkout", "--fetch"].map(str::to_owned).to_vec();
    for (number, command) in [download("main", "one"), status, again, download(&commit, "two")].into_iter().enumerate()
    {
        scene.run(&["cache", "clear"]).good();
        scene.forge.revoke(&token(&scene, "app"));
        let ran = scene.run(&command).good();
        assert!(!ran.stderr.contains("warning"), "{command:?}: {}", ran.stderr);
        assert_eq!(minted(&scene), number + 2, "{command:?}");
    }
}

#[test]
fn a_token_that_is_refused_although_it_was_just_made_is_not_made_again_and_again() {
    let scene = scene();
    create_app(&scene, &[]).good();
    scene.try_register(Kind::Github, &["--token={{app.token}}".into()]).good();
    scene.forge.fault(forgeport_forge::On::any().path("/repos/").always(), forgeport_forge::Fault::status(401));
    for _ in 0..2 {
        let before = minted(&scene);
        scene.download("main", "out", &[]).bad();
        assert_eq!(minted(&scene), before + 1);
    }
}

#[test]
fn a_token_that_is_no_minted_one_is_tried_once() {
    let scene = scene();
    let token = scene.register(Kind::Github);
    scene.forge.revoke(&token);
    scene.forge.clear_requests();
    scene.download("main", "out", &[]).bad();
    assert_eq!(scene.forge.requests().len(), 1);
}

#[test]
fn a_token_that_was_made_while_the_clock_was_wrong_is_not_believed_afterwards() {
    let scene = scene();
    create_consumer(&scene);
    let clock = library(&scene, "clock", CLOCK);
    let at = |offset: i64, arguments: &[&str]| {
        let mut command = scene.command(arguments);
        Ran::of(command.env("LD_PRELOAD", &clock).env("CLOCK_OFFSET", offset.to_string()).output().unwrap()).good()
    };
    scene.try_register(Kind::Bitbucket, &["--token={{consumer.token}}".into()]).good();
    let download = |name: &str| {
        vec!["code-repository", "download", "demo", "--commit=main"]
            .into_iter()
            .chain([name])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut runs = 0;
    let mut mints = |offset: i64| {
        runs += 1;
        let before = minted(&scene);
        let words = download(&format!("--directory=out{runs}"));
        at(offset, &words.iter().map(String::as_str).collect::<Vec<_>>());
        minted(&scene) - before
    };
    let month = 30 * 86_400;
    assert_eq!(mints(0), 0);
    // Ahead, and right again; then behind, and right again.
    assert_eq!((mints(month), mints(month), mints(0), mints(0)), (1, 0, 1, 0));
    assert_eq!((mints(-month), mints(0), mints(0)), (1, 1, 0));
    // Whatever the server says, none is kept for more than a day.
    scene.forge.minted_tokens_last(Duration::from_secs(400 * 86_400));
    assert_eq!((mints(2 * 3600), mints(20 * 3600), mints(30 * 3600)), (1, 0, 1));
}

#[test]
fn a_created_secret_tells_the_references_that_can_be_used() {
    let scene = scene();
    let told = create_app(&scene, &[]).good().stdout;
    assert_eq!(told, "Created the secret app; refer to it as {{app.token}}.\n");
    let told = scene.run(&["secret", "create", "plain", "--one=1", "--two=2"]).good().stdout;
    assert_eq!(told, "Created the secret plain; refer to it as {{plain.one}}, {{plain.two}}.\n");
}

#[test]
fn an_update_of_a_secret_that_tokens_are_made_from_is_checked_as_its_creation_is() {
    let scene = scene();
    create_app(&scene, &[]).good();
    scene.run(&["secret", "create", "plain", "--app_id=1"]).good();
    let before = scene.run(&["secret", "get", "app", "--reveal"]).good().stdout;
    for (change, why) in [
        (["app", "--private_key=nonsense"], "no RSA key"),
        (["app", "--unset=private_key"], "it has no private_key"),
        (["app", "--installation_id=abc"], "no number"),
        (["app", "--mint=magic"], "can be github-app or oauth-client"),
        (["app", "--token=mine"], "leave --token out"),
        (["plain", "--mint=github-app"], "it has no installation_id"),
    ] {
        let error = scene.run(&[&["secret", "update"], &change[..]].concat()).bad();
        assert!(error.contains(why), "{change:?}: {error}");
    }
    assert_eq!(scene.run(&["secret", "get", "app", "--reveal"]).good().stdout, before);
    // It may become one that is kept as it is, and the other way round.
    scene.run(&["secret", "update", "app", "--unset=mint", "--private_key=anything"]).good();
    let key = "--private_key=@key.pem";
    scene.run(&["secret", "update", "plain", "--mint=github-app", "--installation_id=1", key]).good();
}
