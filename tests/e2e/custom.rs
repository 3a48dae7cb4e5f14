//! Providers that do not come with Forgeport.

use crate::scene::{Kind, Scene, component};
use forgeport_forge::samples;
use std::fs;

#[test]
fn a_custom_provider_needs_consent() {
    let scene = Scene::with(&samples::faithful());
    let mut options = scene.options(Kind::Gitea);
    options.retain(|option| option != "--yes");
    let arguments: Vec<String> = ["code-repository", "register", "demo", "--type=custom"]
        .map(str::to_owned)
        .into_iter()
        .chain(options)
        .collect();
    let ran = scene.run(&arguments);
    assert!(
        ran.stderr.contains("asks for") && ran.stderr.contains(&scene.forge.gitea().instance_url),
        "{}",
        ran.stderr
    );
    assert!(ran.bad().contains("--yes"));
    assert!(scene.forge.requests().is_empty() && scene.names().is_empty());
}

#[test]
fn the_component_is_kept_so_that_its_file_may_change_or_go() {
    let scene = Scene::with(&samples::faithful());
    let file = scene.path("mine.wasm");
    fs::copy(component("gitea"), &file).unwrap();
    let mut options = scene.options(Kind::Gitea);
    options[0] = format!("--source={}", file.display());
    options.push(format!("--token={}", scene.token(Kind::Gitea)));
    let arguments: Vec<String> =
        ["code-repository", "register", "demo"].map(str::to_owned).into_iter().chain(options).collect();
    scene.run(&arguments).good();
    fs::write(&file, "something else").unwrap();
    scene.download("main", "out", &[]).good();
}

#[test]
fn what_is_no_provider_is_refused_with_the_reason() {
    let scene = Scene::with(&samples::faithful());
    let refused = |name: &str, bytes: &[u8]| {
        fs::write(scene.path(name), bytes).unwrap();
        scene.run(&["code-repository", "register", "x", &format!("--source={name}"), "--yes"]).bad()
    };
    assert!(refused("text.wasm", b"hello").contains("text.wasm: this is no WebAssembly component"));
    assert!(refused("empty.wasm", b"").contains("no WebAssembly component"));
    let module = b"\0asm\x01\0\0\0";
    assert!(refused("module.wasm", module).contains("no WebAssembly component"));
    let component = b"\0asm\x0d\0\x01\0";
    assert!(refused("component.wasm", component).contains("does not fit"));
    assert!(scene.names().is_empty());
}

#[test]
fn compiled_code_that_was_tampered_with_is_not_run() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    let compiled = scene.path("home/cache/compiled");
    for entry in fs::read_dir(&compiled).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let ran = scene.download("main", "out", &[]).good();
    assert!(ran.stderr.contains("discarded"), "{}", ran.stderr);
    let again = scene.run(&["code-repository", "options", "--type=github"]).good();
    assert_eq!(again.stderr, "");
}

#[test]
fn a_component_that_takes_too_much_to_compile_is_refused_before_it_is() {
    let scene = Scene::with(&samples::faithful());
    let refused = |source: &str, words: &str| {
        for arguments in [
            vec!["provider", "inspect", source],
            vec!["code-repository", "register", "x", "--type=custom", "--source", source, "--yes"],
        ] {
            let text = scene.run(&arguments).bad();
            assert!(text.contains(words) && text.lines().count() == 1, "{arguments:?}: {text}");
        }
    };
    // Components in each other, each with its head of eight bytes, its section's number and length.
    let mut nested = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..1000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        outer.extend([
            (nested.len() & 0x7f | 0x80) as u8,
            (nested.len() >> 7 & 0x7f | 0x80) as u8,
            (nested.len() >> 14) as u8,
        ]);
        nested = [outer, nested].concat();
    }
    fs::write(scene.path("nested.wasm"), nested).unwrap();
    refused("nested.wasm", "33 components in each other");
    refused("/dev/zero", "bytes, and 100663296 are the most");
    assert!(scene.names().is_empty());
}

#[test]
fn the_help_does_not_tell_how_forgeport_starts_itself() {
    let scene = Scene::with(&samples::faithful());
    for arguments in [&["--help"][..], &["provider", "--help"], &["completion", "bash"]] {
        assert!(!scene.run(arguments).good().stdout.contains("forgeport-child"), "{arguments:?}");
    }
}
