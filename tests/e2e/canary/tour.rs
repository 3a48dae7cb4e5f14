//! Every command, with the token given in every way, and in wrong places.

use super::{needles, stage::Stage};
use crate::scene::Kind;
use forgeport_forge::samples;

/// Every command, with every way to give a token.
fn tour(stage: &Stage) {
    let ways = stage.ways();
    for (way, input) in &ways {
        stage.register("demo", way, input).good();
        let again = stage.register("demo", way, input);
        assert_eq!(again.code, 1, "the name is taken");
        stage.good("code-repository list");
        stage.good("code-repository describe demo");
        stage.listen(&["code-repository", "update", "demo", way, "--description=new", "--yes"], input).good();
        stage.good("code-repository update demo --rename=other");
        stage.good("code-repository update other --rename=demo");
        stage.good("code-repository download demo --commit=main --directory=out --force");
        stage.good("code-repository download demo --commit=main --directory=out --force");
        stage.good("code-repository download demo --commit=main --directory=part --force --subdirectory=src/package");
        stage.bad(&["code-repository", "download", "demo", "--commit=nope", "--directory=none"]);
        stage.bad(&["code-repository", "download", "demo", "--commit=main", "--directory=out"]);
        stage.run(&["status", &stage.file("checkout")]).good();
        stage.run(&["status", &stage.file("checkout"), "--fetch", "--no-untracked"]).good();
        stage.good("code-repository delete demo");
        secrets(stage, way, input);
    }
    stage.run(&["code-repository", "options", &stage.provider()]).good();
    for line in ["cache show", "cache clear", "completion bash", "--help", "--version"] {
        stage.good(line);
    }
    mistakes(stage);
    every_command_there_is(stage);
    stage.assert_silent_files();
}

fn secrets(stage: &Stage, way: &str, input: &str) {
    stage.listen(&["secret", "create", "s", way, "--user=ada"], input).good();
    stage.listen(&["secret", "update", "s", way, "--unset=user"], input).good();
    for line in ["secret list", "secret get s", "secret get s token", "secret rename s forge"] {
        stage.good(line);
    }
    stage.bad(&["secret", "get", "forge", "nope"]);
    assert_eq!(stage.listen(&["secret", "create", "forge", way], input).code, 1);
    stage.register("demo", "--token={{forge.token}}", "").good();
    stage.good("code-repository describe demo");
    stage.good("code-repository download demo --commit=main --directory=out --force");
    stage.bad(&["secret", "delete", "forge"]);
    stage.good("secret delete forge --force");
    stage.bad(&["code-repository", "download", "demo", "--commit=main", "--directory=none"]);
    stage.run(&["status", &stage.file("checkout")]).good();
    stage.run(&["secret", "create", "json", &format!("--values={}", stage.file("values.json"))]).good();
    stage.good("secret delete json");
    stage.good("code-repository delete demo");
}

/// The token where it does not belong.
fn mistakes(stage: &Stage) {
    let Stage { token, .. } = stage;
    let given = format!("--token={token}");
    let odd = |name: &str| format!("--{name}={token}");
    let provider = stage.provider();
    let register = ["code-repository", "register", "demo"];
    stage.bad(&[&register[..], &["--type=githb", &given]].concat());
    stage.bad(&[&register[..], &["--type=custom", &given]].concat());
    stage.bad(&[&register[..], &["--source=/no/such.wasm", &given]].concat());
    stage.bad(&[&register[..], &[&given]].concat());
    stage.bad(&[&register[..], &[&provider, &given, &given]].concat());
    stage.bad(&[&register[..], &[&provider, &odd("tokn"), "--yes"]].concat());
    stage.bad(&[&register[..], &[&provider, "--token", token, "--yes"]].concat());
    stage.bad(&[&register[..], &[&provider, &odd("yes")]].concat());
    stage.bad(&[&register[..], &[&provider, &format!("token={token}")]].concat());
    stage.bad(&[&register[..], &[&provider, &format!("-token={token}")]].concat());
    stage.bad(&[&register[..], &[&provider, "--token", &format!("--{token}")]].concat());
    stage.bad(&["code-repository", "regster", "demo", &provider, &given]);
    stage.bad(&["code-repository", "download", "demo", "--commit=main", "--directory=none", &given]);
    stage.bad(&["code-repository", "update", "nope", &given]);
    stage.bad(&["secret", "update", "nope", &given]);
    stage.bad(&["secret", "create", "s", "--token", &format!("--{token}")]);
    stage.bad(&["secret", "create", "s", "--token", &format!("-{token}")]);
    stage.bad(&[&register[..], &[&provider, "--token", &format!("-{token}")]].concat());
    stage.bad(&[&register[..], &[&provider, &odd("approve")]].concat());
    stage.bad(&[&["register", "demo"], &[&provider[..], "--token", &format!("--{token}")][..]].concat());
    stage.bad(&["secret", "create", "s", &given, &given]);
    stage.bad(&["secret", "create", "a name", &given]);
    stage.bad(&["secret", "create", "s", &odd("a key")]);
    stage.bad(&["secret", "create", "s", &given, "--ask=more"]);
    stage.bad(&["secret", "create", "s", &given, &format!("token={token}")]);
    for file in ["broken.json", "list.json"] {
        stage.bad(&["secret", "create", "s", &format!("--values={}", stage.file(file))]);
    }
    for reference in ["{{nope.token}}".to_owned(), format!("{{{{nope.token}}}}{token}"), token.repeat(2000)] {
        let ran = stage.register("demo", &format!("--token={reference}"), "");
        assert_ne!(ran.code, 0);
    }
}

/// The commands at the ends of the help's tree.
fn leaves(stage: &Stage, path: &[String], found: &mut Vec<Vec<String>>) {
    let help: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let text = stage.run(&help).good().stdout;
    let mut lines = text.lines().skip_while(|line| *line != "Commands:").skip(1).peekable();
    if lines.peek().is_none() {
        found.push(path.to_vec());
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        // A line that goes on is further in.
        let name =
            line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.split(' ').next());
        if let Some(name) = name.filter(|name| *name != "help") {
            leaves(stage, &[path, &[name.to_owned()]].concat(), found);
        }
    }
}

/// Also those that are not known here yet: without arguments, and with a name that most of them take.
fn every_command_there_is(stage: &Stage) {
    let mut found = Vec::new();
    leaves(stage, &[], &mut found);
    assert!(found.len() >= 17, "{found:?}");
    stage.register("demo", &format!("--token={}", stage.token), "").good();
    stage.run(&["secret", "create", "s", &format!("--token=@{}", stage.file("token"))]).good();
    for leaf in &found {
        let leaf: Vec<&str> = leaf.iter().map(String::as_str).collect();
        stage.run(&leaf);
        stage.run(&[&leaf[..], &["demo"]].concat());
    }
}

fn tours(kind: Kind) {
    let repository = samples::small();
    tour(&Stage::new(kind, &needles::plain(36), "text", &repository));
    tour(&Stage::new(kind, &needles::odd(36), "json", &repository));
}

#[test]
fn no_command_and_no_file_shows_a_token_of_github() {
    tours(Kind::Github);
}

#[test]
fn no_command_and_no_file_shows_a_token_of_gitlab() {
    tours(Kind::Gitlab);
}

#[test]
fn no_command_and_no_file_shows_a_token_of_bitbucket() {
    tours(Kind::Bitbucket);
}

#[test]
fn no_command_and_no_file_shows_a_token_of_gitea() {
    tours(Kind::Gitea);
}
