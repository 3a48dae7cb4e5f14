//! Consent to one plan, by its digest.

use crate::scene::{Kind, Ran, Scene, component};
use forgeport_forge::samples;
use std::fs;

fn scene() -> Scene {
    let scene = Scene::with(&samples::faithful());
    fs::copy(component("gitea"), scene.path("gitea.wasm")).unwrap();
    scene
}

/// `register NAME` for Gitea with what answers the plan.
fn register(scene: &Scene, name: &str, more: &[&str]) -> Ran {
    let mut words = vec!["register".to_owned(), name.to_owned()];
    words.extend(
        scene.options(Kind::Gitea).into_iter().filter(|option| option != "--yes" && !option.starts_with("--source")),
    );
    words.push("--source=gitea.wasm".to_owned());
    words.push(format!("--token={}", scene.token(Kind::Gitea)));
    words.extend(more.iter().map(|word| (*word).to_owned()));
    scene.run(&words)
}

/// The digest that a plan is printed with.
#[track_caller]
fn digest(ran: &Ran) -> String {
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("Plan digest: "));
    line.unwrap_or_else(|| panic!("no digest: {}", ran.stderr)).to_owned()
}

/// Another component that behaves in the same way: it has a custom section of one byte.
fn change_component(scene: &Scene) {
    let mut bytes = fs::read(component("gitea")).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    fs::write(scene.path("gitea.wasm"), bytes).unwrap();
}

#[test]
fn the_reviewed_plan_is_approved_and_another_one_is_refused_with_both_digests() {
    let scene = scene();
    let reviewed = register(&scene, "demo", &[]);
    let plan = digest(&reviewed);
    let refused = reviewed.bad();
    assert!(refused.contains(&format!("--approve={plan}")), "{refused}");
    let wrong = "0".repeat(64);
    let refused = register(&scene, "demo", &[&format!("--approve={wrong}")]).bad();
    assert!(refused.contains(&plan) && refused.contains(&wrong), "{refused}");
    assert!(scene.names().is_empty() && scene.forge.requests().is_empty());
    register(&scene, "demo", &[&format!("--approve={}", plan)]).good();
    // Neither the name nor the token is part of it.
    register(&scene, "other", &[&format!("--approve={plan}")]).good();
    assert_eq!(scene.names(), ["demo", "other"]);
}

#[test]
fn a_changed_component_or_access_is_another_plan() {
    let scene = scene();
    let plan = digest(&register(&scene, "demo", &[]));
    let approve = format!("--approve={plan}");
    for more in ["--limit=requests=5000", "--host=forge.example"] {
        let refused = register(&scene, "demo", &[&approve, more]).bad();
        assert!(refused.contains("is not the approved one"), "{more}: {refused}");
    }
    change_component(&scene);
    let refused = register(&scene, "demo", &[&approve]);
    assert_ne!(digest(&refused), plan);
    assert!(refused.bad().contains(&plan));
    assert!(scene.names().is_empty());
}

#[test]
fn an_update_is_approved_by_the_digest_of_its_own_plan() {
    let scene = scene();
    let first = digest(&register(&scene, "demo", &["--yes"]).good());
    change_component(&scene);
    let update = ["update", "demo", "--source=gitea.wasm", "--allow-private"];
    let refused = scene.run(&[&update[..], &[&format!("--approve={first}")]].concat());
    let plan = digest(&refused);
    assert_ne!(plan, first);
    refused.bad();
    scene.run(&[&update[..], &[&format!("--approve={plan}")]].concat()).good();
    // A registration with the same component and access has the same plan.
    assert_eq!(digest(&register(&scene, "other", &[])), plan);
    // What needs no plan needs no approval.
    scene.run(&["update", "demo", "--description=x", &format!("--approve={first}")]).good();
}

#[test]
fn a_built_in_provider_can_be_approved_too_and_what_is_no_digest_is_wrong_usage() {
    let scene = scene();
    let token = format!("--token={}", scene.token(Kind::Github));
    let wrong = format!("--approve={}", "0".repeat(64));
    let refused = scene.try_register(Kind::Github, &[token.clone(), wrong]);
    let plan = digest(&refused);
    refused.bad();
    assert!(scene.names().is_empty());
    scene.try_register(Kind::Github, &[token, format!("--approve={plan}")]).good();
    for wrong in [&["--approve=abc"][..], &["--approve"], &["--yes", &format!("--approve={plan}")]] {
        assert_eq!(register(&scene, "other", wrong).code, 2, "{wrong:?}");
    }
}
