//! Short-lived tokens that the host makes.

use crate::scene::{Kind, Ran, Scene};
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
