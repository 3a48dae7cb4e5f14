//! What people change is in the audit log, beside what providers do.

use crate::scene::{Kind, Scene};
use forgeport_forge::samples;
use forgeport_guest::{Description, guest};
use std::fs;

const VALUE: &str = "hunter2-hunter2";

/// The changes in `audit` in JSON: action, subject and detail.
fn changes(scene: &Scene, more: &[&str]) -> Vec<[String; 3]> {
    let log = scene.run(&[&["audit", "--output=json"][..], more].concat()).good().json();
    let changes = log.as_array().unwrap().iter().filter(|record| record["event"] == "change");
    changes.map(|change| ["action", "subject", "detail"].map(|key| change[key].as_str().unwrap().to_owned())).collect()
}

#[test]
fn each_change_leaves_its_record_and_no_value_of_a_secret_is_in_any() {
    let scene = Scene::with(&samples::faithful());
    let token = scene.register(Kind::Gitea);
    scene.run(&["code-repository", "update", "demo", "--description=x", &format!("--token={token}")]).good();
    scene.run(&["secret", "create", "s", &format!("--key={VALUE}")]).good();
    scene.run(&["secret", "delete", "s"]).good();
    scene.run(&["code-repository", "delete", "demo"]).good();
    let all = changes(&scene, &[]);
    let actions: Vec<&str> = all.iter().map(|[action, ..]| action.as_str()).collect();
    let of_secrets = ["secret-created", "secret-deleted"];
    assert_eq!(actions, ["registered", "consented", "updated", of_secrets[0], of_secrets[1], "deleted"]);
    assert!(all[0][2].contains("token") && all[2][2].contains("description; set token"), "{all:?}");
    assert!(all[1][2].contains(&scene.forge.gitea().instance_url), "{all:?}");
    assert_eq!(changes(&scene, &["--repository=demo"]).len(), 4);
    assert!(changes(&scene, &["--refused"]).is_empty());
    for output in ["--output=text", "--output=json"] {
        let text = scene.run(&["audit", output]).good().stdout;
        assert!(!text.contains(VALUE) && !text.contains(&token) && text.contains("secret-created"), "{text}");
    }
}

#[test]
fn what_a_person_consents_to_and_takes_back_is_recorded_with_its_origins() {
    let scene = Scene::with(&samples::faithful());
    let origin = scene.forge.gitea().instance_url;
    let description = Description { needs: vec![origin.clone()], ..Description::default() };
    fs::write(scene.path("guest.wasm"), guest().describing(&description).encode()).unwrap();
    scene.run(&["code-repository", "register", "demo", "--source=guest.wasm", "--yes"]).good();
    scene.run(&["grants", "revoke", "demo", &origin]).good();
    scene.run(&["code-repository", "update", "demo", &format!("--grant={origin}")]).good();
    let all = changes(&scene, &[]);
    let origin = origin.as_str();
    let expected =
        [("registered", ""), ("consented", origin), ("revoked", origin), ("updated", ""), ("granted", origin)];
    assert_eq!(all, expected.map(|(action, detail)| [action, "demo", detail].map(str::to_owned)));
}
