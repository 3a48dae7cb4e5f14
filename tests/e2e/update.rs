//! Changing what is registered.

use crate::scene::{Kind, Scene, component};
use forgeport_forge::samples;

#[test]
fn name_and_description_change_without_the_network() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.forge.clear_requests();
    scene.run(&["code-repository", "update", "demo", "--description=The demo", "--rename=other"]).good();
    let described = scene.run(&["code-repository", "describe", "other", "--output=json"]).good().json();
    assert_eq!(described["description"], "The demo");
    scene.run(&["code-repository", "update", "other", "--description="]).good();
    let described = scene.run(&["code-repository", "describe", "other", "--output=json"]).good().json();
    assert!(described["description"].is_null());
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn a_new_token_is_tried_before_it_replaces_the_old_one() {
    let scene = Scene::with(&samples::faithful());
    let old = scene.register(Kind::Github);
    let error = scene.run(&["code-repository", "update", "demo", "--token=wrong-wrong"]).bad();
    assert!(error.contains("401") && !error.contains("wrong-wrong"), "{error}");
    scene.download("main", "out", &[]).good();
    let new = scene.token(Kind::Github);
    scene.run(&["code-repository", "update", "demo", &format!("--token={new}")]).good();
    scene.forge.revoke(&old);
    scene.run(&["cache", "clear"]).good();
    scene.download("main", "out", &["--force"]).good();
}

#[test]
fn an_option_can_be_removed_and_one_that_is_not_set_cannot() {
    let scene = Scene::with(&samples::faithful());
    scene.forge.remove("acme/demo");
    scene.forge.add("acme/demo", &samples::faithful());
    scene.register(Kind::Gitlab);
    scene.run(&["code-repository", "update", "demo", "--unset=token"]).good();
    let options = scene.run(&["code-repository", "describe", "demo", "--output=json"]).good().json()["options"].clone();
    assert!(options.get("token").is_none() && options.get("group").is_some(), "{options}");
    let error = scene.run(&["code-repository", "update", "demo", "--unset=token"]).bad();
    assert!(error.contains("token") && error.contains("group"), "{error}");
    let error = scene.run(&["code-repository", "update", "demo", "--unset=group"]).ended(2);
    assert!(error.contains("--group="), "{error}");
    assert!(scene.run(&["code-repository", "update", "demo"]).bad().contains("nothing to change"));
}

#[test]
fn a_custom_providers_new_component_or_origin_needs_new_consent() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Gitea);
    let bitbucket = format!("--source={}", component("bitbucket").display());
    let error = scene.run(&["code-repository", "update", "demo", &bitbucket]).ended(2);
    assert!(error.contains("unknown option"), "{error}");
    let elsewhere = format!("--instance_url={}", scene.forge.elsewhere());
    let error = scene.run(&["code-repository", "update", "demo", &elsewhere]).bad();
    assert!(error.contains("--yes"), "{error}");
    scene.run(&["code-repository", "update", "demo", "--host=127.0.0.1"]).good();
    scene.download("main", "out", &[]).good();
}
