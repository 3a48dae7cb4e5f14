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

fn look_everywhere(stage: &Stage, urls: &[&str], commit: &str) {
    let token = percent_encoded(&stage.token);
    for url in urls {
        let fill = |text: &str| text.replace("URL", url).replace("TOKEN", &token).replace("COMMIT", commit);
        for (number, setting) in SETTINGS.iter().enumerate() {
            look(stage, number, |checkout| {
                let config = checkout.join(".git/config");
                let old = fs::read_to_string(&config).unwrap();
                fs::write(&config, format!("{old}\n{}\n", fill(setting))).unwrap();
            });
        }
        for (number, (file, text)) in FILES.iter().enumerate() {
            look(stage, number, |checkout| {
                fs::create_dir_all(checkout.join(file).parent().unwrap()).unwrap();
                fs::write(checkout.join(file), fill(text)).unwrap();
            });
        }
    }
    stage.assert_silent_files();
}

#[test]
fn no_place_in_the_configuration_of_a_checkout_shows_a_token_in_text() {
    let repository = samples::small();
    let stage = Stage::new(Kind::Github, &needles::plain(36), "text", &repository);
    // So that a provider is asked about each of the remotes too.
    stage.register("demo", &format!("--token=@{}", stage.file("token")), "").good();
    look_everywhere(&stage, &["https://ada:TOKEN@h/w"], &repository.commit());
}

#[test]
fn no_place_in_the_configuration_of_a_checkout_shows_a_token_in_json() {
    let repository = samples::small();
    let stage = Stage::new(Kind::Github, &needles::plain(36), "json", &repository);
    // The store is opened, and its files are looked through.
    stage.run(&["secret", "create", "s", &format!("--token=@{}", stage.file("token"))]).good();
    let urls = ["https://ada:TOKEN@h/w", "https://TOKEN@h/w", "http://h/w?token=TOKEN"];
    look_everywhere(&stage, &urls, &repository.commit());
}
