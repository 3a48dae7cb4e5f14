//! A checkout with the token in each place of git's configuration, and beside it, that may hold a URL or a credential.

use super::{
    needles::{self, percent_encoded},
    stage::Stage,
};
use crate::scene::Kind;
use forgeport_forge::samples;
use std::{fs, os::unix::fs::symlink, path::Path};

/// Settings (git-config(1), Git LFS' config(5)) where `URL` is one with the token, `TOKEN` the token itself.
const SETTINGS: &[&str] = &[
    "[remote \"origin\"]\nurl = URL",
    "[remote \"origin\"]\npushurl = URL",
    "[remote \"URL\"]\nurl = URL\nfetch = +refs/heads/*:refs/remotes/origin/*",
    "[remote \"URL\"]\nurl =",
    "[remote \"a\"]\nurl = TOKEN@h:x",
    "[remote \"a\"]\nurl = https://h/x?private_token=TOKEN",
    "[remote \"origin\"]\nfetch = URL:URL",
    "[remote \"origin\"]\nfetch = URL",
    "[remote \"origin\"]\npush = URL",
    "[remote \"origin\"]\nproxy = URL",
    "[remote \"origin\"]\nlfsurl = URL",
    "[remote \"origin\"]\npartialCloneFilter = URL",
    "[remote \"origin\"]\nvcs = URL",
    "[remote]\npushDefault = URL",
    "[remotes]\ngroup = URL",
    "[branch \"main\"]\nremote = URL",
    "[branch \"main\"]\nremote = URL\nmerge = URL",
    "[branch \"main\"]\npushRemote = URL",
    "[branch \"main\"]\ndescription = URL",
    "[branch \"URL\"]\nremote = origin\nmerge = refs/heads/main",
    "[url \"URL\"]\ninsteadOf = http:",
    "[url \"URL\"]\npushInsteadOf = http:",
    "[url \"https://h\"]\ninsteadOf = URL",
    "[submodule \"sub\"]\nurl = URL",
    "[submodule \"URL\"]\nactive = true",
    "[http]\nextraHeader = Authorization: Bearer TOKEN",
    "[http \"URL\"]\nextraHeader = Authorization: Basic TOKEN",
    "[http]\nproxy = URL",
    "[http]\ncookieFile = URL",
    "[credential]\nhelper = \"!echo password=TOKEN\"",
    "[credential \"URL\"]\nusername = TOKEN",
    "[core]\ngitProxy = URL",
    "[core]\nsshCommand = ssh TOKEN",
    "[core]\nbare = URL",
    "[core]\nfileMode = URL",
    "[core]\nautocrlf = URL",
    "[core]\nabbrev = URL",
    "[core]\nworktree = URL",
    "[core]\nworktree = TOKEN",
    "[core]\nrepositoryFormatVersion = URL",
    "[core]\nattributesFile = URL",
    "[core]\nexcludesFile = URL",
    "[core]\nlogAllRefUpdates = URL",
    "[lfs]\nurl = URL",
    "[lfs \"URL\"]\naccess = basic",
    "[bundle]\nuri = URL",
    "[bundle \"URL\"]\nuri = URL",
    "[fetch]\nbundleURI = URL",
    "[extensions]\npartialClone = URL",
    "[extensions]\nobjectFormat = URL",
    "[extensions]\nrefStorage = URL",
    "[extensions]\nURL = true",
    "[include]\npath = URL",
    "[includeIf \"gitdir:URL\"]\npath = URL",
    "[imap]\npass = TOKEN",
    "[sendemail]\nsmtpPass = TOKEN",
    "[protocol \"URL\"]\nallow = always",
    "[filter \"URL\"]\nclean = URL",
    "[URL",
    "[section \"URL",
    "URL = URL",
    "[a]\nURL",
    "[a]\nb = \"URL",
];

/// Files beside the configuration.
const FILES: &[(&str, &str)] = &[
    (".git/HEAD", "ref: URL"),
    (".git/HEAD", "URL"),
    (".git/HEAD", "ref: refs/heads/TOKEN@{1}"),
    (".git/FETCH_HEAD", "COMMIT\t\tbranch 'main' of URL"),
    (".git/MERGE_HEAD", "URL"),
    (".git/packed-refs", "# pack-refs with: peeled\nCOMMIT refs/remotes/URL\n"),
    (".git/packed-refs", "URL\n"),
    (".git/packed-refs", "COMMIT URL\n"),
    (".git/refs/heads/main", "ref: URL"),
    (".git/refs/remotes/origin/x", "ref: URL"),
    (".git/refs/remotes/origin/x", "URL"),
    (".git/index", "URL"),
    (".git/shallow", "URL"),
    (".git/commondir", "URL"),
    (".git/objects/info/alternates", "URL"),
    (".git/config.worktree", "[core]\nworktree = URL"),
    (".gitmodules", "[submodule \"sub\"]\npath = sub\nurl = URL"),
    (".lfsconfig", "[lfs]\nurl = URL"),
    (".gitattributes", "* filter=URL working-tree-encoding=URL"),
    (".gitattributes", "[attr]URL URL"),
    (".gitignore", "URL"),
];

/// A checkout like the stage's, with one thing changed.
fn look(stage: &Stage, number: usize, change: impl Fn(&Path)) {
    let checkout = stage.given().join(format!("changed-{number}"));
    copy(&stage.given().join("checkout"), &checkout);
    change(&checkout);
    stage.run(&["status", &checkout.display().to_string()]);
    fs::remove_dir_all(checkout).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Looks at a checkout with each of the settings, and tells how many there were.
fn try_settings(stage: &Stage, url: &str, commit: &str, wanted: impl Fn(&str) -> bool) -> usize {
    let settings = SETTINGS.iter().filter(|setting| wanted(setting));
    let tried = settings.enumerate().map(|(number, setting)| {
        look(stage, number, |checkout| {
            let config = checkout.join(".git/config");
            let old = fs::read_to_string(&config).unwrap();
            fs::write(&config, format!("{old}\n{}\n", filled(stage, setting, url, commit))).unwrap();
        });
    });
    tried.count()
}

fn try_files(stage: &Stage, url: &str, commit: &str) {
    for (number, (file, text)) in FILES.iter().enumerate() {
        look(stage, number, |checkout| {
            fs::create_dir_all(checkout.join(file).parent().unwrap()).unwrap();
            fs::write(checkout.join(file), filled(stage, text, url, commit)).unwrap();
        });
    }
}

fn filled(stage: &Stage, text: &str, url: &str, commit: &str) -> String {
    text.replace("URL", url).replace("TOKEN", &percent_encoded(&stage.token)).replace("COMMIT", commit)
}

const WITH_USER: &str = "https://ada:TOKEN@h/w";
/// Other ways to write a token into a URL, for the settings that say what a remote is.
const OTHERS: [&str; 2] = ["https://TOKEN@h/w", "http://h/w?token=TOKEN"];

fn stage(format: &'static str) -> (Stage, String) {
    let repository = samples::small();
    let stage = Stage::new(Kind::Github, &needles::plain(36), format, &repository);
    // So that the remotes are compared with one, and there are files to look through.
    stage.register("demo", &format!("--token=@{}", stage.file("token")), "").good();
    let commit = repository.commit().to_string();
    (stage, commit)
}

#[test]
fn no_setting_of_a_checkout_shows_a_token_in_text() {
    let (stage, commit) = stage("text");
    try_settings(&stage, WITH_USER, &commit, |_| true);
    stage.assert_silent_files();
}

#[test]
fn no_setting_of_a_checkout_shows_a_token_in_json() {
    let (stage, commit) = stage("json");
    try_settings(&stage, WITH_USER, &commit, |_| true);
    stage.assert_silent_files();
}

#[test]
fn no_way_to_write_a_token_into_a_remote_shows_it() {
    let (stage, commit) = stage("json");
    for url in OTHERS {
        let of_remotes =
            |setting: &str| ["[remote", "[branch", "[url"].iter().any(|section| setting.starts_with(section));
        assert!(try_settings(&stage, url, &commit, of_remotes) > 10);
    }
    stage.assert_silent_files();
}

#[test]
fn no_file_beside_the_settings_shows_a_token() {
    for format in ["text", "json"] {
        let (stage, commit) = stage(format);
        try_files(&stage, WITH_USER, &commit);
        stage.assert_silent_files();
    }
}
