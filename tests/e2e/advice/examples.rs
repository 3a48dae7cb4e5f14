//! The examples in the help texts, each run as it stands there.

use crate::scene::{Kind, Ran, Scene, component};
use forgeport_forge::samples;
use std::{collections::BTreeSet, fs};

use super::obey;

#[test]
fn every_example_of_a_help_text_works() {
    let scene = Scene::with(&samples::faithful());
    let examples = of_all(&scene);
    assert!(examples.len() > 12, "{examples:#?}");
    for example in examples {
        run(&example);
    }
}

/// The examples of all commands.
fn of_all(scene: &Scene) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![Vec::new()];
    while let Some(command) = left.pop() {
        let help = scene.run(&[&command[..], &["--help".to_owned()]].concat()).good().stdout;
        found.extend(examples(&help));
        let names = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let below = names.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).filter_map(name);
        left.extend(below.filter(|name| name != "help").map(|name| [&command[..], &[name]].concat()));
    }
    found
}

/// Those in a help text: whole lines, or what follows "For example:". What may be left out, in brackets, is left out.
fn examples(help: &str) -> Vec<String> {
    let joined = help.replace(" \\\n", " ");
    let example = |line: &str| {
        let line = line
            .strip_prefix("For example: ")
            .or_else(|| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))?;
        let words = line.split_whitespace().filter(|word| !word.starts_with('['));
        line.starts_with("forgeport ").then(|| words.collect::<Vec<_>>().join(" "))
    };
    joined.lines().filter_map(example).collect()
}

/// In a place that has what the example names.
fn run(example: &str) {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    for name in ["acme/demo", "acme/tools/demo"] {
        scene.forge.add(name, &repository);
    }
    for name in ["token.txt", "new-token.txt", "file"] {
        fs::write(scene.path(name), scene.token(Kind::Github)).unwrap();
    }
    fs::write(scene.path("values.json"), r#"{"token": "x"}"#).unwrap();
    fs::write(scene.path("app.pem"), include_str!("../../forge/src/app_key.pem")).unwrap();
    fs::copy(component("bitbucket"), scene.path("bitbucket.wasm")).unwrap();
    fs::create_dir_all(scene.path(".local/share/bash-completion/completions")).unwrap();
    let told = match example {
        _ if example.contains("--help") => {
            scene.register(Kind::Github);
            typed(&scene, example)
        }
        _ if example.starts_with("forgeport register") => register(&scene, example),
        _ if example.starts_with("forgeport secret create") => typed(&scene, example),
        _ => {
            scene.register(Kind::Github);
            scene.run(&["secret", "create", "github", "--token=x", "--user=ada"]).good();
            typed(&scene, example)
        }
    };
    // What it explains is not granted here, where the forge is on this machine.
    let code = if example.contains("grants explain") { 1 } else { 0 };
    assert_eq!(told.code, code, "{example}: {}{}", told.stdout, told.stderr);
}

/// With the options that lead to the forge for tests, which is on this machine.
fn register(scene: &Scene, example: &str) -> Ran {
    let kind = [("github", Kind::Github), ("gitlab", Kind::Gitlab), ("bitbucket", Kind::Bitbucket)];
    let (_, kind) = kind.into_iter().find(|(name, _)| example.contains(name)).unwrap();
    scene.run(&["secret", "create", "gitlab", &format!("--token={}", scene.token(Kind::Gitlab))]).good();
    let given = |option: &String| example.contains(option.split('=').next().unwrap());
    let more: Vec<String> = scene.options(kind).into_iter().filter(|option| !given(option)).collect();
    obey(scene, &format!("{example} {}", more.join(" ")))
}

/// With a terminal on which something is typed, where the example asks.
fn typed(scene: &Scene, example: &str) -> Ran {
    if example.contains("--ask") {
        obey(scene, &format!("echo typed | script -qefc '{example}' /dev/null"))
    } else {
        obey(scene, example)
    }
}
