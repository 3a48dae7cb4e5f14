//! What an error or a help text advises works: every command in them is run here, as it stands there.
//!
//! The first test collects the commands from the sources and from all help texts, so that none can be added that is not in the table; the
//! second makes each error happen and does what it says.

use crate::scene::{Kind, Ran, Scene};
use forgeport_forge::samples;
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

mod collect;
mod examples;
mod explained;
mod on_answers;
mod on_git;

/// An advised command as it stands in the sources, and what makes a person see it.
struct Advice {
    text: &'static str,
    follow: fn(&Scene),
}

const ADVICE: &[Advice] = &[
    Advice { text: "forgeport code-repository update {name} {option}", follow: raise_a_limit_and_grant },
    Advice { text: "forgeport code-repository update {0}", follow: consent_again },
    Advice { text: "forgeport code-repository list", follow: ask_for_an_unknown_repository },
    Advice { text: "forgeport secret list", follow: name_an_unknown_secret },
    Advice { text: "forgeport secret create {name} --KEY=VALUE", follow: name_an_unknown_secret },
    Advice { text: "forgeport register --help", follow: list_nothing },
    Advice { text: "forgeport secret create --help", follow: list_nothing },
    Advice { text: "forgeport cache clear", follow: fill_the_disk },
    Advice { text: "chmod 600 {word}", follow: let_others_read_the_key },
    Advice { text: "chmod go-w {word}", follow: let_others_write_the_home },
    Advice { text: "ulimit -n {FILES}", follow: give_few_files },
    Advice { text: "ulimit -v {}", follow: give_little_memory },
    Advice { text: "--{name}=...", follow: leave_an_option_out },
    Advice { text: "--allow-private={origin}", follow: keep_to_public_addresses },
    Advice { text: "forgeport update {name}", follow: consent_again },
    Advice { text: "forgeport code-repository update {name} --unset={option}", follow: call_an_option_no_secret },
    Advice { text: "forgeport grants revoke {name} {}", follow: explained::revoke },
    Advice { text: "forgeport code-repository update {name} --grant={origin}", follow: explained::grant },
    Advice {
        text: "forgeport code-repository update {name} --allow-private={origin}",
        follow: explained::allow_private,
    },
    Advice { text: "forgeport code-repository update {name} --source=FILE.wasm", follow: explained::ask_for_more },
    Advice { text: "forgeport code-repository options --type={}", follow: explained::name_another_origin },
    Advice { text: "forgeport code-repository update {name} --OPTION=VALUE", follow: explained::name_another_origin },
    Advice { text: "git clone", follow: on_git::go_nowhere },
    Advice { text: "git fsck", follow: on_git::damage },
    Advice { text: "git config --global --add safe.directory {}", follow: on_git::look_at_anothers },
    Advice { text: "git status", follow: on_git::ask_git },
    Advice { text: "git config --list --show-origin", follow: on_git::misconfigure },
    Advice { text: "git replace --delete {}", follow: on_git::replace_a_commit },
    Advice { text: "forgeport status --fetch", follow: on_git::fetch_as_ci_does },
    Advice { text: "openssl rand -hex 32", follow: rotate_without_a_key },
    Advice { text: "forgeport code-repository update {name} --{option}=@FILE", follow: on_answers::give_a_token },
    Advice { text: "forgeport update {name}{options}", follow: on_answers::follow_a_new_name },
    Advice { text: "openssl pkcs7 -print_certs -in FILE -out ca.pem", follow: on_answers::name_certificates_in_pkcs7 },
];

#[test]
fn every_command_that_an_error_or_a_help_text_advises_is_run_by_a_test() {
    let known: BTreeSet<String> = ADVICE.iter().map(|advice| advice.text.to_owned()).collect();
    let found = collect::in_sources();
    let missing: Vec<_> = found.difference(&known).collect();
    assert!(missing.is_empty(), "advised, and tried by no test: {missing:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "in the table, and advised nowhere: {gone:#?}");
}

#[test]
fn what_an_error_advises_works() {
    for advice in ADVICE {
        (advice.follow)(&Scene::with(&samples::faithful()));
    }
}

/// The last command in an error that begins like this.
#[track_caller]
fn advised(error: &str, begins: &str) -> String {
    let quoted: Vec<&str> = error.split('`').skip(1).step_by(2).filter(|text| text.starts_with(begins)).collect();
    (*quoted.last().unwrap_or_else(|| panic!("no {begins:?} is advised: {error}"))).to_owned()
}

/// Does what is advised, in a shell.
fn obey(scene: &Scene, command: &str) -> Ran {
    let binary = PathBuf::from(scene.command(&[""; 0]).get_program());
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(scene.path("")).env_clear().env("PATH", path);
    shell.env("HOME", scene.path("")).env("FORGEPORT_HOME", scene.path("home"));
    Ran::of(shell.output().unwrap())
}

/// Does what is advised, and then what its error advises: forges for tests are on this machine, which needs a word of its own.
fn obey_and_allow(scene: &Scene, command: &str) -> Ran {
    let error = obey(scene, command).bad();
    obey(scene, &format!("{command} {}", advised(&error, "--allow-private")))
}

fn raise_a_limit_and_grant(scene: &Scene) {
    // Before it is registered, the option is for the command that is running.
    let mut limits = vec!["--limit=requests=1".to_owned(), format!("--token={}", scene.token(Kind::Github))];
    let error = scene.try_register(Kind::Github, &[&limits[..], &["--limit=call_bytes=10".to_owned()]].concat()).bad();
    limits.push(advised(&error, "--limit").replacen(' ', "=", 1));
    scene.try_register(Kind::Github, &limits);
    scene.register(Kind::Gitea);
    scene.run(&["grants", "revoke", "demo", &scene.forge.gitea().instance_url]).good();
    let error = scene.download("main", "out", &[]).bad();
    obey_and_allow(scene, &advised(&error, "forgeport code-repository update demo --grant=")).good();
    scene.run(&["code-repository", "delete", "demo"]).good();
    scene.register(Kind::Github);
    for limit in
        ["requests=1", "archive_entries=5", "archive_bytes=2KiB", "archive_names=50", "path_length=5", "memory=512KiB"]
    {
        scene.run(&["code-repository", "update", "demo", "--limit", limit]).good();
        let mut tries = 0..40;
        let downloaded = loop {
            let ran = scene.download("main", "out", &["--force"]);
            if ran.code == 0 || tries.next().is_none() {
                break ran;
            }
            let command = advised(&ran.bad(), "forgeport code-repository update demo --limit ");
            obey(scene, &command).good();
        };
        downloaded.good();
        scene.run(&["cache", "clear"]).good();
    }
}

fn leave_an_option_out(scene: &Scene) {
    let mut options = scene.options(Kind::Github);
    options.retain(|option| !option.starts_with("--owner"));
    let words = ["code-repository", "register", "demo"].map(str::to_owned);
    let all = [&words[..], &options, &[format!("--token={}", scene.token(Kind::Github))]].concat();
    let error = scene.run(&all).ended(2);
    scene.run(&[&all[..], &[advised(&error, "--").replace("...", "acme")]].concat()).good();
}

fn keep_to_public_addresses(scene: &Scene) {
    let mut options = scene.options(Kind::Github);
    options.retain(|option| option != "--allow-private");
    let words = ["code-repository", "register", "demo"].map(str::to_owned);
    let mut all = [&words[..], &options, &[format!("--token={}", scene.token(Kind::Github))]].concat();
    let error = scene.run(&all).bad();
    all.push(advised(&error, "--allow-private"));
    scene.run(&all).good();
}

fn call_an_option_no_secret(scene: &Scene) {
    scene.register(Kind::Github);
    scene.run(&["secret", "create", "s", "--host=x"]).good();
    // As an older provider would have left it, that called it a secret.
    let older = "0".repeat(64);
    scene.edit_store(&format!(
        "INSERT INTO component SELECT workspace, '{older}', settings FROM component;
         UPDATE code_repository SET provider_digest = '{older}';
         UPDATE code_repository_option SET plain = NULL, secret_name = 's', secret_key = 'host' WHERE name = 'host'",
    ));
    let error = scene.download("main", "out", &[]).bad();
    obey(scene, &advised(&error, "forgeport ")).good();
    scene.download("main", "out", &[]).good();
}

fn rotate_without_a_key(scene: &Scene) {
    let key = obey(scene, "openssl rand -hex 32").good().stdout;
    let with_key = |command: &str| obey(scene, &format!("export FORGEPORT_KEY={}; {command}", key.trim()));
    with_key("forgeport secret create s --token=x").good();
    let error = with_key("forgeport secret rotate-key").bad();
    let made = advised(&error, "openssl ");
    with_key(&format!("FORGEPORT_NEW_KEY=$({made}) forgeport secret rotate-key")).good();
}

fn consent_again(scene: &Scene) {
    scene.register(Kind::Github);
    // As an older Forgeport has left it.
    scene.edit_store("UPDATE code_repository SET access = NULL");
    let error = scene.download("main", "out", &[]).bad();
    let described = scene.run(&["code-repository", "describe", "demo"]).good().stdout;
    obey(scene, &advised(&described, "forgeport ")).good();
    scene.edit_store("UPDATE code_repository SET access = NULL");
    obey(scene, &advised(&error, "forgeport ")).good();
    scene.download("main", "out", &[]).good();
}

fn ask_for_an_unknown_repository(scene: &Scene) {
    let error = scene.run(&["code-repository", "describe", "nobody"]).bad();
    obey(scene, &advised(&error, "forgeport ")).good();
}

fn name_an_unknown_secret(scene: &Scene) {
    let error = scene.run(&["secret", "get", "nothing"]).bad();
    obey(scene, &advised(&error, "forgeport secret list")).good();
    let create = advised(&error, "forgeport secret create").replace("KEY", "token").replace("VALUE", "x");
    obey(scene, &create).good();
    scene.run(&["secret", "get", "nothing"]).good();
}

fn list_nothing(scene: &Scene) {
    for list in [["code-repository", "list"], ["secret", "list"]] {
        let told = scene.run(&list).good().stdout;
        assert!(obey(scene, &advised(&told, "forgeport ")).good().stdout.contains("Usage"), "{told}");
    }
}

fn let_others_read_the_key(scene: &Scene) {
    scene.run(&["secret", "create", "s", "--token=x"]).good();
    let keys = fs::read_dir(scene.path("home/data")).unwrap().map(|entry| entry.unwrap().path());
    for key in keys.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("key"))) {
        fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let error = scene.run(&["secret", "get", "s", "--reveal"]).bad();
    obey(scene, &advised(&error, "chmod ")).good();
    scene.run(&["secret", "get", "s", "--reveal"]).good();
}

fn let_others_write_the_home(scene: &Scene) {
    scene.run(&["secret", "create", "s", "--token=x"]).good();
    fs::set_permissions(scene.path("home/data"), fs::Permissions::from_mode(0o777)).unwrap();
    let error = scene.run(&["secret", "list"]).bad();
    obey(scene, &advised(&error, "chmod ")).good();
    scene.run(&["secret", "list"]).good();
}

fn give_few_files(scene: &Scene) {
    let error = obey(scene, "ulimit -S -n 20; forgeport secret list").bad();
    obey(scene, &format!("ulimit -S -n 20; {}; forgeport secret list", advised(&error, "ulimit "))).good();
}

fn give_little_memory(scene: &Scene) {
    let error = obey(scene, "ulimit -S -v 200000; forgeport secret list").bad();
    obey(scene, &format!("ulimit -S -v 200000; {}; forgeport secret list", advised(&error, "ulimit "))).good();
}

fn fill_the_disk(scene: &Scene) {
    scene.register(Kind::Github);
    scene.download("main", "out", &[]).good();
    let Some(_full) = crate::homes::on_a_full_disk(scene) else { return };
    let create = ["secret", "create", "t", "--key=value"];
    let error = scene.run(&create).bad();
    obey(scene, &advised(&error, "forgeport cache clear")).good();
    scene.run(&create).good();
}
