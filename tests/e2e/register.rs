//! Registering, and what is said when it cannot be.

use crate::scene::{KINDS, Kind, Scene};
use forgeport_forge::{Fault, On, samples};

#[test]
fn what_a_provider_asks_for_is_said_before_it_gets_it() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.token(Kind::Github);
    let ran = scene.try_register(Kind::Github, &[format!("--token={token}")]).good();
    let urls = scene.forge.github();
    assert!(ran.stderr.contains(&urls.api_url) && ran.stderr.contains(&urls.codeload_url), "{}", ran.stderr);
    assert!(ran.stderr.contains("--token as a bearer token"), "{}", ran.stderr);
    assert!(ran.stdout.contains("acme/demo") && ran.stdout.contains("main"), "{}", ran.stdout);
}

#[test]
fn bad_credentials_and_missing_repositories_store_nothing() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        let error = scene.try_register(kind, &["--token=not-a-token-of-anybody".into()]).bad();
        assert!(error.contains("token") || error.contains("credential"), "{kind:?}: {error}");
        assert!(!error.contains("not-a-token-of-anybody"), "{error}");
        scene.forge.remove("acme/demo");
        let token = scene.token(kind);
        let error = scene.try_register(kind, &[format!("--token={token}")]).bad();
        assert!(error.contains("acme/demo"), "{kind:?}: {error}");
        assert!(scene.names().is_empty());
    }
}

#[test]
fn a_public_repository_needs_no_credential() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        scene.forge.remove("acme/demo");
        scene.forge.add("acme/demo", &samples::faithful());
        scene.try_register(kind, &[]).good();
        scene.download("main", "out", &[]).good();
        assert!(scene.forge.requests().iter().all(|request| !request.has_credential()), "{kind:?}");
    }
}

#[test]
fn a_private_repository_without_a_credential_is_an_error_that_speaks_of_one() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        let error = scene.try_register(kind, &[]).bad();
        assert!(error.contains("credential") || error.contains("token"), "{kind:?}: {error}");
    }
}

#[test]
fn a_name_is_taken_once() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.forge.clear_requests();
    let error = scene.try_register(Kind::Gitlab, &[]).bad();
    assert!(error.contains("demo") && error.contains("already"), "{error}");
    assert!(scene.forge.requests().is_empty());
    let kind = &scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json()["kind"];
    assert_eq!(kind, "github");
}

#[test]
fn unknown_types_and_sources_that_do_not_fit_are_explained() {
    let scene = Scene::with(&samples::faithful());
    let register = |more: &[&str]| scene.run(&[&["code-repository", "register", "x"], more].concat());
    let unknown = register(&["--type=githb"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("'github'"), "{}", unknown.stderr);
    for more in [&[][..], &["--owner=acme"]] {
        let register = |kind: &[&str]| register(&[kind, more].concat());
        assert!(register(&[]).ended(2).contains("--type"));
        assert!(register(&["--type=custom"]).ended(2).contains("--source"));
        assert!(register(&["--type=github", "--source=x.wasm"]).ended(2).contains("built in"));
        assert!(register(&["--source=no-such.wasm"]).bad().contains("no-such.wasm"));
    }
}

#[test]
fn a_forge_that_echoes_the_credential_does_not_get_it_printed() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        let token = scene.token(kind);
        scene.forge.fault(On::any().always(), Fault::Echo);
        let ran = scene.try_register(kind, &[format!("--token={token}"), "--verbose".into()]);
        assert_ne!(ran.code, 0);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(&token), "{kind:?}: {}", ran.stderr);
    }
}

#[test]
fn list_and_describe_tell_all_but_the_credential() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.register(Kind::Github);
    for arguments in [
        &["code-repository", "list"][..],
        &["code-repository", "list", "--output=json"],
        &["code-repository", "describe", "demo", "--verbose"],
        &["code-repository", "describe", "demo", "--output", "json"],
    ] {
        let ran = scene.run(arguments).good();
        assert!(ran.stdout.contains("demo") && ran.stdout.contains("github"), "{}", ran.stdout);
        assert!(!ran.stdout.contains(&token) && !ran.stderr.contains(&token));
    }
    let described = scene.run(&["code-repository", "describe", "demo"]).good().stdout;
    assert!(
        described.contains("--owner") && described.contains("acme") && described.contains("********"),
        "{described}"
    );
}

#[test]
fn a_deleted_one_is_gone() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    assert!(scene.run(&["code-repository", "delete", "dem"]).bad().contains("did you mean \"demo\"?"));
    scene.run(&["code-repository", "delete", "demo"]).good();
    assert!(scene.names().is_empty());
    assert!(scene.run(&["code-repository", "describe", "demo"]).bad().contains("demo"));
}
