//! What a provider was granted: shown, explained, limited, taken away, and written down.

use crate::scene::{Kind, Scene, component};
use forgeport_forge::samples;
use serde_json::Value;
use std::fs;

fn scene() -> Scene {
    Scene::with(&samples::faithful())
}

/// `register demo` for Gitea without what answers the question.
fn unanswered(scene: &Scene, more: &[&str]) -> Vec<String> {
    let mut options = scene.options(Kind::Gitea);
    options.retain(|option| option != "--yes" && option != "--allow-private");
    options.push(format!("--token={}", scene.token(Kind::Gitea)));
    let words = ["code-repository", "register", "demo"].into_iter().chain(more.iter().copied());
    words.map(str::to_owned).chain(options).collect()
}

fn explain(scene: &Scene, method: &str, url: &str) -> Value {
    let ran = scene.run(&["grants", "explain", "demo", method, url, "--output=json"]);
    let explained = ran.json();
    assert_eq!(ran.code, if explained["allowed"] == true { 0 } else { 1 }, "{explained}");
    assert_eq!(ran.stderr, "");
    explained
}

#[test]
fn each_origin_can_be_granted_by_name_and_none_can_be_left_out_or_added() {
    let scene = scene();
    let instance = scene.forge.gitea().instance_url;
    let refused = scene.run(&unanswered(&scene, &["--grant=https://elsewhere.example", "--allow-private"])).bad();
    assert!(refused.contains("does not request https://elsewhere.example") && refused.contains(&instance), "{refused}");
    let refused = scene.run(&unanswered(&scene, &["--grant=nonsense"])).bad();
    assert!(refused.contains("https://api.github.com"), "{refused}");
    assert!(scene.names().is_empty());
    scene.run(&unanswered(&scene, &[&format!("--grant={instance}"), "--allow-private"])).good();
    let granted = scene.run(&["grants", "show", "demo", "--output=json"]).good().json();
    assert_eq!(granted["granted"][0]["origin"], instance);
    assert_eq!(granted["granted"][0]["private"], true);
    assert_eq!(granted["credentials"][0]["option"], "token");
}

#[test]
fn a_forge_on_a_private_address_needs_the_users_word() {
    let scene = scene();
    let refused = scene.run(&unanswered(&scene, &["--yes"])).bad();
    assert!(refused.contains("this machine") && refused.contains("--allow-private="), "{refused}");
    assert!(scene.names().is_empty() && scene.forge.requests().is_empty());
    let word = format!("--allow-private={}", scene.forge.gitea().instance_url);
    scene.run(&unanswered(&scene, &["--yes", &word])).good();
}

#[test]
fn a_revoked_grant_ends_what_it_allowed_and_explain_tells_the_command_that_brings_it_back() {
    let scene = scene();
    let instance = scene.forge.gitea().instance_url;
    scene.register(Kind::Gitea);
    let url = format!("{instance}/api/v1/repos/acme/demo");
    assert_eq!(explain(&scene, "get", &url)["allowed"], true);
    scene.run(&["grants", "revoke", "demo", &instance]).good();
    let before = scene.forge.requests().len();
    assert!(scene.download("main", "out", &[]).bad().contains("no origin may be reached"));
    assert_eq!(scene.forge.requests().len(), before);
    let explained = explain(&scene, "GET", &url);
    assert_eq!((&explained["allowed"], &explained["by"]), (&Value::Bool(false), &Value::from("granted")));
    let change = explained["change"].as_str().unwrap().to_owned();
    let command: Vec<&str> = change.split(' ').skip(1).chain(["--allow-private"]).collect();
    scene.run(&command).good();
    scene.download("main", "out", &[]).good();
    assert!(scene.run(&["grants", "revoke", "demo", "https://never.example"]).bad().contains("not granted"));
}

#[test]
fn explain_names_who_refuses_and_what_would_change_it() {
    let scene = scene();
    scene.register(Kind::Github);
    let api = scene.forge.github().api_url;
    let verdict = |method: &str, url: &str| {
        let found = explain(&scene, method, url);
        (found["allowed"].as_bool().unwrap(), found["by"].as_str().unwrap().to_owned())
    };
    assert_eq!(verdict("GET", &format!("{api}/user")), (true, "granted".into()));
    assert_eq!(verdict("DELETE", &format!("{api}/user")), (false, "requested".into()));
    assert_eq!(verdict("GET", "https://evil.example/"), (false, "requested".into()));
    assert_eq!(verdict("GET", "https://me:pw@evil.example/"), (false, "requested".into()));
    assert!(scene.run(&["grants", "explain", "demo", "GET", "nonsense"]).bad().contains("not a URL"));
    let text = scene.run(&["grants", "explain", "demo", "GET", &format!("{api}/user")]).good().stdout;
    assert!(text.contains("allowed") && text.contains("--token") && text.contains("grants revoke demo"), "{text}");
}

#[test]
fn the_leave_to_go_into_a_private_network_can_be_taken_from_a_built_in_provider() {
    let scene = scene();
    scene.register(Kind::Github);
    let api = scene.forge.github().api_url;
    let url = format!("{api}/user");
    scene.run(&["grants", "revoke", "demo", &api]).good();
    assert!(scene.run(&["grants", "revoke", "demo", &api]).bad().contains("built in"));
    let before = scene.forge.requests().len();
    assert!(scene.download("main", "out", &[]).bad().contains("--allow-private"));
    assert_eq!(scene.forge.requests().len(), before);
    let explained = explain(&scene, "GET", &url);
    assert_eq!((&explained["allowed"], &explained["by"]), (&Value::Bool(false), &Value::from("gate")));
    let change = explained["change"].as_str().unwrap().to_owned();
    scene.run(&change.split(' ').skip(1).collect::<Vec<_>>()).good();
    scene.download("main", "out", &[]).good();
}

#[test]
fn a_changed_component_has_no_grants_until_somebody_consents_again() {
    let scene = scene();
    scene.register(Kind::Gitea);
    let mut bytes = fs::read(component("gitea")).unwrap();
    // A custom section of one byte: another digest, the same behaviour.
    bytes.extend([0, 2, 1, b'x']);
    fs::write(scene.path("other.wasm"), bytes).unwrap();
    let update = ["code-repository", "update", "demo", "--source=other.wasm"];
    let refused = scene.run(&update);
    let instance = scene.forge.gitea().instance_url;
    for line in [
        format!("- {instance} (GET, HEAD; also in a private network), with --token as a bearer token"),
        format!("+ {instance} (GET, HEAD), with --token as a bearer token"),
    ] {
        assert!(refused.stderr.lines().any(|shown| shown.starts_with(&line)), "{}", refused.stderr);
    }
    assert!(refused.stderr.contains("would replace gitea"), "{}", refused.stderr);
    assert!(refused.bad().contains("--yes"));
    scene.download("main", "old", &[]).good();
    assert!(scene.run(&[&update[..], &["--yes"]].concat()).bad().contains("--allow-private="));
    scene.run(&[&update[..], &["--yes", "--allow-private"]].concat()).good();
    scene.download("main", "new", &["--force"]).good();
}

#[test]
fn the_operators_policy_is_a_ceiling_over_grants_and_limits() {
    let scene = scene();
    scene.register(Kind::Github);
    let policy = scene.path("policy.toml");
    let run = |text: &str, arguments: &[&str]| {
        fs::write(&policy, text).unwrap();
        let mut command = scene.command(arguments);
        let output = command.env("FORGEPORT_POLICY", &policy).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let download = ["code-repository", "download", "demo", "--commit=main", "--directory=out", "--force"];
    let (code, error) = run("[[allow]]\norigin = \"https://api.github.com\"", &download);
    assert!(code == Some(1) && error.contains("the policy of this host's operator"), "{error}");
    let api = scene.forge.github().api_url;
    let (code, error) = run(&format!("[[allow]]\norigin = \"{api}\""), &download);
    assert!(code == Some(1) && error.contains("this machine"), "{error}");
    let allow = |origin: &str| format!("[[allow]]\norigin = \"{origin}\"\nprivate = true\n");
    let both = allow(&api) + &allow(&scene.forge.github().codeload_url);
    let (code, error) = run(&both, &download);
    assert_eq!(code, Some(0), "{error}");
    let (code, error) = run("[limits]\nrequests = 1", &["code-repository", "update", "demo", "--limit=requests=2"]);
    assert!(code == Some(1) && error.contains("cannot be more than 1"), "{error}");
    let (code, error) = run("[limits]\nrequests = 1", &[&download[..], &["--subdirectory=src"]].concat());
    assert!(code == Some(1) && error.contains("`requests` of 1"), "{error}");
    let (code, error) = run("misspelt = 1", &["code-repository", "list"]);
    assert!(code == Some(1) && error.contains("policy.toml") && error.contains("misspelt"), "{error}");
}

#[test]
fn a_limit_is_set_for_one_registration_and_named_when_it_is_reached() {
    let scene = scene();
    scene.register(Kind::Github);
    let update = |limit: &str| scene.run(&["code-repository", "update", "demo", "--limit", limit]);
    update("body=10").good();
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains("`body` of 10 bytes") && error.contains("--limit body="), "{error}");
    update("body=default").good();
    update("archive_entries=2").good();
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains("entries"), "{error}");
    assert!(update("memroy=1MiB").bad().contains("did you mean memory"));
    update("archive_entries=default").good();
    scene.download("main", "out", &[]).good();
}

#[test]
fn every_request_is_in_the_audit_log_and_no_token_is() {
    let scene = scene();
    let token = scene.register(Kind::Github);
    scene.download("main", "out", &[]).good();
    let entries = scene.run(&["audit", "--output=json"]).good().json();
    let entries = entries.as_array().unwrap();
    let sequence: Vec<_> = entries.iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (1..=entries.len() as u64).collect::<Vec<_>>());
    let entries: Vec<_> = entries.iter().filter(|entry| entry["event"] == "request").collect();
    assert_eq!(entries.len(), scene.forge.requests().len());
    assert!(entries.iter().all(|entry| entry["repository"] == "demo" && entry["outcome"] == "answered"));
    assert!(entries.iter().any(|entry| entry["secrets"][0] == "token" && entry["status"] == 200));
    // The redirect to the archive carries a short-lived token in its query.
    let text = scene.run(&["audit"]).good().stdout;
    assert!(text.contains("token=...") && !text.contains(&token), "{text}");
    let since = |when: &str| scene.run(&["audit", "--output=json", when]).good().json().as_array().unwrap().len();
    assert_eq!((since("--since=1h"), since("--since=2999-01-01"), since("--last=1")), (sequence.len(), 0, 1));
    explain(&scene, "GET", "https://evil.example");
    assert_eq!(since("--refused"), 0);
    scene.run(&["audit", "--since=soon"]).ended(2);
}

#[test]
fn a_component_is_inspected_without_being_trusted() {
    let scene = scene();
    let found =
        scene.run(&["provider", "inspect", component("gitea").to_str().unwrap(), "--output=json"]).good().json();
    assert_eq!(found["world"], "forgeport:code-repository/code-provider@0.1.0");
    assert!(found["foreign"].as_array().unwrap().is_empty() && found["problem"].is_null());
    assert_eq!(found["description"]["name"], "gitea");
    let text = scene.run(&["provider", "inspect", "github"]).good().stdout;
    assert!(text.contains("--token (secret)") && text.contains("{api_url}"), "{text}");
    fs::write(scene.path("empty.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let empty = scene.run(&["provider", "inspect", "empty.wasm", "--output=json"]).good().json();
    assert!(empty["problem"].as_str().unwrap().contains("does not fit") && empty["world"].is_null());
    fs::write(scene.path("text.wasm"), "hello").unwrap();
    assert!(scene.run(&["provider", "inspect", "text.wasm"]).bad().contains("no WebAssembly component"));
    assert!(scene.run(&["provider", "inspect", "missing.wasm"]).bad().contains("missing.wasm"));
    assert!(scene.forge.requests().is_empty());
}
