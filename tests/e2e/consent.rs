//! What a person consented to is what holds: a component is believed once, and a secret stays one.

use crate::scene::{Kind, Ran, Scene};
use forgeport_forge::samples;
use forgeport_guest::{Description, Guest, Placement, guest};
use std::{fs, process::Command};

/// Said by a component whenever it is asked what it is.
const ASKED: &str = "somebody asks me what I am";

fn scene() -> Scene {
    Scene::with(&samples::faithful())
}

/// What wants a token at the forge, and may say that it is no secret.
fn wanting(scene: &Scene, secret: bool) -> Description {
    let origin = scene.forge.gitea().instance_url;
    let credentials = if secret { vec![("token", origin.clone(), Placement::Bearer)] } else { Vec::new() };
    Description {
        settings: vec![("token", secret), ("owner", false)],
        needs: vec![origin],
        credentials,
        remote_hosts: vec!["forge.example".to_owned()],
        ..Description::default()
    }
}

/// Says in the log when it is asked what it is.
fn heard(mut guest: Guest) -> Guest {
    let said = guest.put(ASKED);
    let body = format!("(call $log (i32.const 2) {said}) (i32.const 1024)");
    guest.with("describe", body)
}

fn write(scene: &Scene, name: &str, guest: &Guest) {
    fs::write(scene.path(name), guest.encode()).unwrap();
}

fn register(scene: &Scene, more: &[&str]) -> Ran {
    let words = ["code-repository", "register", "demo", "--source=guest.wasm", "--yes", "--allow-private"];
    scene.run(&[&words[..], more].concat())
}

fn update(scene: &Scene, more: &[&str]) -> Ran {
    scene.run(&[&["code-repository", "update", "demo", "--yes", "--allow-private"][..], more].concat())
}

/// A checkout whose remote is at the guest's host.
fn checkout(scene: &Scene) {
    let directory = scene.path("checkout");
    fs::create_dir(&directory).unwrap();
    for words in [
        &["init", "--quiet"][..],
        &["-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "--allow-empty", "--message=x"],
        &["remote", "add", "origin", "https://forge.example/acme/demo.git"],
    ] {
        assert!(Command::new("git").arg("-C").arg(&directory).args(words).status().unwrap().success());
    }
}

#[test]
fn a_registered_component_is_not_asked_again_what_it_is() {
    let scene = scene();
    write(&scene, "guest.wasm", &heard(guest().describing(&wanting(&scene, true))));
    assert!(register(&scene, &["--token=tok-0123456789"]).good().stderr.contains(ASKED));
    checkout(&scene);
    for command in [
        "status checkout",
        "grants show demo",
        "grants explain demo GET https://forge.example/",
        "code-repository describe demo",
        "code-repository update demo --description=other",
        "code-repository download demo --commit=0123456789abcdef0123456789abcdef01234567 --directory=out",
    ] {
        let ran = scene.run(&command.split(' ').collect::<Vec<_>>());
        assert!(!ran.stderr.contains(ASKED), "{command}: {}", ran.stderr);
    }
    assert!(update(&scene, &["--owner=acme"]).good().stderr.contains(ASKED));
}

#[test]
fn the_consent_lists_what_the_provider_sees_is_told_and_could_pass_on() {
    let scene = scene();
    let mut description = wanting(&scene, true);
    description.needs.push("https://other.example".to_owned());
    write(&scene, "guest.wasm", &guest().describing(&description));
    let ran = register(&scene, &["--token=tok-0123456789", "--owner=acme"]).good();
    for told in [
        "It sees the values of --owner.",
        "the remotes of checkouts that are at forge.example",
        "at one of these origins, it can send to the others",
        "with --token as a bearer token",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    let held = scene.run(&["grants", "show", "demo", "--output=json"]).good().json();
    assert_eq!(held["remote_hosts"][0], "forge.example");
}

#[test]
fn a_value_that_was_given_out_of_sight_goes_to_no_option_that_the_provider_sees() {
    let scene = scene();
    write(&scene, "guest.wasm", &guest().describing(&wanting(&scene, false)));
    fs::write(scene.path("token"), "tok-0123456789").unwrap();
    scene.run(&["secret", "create", "s", "--token=tok-0123456789"]).good();
    for value in ["@token", "{{s.token}}"] {
        let refused = register(&scene, &[&format!("--token={value}")]).ended(2);
        assert!(refused.contains("`token` is no secret: the provider would see its value"), "{refused}");
        assert!(!refused.contains("tok-0123456789"), "{refused}");
    }
    assert!(scene.names().is_empty());
    register(&scene, &["--token=seen"]).good();
}

#[test]
fn an_update_that_calls_an_option_no_secret_any_more_is_refused_until_the_value_is_given_anew() {
    for given in ["tok-LITERAL-0123456789", "{{s.token}}"] {
        let scene = scene();
        scene.run(&["secret", "create", "s", "--token=tok-LITERAL-0123456789"]).good();
        write(&scene, "guest.wasm", &guest().describing(&wanting(&scene, true)));
        register(&scene, &[&format!("--token={given}")]).good();
        write(&scene, "plain.wasm", &guest().describing(&wanting(&scene, false)));
        let refused = update(&scene, &["--source=plain.wasm"]).bad();
        assert!(
            refused.contains("no longer declares --token a secret") && refused.contains("--unset=token"),
            "{refused}"
        );
        let described = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good();
        assert!(!described.stdout.contains("tok-LITERAL"), "{}", described.stdout);
        update(&scene, &["--source=plain.wasm", "--token=seen"]).good();
        let described = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json();
        assert_eq!(described["options"]["token"]["plain"], "seen");
        // And back: what is a secret now is encrypted, though it was not before.
        update(&scene, &["--source=guest.wasm"]).good();
        let described = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json();
        assert_eq!(described["options"]["token"]["sealed"], true);
    }
}

#[test]
fn a_new_remote_host_or_another_way_of_a_credential_needs_new_consent() {
    let scene = scene();
    let description = wanting(&scene, true);
    write(&scene, "guest.wasm", &guest().describing(&description));
    register(&scene, &["--token=tok-0123456789"]).good();
    let origin = scene.forge.gitea().instance_url;
    let header = vec![("token", origin, Placement::Header("X-Other"))];
    for changed in [
        Description { remote_hosts: vec!["github.com".to_owned()], ..description.clone() },
        Description { credentials: header, ..description.clone() },
    ] {
        write(&scene, "other.wasm", &guest().describing(&changed));
        let asked = scene.run(&["code-repository", "update", "demo", "--source=other.wasm"]);
        assert!(asked.stderr.lines().any(|line| line.starts_with("+ ")), "{}", asked.stderr);
        assert!(asked.bad().contains("--yes"));
    }
}

#[test]
fn a_link_to_a_commit_is_https_and_leads_to_a_host_of_the_consent() {
    for (link, shown) in [
        ("https://forge.example/acme/commit/1", true),
        ("https://forge.example.evil.example/", false),
        ("javascript:alert(document.domain)//forge.example", false),
        ("http://forge.example/", false),
        ("https://user:pw@forge.example/", false),
    ] {
        let scene = scene();
        let mut evil = guest().describing(&wanting(&scene, true));
        let text = evil.put(link);
        let said = format!(
            "(call $ok) (i32.store8 (i32.const OUT) (i32.const 1)) (i32.store offset=4 (i32.const OUT) (i32.const {}))
             (i32.store offset=8 (i32.const OUT) (i32.const {}))",
            text.at, text.length
        );
        write(&scene, "guest.wasm", &evil.with("commit-url", said));
        register(&scene, &[]).good();
        checkout(&scene);
        let status = scene.run(&["status", "checkout", "--output=json"]).good().json();
        let url = &status["code_repositories"][0]["url"];
        assert_eq!(url.as_str(), shown.then_some(link), "{status}");
    }
}

#[test]
fn nobody_without_a_session_reaches_the_network() {
    let scene = scene();
    let mut spy = guest().describing(&wanting(&scene, true));
    let send = spy.ask("GET", format!("{}/remote", scene.forge.gitea().instance_url), &[]).send();
    let spy = spy
        .with("owns-remote", format!("{send} (i32.const 1)"))
        .with("commit-url", format!("{send} (call $ok)"))
        .with("describe", format!("{send} (i32.const 1024)"));
    write(&scene, "guest.wasm", &spy);
    register(&scene, &["--token=tok-0123456789"]).good();
    checkout(&scene);
    let status = scene.run(&["status", "checkout", "--output=json"]).good().json();
    assert_eq!(status["code_repositories"][0]["name"], "demo");
    assert!(scene.forge.requests().is_empty(), "{:?}", scene.forge.requests());
    let log = scene.run(&["audit", "--output=json"]).good().json();
    let log = log.as_array().unwrap();
    assert!(!log.is_empty() && log.iter().all(|record| record["event"] == "change"), "{log:?}");
}

#[test]
fn a_registration_from_before_is_refused_with_the_command_that_asks_and_stores() {
    let scene = scene();
    scene.register(Kind::Gitea);
    // As an older Forgeport has left it.
    scene.edit_store("UPDATE code_repository SET access = NULL");
    let refused = scene.download("main", "out", &[]).bad();
    let command = "forgeport code-repository update demo";
    assert!(refused.contains(command), "{refused}");
    assert!(scene.run(&["grants", "show", "demo"]).bad().contains(command));
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let asked = scene.run(&words);
    assert!(asked.stderr.contains(&scene.forge.gitea().instance_url), "{}", asked.stderr);
    assert!(asked.bad().contains("--yes"));
    scene.run(&[&words[..], &["--yes"]].concat()).good();
    scene.download("main", "out", &[]).good();
}

#[test]
fn a_built_in_provider_of_another_forgeport_is_asked_anew_and_an_option_stays_a_secret() {
    let scene = scene();
    scene.register(Kind::Github);
    let older = "0".repeat(64);
    let made_older = format!(
        "INSERT INTO component SELECT workspace, '{older}', settings FROM component;
        UPDATE code_repository SET provider_digest = '{older}',
            access = '{{\"origins\":[],\"credentials\":[],\"remote_hosts\":[]}}'"
    );
    scene.edit_store(&made_older);
    scene.download("main", "out", &[]).good();
    let held = scene.run(&["grants", "show", "demo", "--output=json"]).good().json();
    assert!(
        held["requested"].as_array().is_some_and(|requested| !requested.is_empty()) && held["digest"] != older.as_str(),
        "{held}"
    );
    // `--owner` is one that it does not call a secret: as if it had been one.
    scene.run(&["secret", "create", "s", "--owner=acme"]).good();
    scene.edit_store(&made_older);
    let hidden =
        "UPDATE code_repository_option SET plain = NULL, secret_name = 's', secret_key = 'owner' WHERE name = 'owner'";
    scene.edit_store(hidden);
    let refused = scene.download("main", "other", &[]).bad();
    assert!(refused.contains("no longer declares --owner a secret"), "{refused}");
}
