//! Checkouts of strangers run no program, and no credential is reported.

use crate::support::{Place, add, git, set_old};
use forgeport_worktree::{ContextError, Fact, WorktreeChanges, WorktreeState};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Every setting that names a program which some command of git runs, with what has to be before the program (gitattributes(5),
/// git-config(1) of git 2.47).
const PROGRAMS: &[(&str, &str)] = &[
    ("filter.evil.clean", ""),
    ("filter.evil.smudge", ""),
    ("filter.evil.process", ""),
    ("diff.evil.textconv", ""),
    ("diff.evil.command", ""),
    ("diff.external", ""),
    ("merge.evil.driver", ""),
    ("core.fsmonitor", ""),
    ("core.sshCommand", ""),
    ("core.gitProxy", ""),
    ("core.askPass", ""),
    ("core.editor", ""),
    ("core.pager", ""),
    ("core.alternateRefsCommand", ""),
    ("sequence.editor", ""),
    ("interactive.diffFilter", ""),
    ("credential.helper", "!"),
    ("gpg.program", ""),
    ("gpg.ssh.defaultKeyCommand", ""),
    ("alias.ls-files", "!"),
    ("alias.config", "!"),
    ("uploadpack.packObjectsHook", ""),
    ("remote.origin.uploadpack", ""),
    ("remote.origin.receivepack", ""),
    ("remote.origin.url", "ext::"),
    ("submodule.sub.update", "!"),
    ("trailer.x.command", ""),
    ("trailer.x.cmd", ""),
    ("pager.config", ""),
    ("pager.ls-files", ""),
];
const HOOKS: &[&str] =
    &["fsmonitor-watchman", "post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction"];

/// A checkout whose configuration names a program in every place, with files that have to be converted; each run would leave a file.
fn armed(configure: impl Fn(&Place, &[String])) -> Place {
    let place = Place::new();
    let checkout = place.path("checkout");
    place.write(
        "checkout",
        ".gitattributes",
        "*.evil filter=evil diff=evil merge=evil\n*.wide working-tree-encoding=UTF-16\n",
    );
    place.write("checkout", "x.evil", "content\n");
    let wide: Vec<u8> = "\u{feff}wide\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(checkout.join("x.wide"), &wide).unwrap();
    place.commit("checkout");
    let program = place.path("program");
    fs::write(&program, format!("#!/bin/sh\ntouch {}\ncat\n", place.path("ran").display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for hook in HOOKS {
        fs::copy(&program, checkout.join(".git/hooks").join(hook)).unwrap();
    }
    let mut lines: Vec<String> =
        PROGRAMS.iter().map(|(key, before)| format!("{key}={before}{}", program.display())).collect();
    for more in [
        "protocol.ext.allow=always",
        "protocol.allow=always",
        "extensions.partialClone=origin",
        "remote.origin.promisor=true",
    ] {
        lines.push(more.to_owned());
    }
    lines.push(format!("core.hooksPath={}", checkout.join(".git/hooks").display()));
    configure(&place, &lines);
    // So that the metadata does not decide, and objects are missing that git would fetch.
    for (name, content) in [("x.evil", b"content\n".as_slice()), ("x.wide", &wide)] {
        fs::write(checkout.join(name), content).unwrap();
        set_old(&checkout.join(name));
    }
    // What the test itself did with git ran hooks.
    let _ = fs::remove_file(place.path("ran"));
    place
}

fn set(file: &Path, lines: &[String]) {
    for line in lines {
        let (key, value) = line.split_once('=').unwrap();
        git(file.parent().unwrap(), &["config", "--file", file.to_str().unwrap(), key, value]);
    }
}

#[track_caller]
fn assert_no_program_ran(place: &Place) {
    let context = place.inspect("checkout");
    assert!(!place.path("ran").exists());
    let changes = context.changes.unwrap();
    assert_eq!(changes, WorktreeChanges { not_compared: 1, ..WorktreeChanges::default() });
    assert_eq!((context.state(), changes.state()), (WorktreeState::Unknown, WorktreeState::Unknown));
    let found: Vec<_> = context.unknown.iter().filter(|unknown| unknown.fact == Fact::Modified).collect();
    assert!(found.len() == 1 && found[0].why.contains("`evil`"), "{found:?}");
    assert_eq!(serde_json::to_value(&context).unwrap()["changes"]["state"], "unknown");
}

#[test]
fn no_program_that_a_checkout_names_in_its_configuration_is_run() {
    assert_no_program_ran(&armed(|place, lines| set(&place.path("checkout/.git/config"), lines)));
}

#[test]
fn no_program_that_a_checkout_names_for_one_worktree_is_run() {
    assert_no_program_ran(&armed(|place, lines| {
        set(&place.path("checkout/.git/config"), &["extensions.worktreeConfig=true".into()]);
        let lines: Vec<_> = lines.iter().filter(|line| !line.starts_with("extensions.")).cloned().collect();
        set(&place.path("checkout/.git/config.worktree"), &lines);
    }));
}

#[test]
fn no_program_that_a_checkout_names_in_a_file_that_it_includes_is_run() {
    for include in [
        "[include]\npath = ../more",
        "[includeIf \"gitdir:**\"]\npath = ../more",
        "[includeIf \"onbranch:main\"]\npath = ../more",
    ] {
        assert_no_program_ran(&armed(|place, lines| {
            let lines: Vec<_> = lines.iter().filter(|line| !line.starts_with("extensions.")).cloned().collect();
            set(&place.path("checkout/more"), &lines);
            git(&place.path("checkout"), &["add", "more"]);
            git(&place.path("checkout"), &["commit", "-qm", "More"]);
            add(&place.path("checkout/.git/config"), include);
        }));
    }
}

#[test]
fn no_program_that_a_submodule_names_is_run() {
    let place = armed(|_, _| {});
    git(&place.path("origin"), &["-c", "protocol.file.allow=always", "fetch", "-q", "../checkout"]);
    git(&place.path("origin"), &["reset", "-q", "--hard", "FETCH_HEAD"]);
    git(place.0.path(), &["init", "-q", "-b", "main", "outer"]);
    git(&place.path("outer"), &["submodule", "--quiet", "add", &place.path("origin").to_string_lossy(), "sub"]);
    place.commit("outer");
    let filter = format!("filter.evil.clean={}", place.path("program").display());
    set(&place.path("outer/.git/modules/sub/config"), &[filter]);
    set_old(&place.path("outer/sub/x.evil"));
    let context = place.inspect("outer");
    assert_eq!(context.changes.unwrap(), WorktreeChanges { not_compared: 1, ..WorktreeChanges::default() });
    assert!(!place.path("ran").exists());
}

#[test]
fn a_file_that_needs_no_filter_is_compared_with_a_strange_filter_too() {
    let place = armed(|place, lines| set(&place.path("checkout/.git/config"), lines));
    place.write("checkout", "x.evil", "of another length\n");
    assert_eq!(place.changes(), WorktreeChanges { modified: 1, ..WorktreeChanges::default() });
    git(
        &place.path("checkout"),
        &["-c", "filter.evil.process=", "-c", "filter.evil.clean=cat", "checkout", "-q", "x.evil"],
    );
    assert_eq!(place.changes().modified, 0);
}

#[test]
fn an_encoding_is_undone_by_git_as_git_would() {
    let place = armed(|_, _| {});
    assert_eq!(place.changes(), WorktreeChanges::default());
    let wide: Vec<u8> = "\u{feff}WIDE\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(place.path("checkout/x.wide"), wide).unwrap();
    assert_eq!(place.changes(), WorktreeChanges { modified: 1, ..WorktreeChanges::default() });
}

const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

#[test]
fn a_branch_whose_remote_is_a_url_has_no_upstream_and_the_rest_is_reported() {
    let place = Place::new();
    let checkout = place.path("checkout");
    git(&checkout, &["checkout", "-q", "-b", "p"]);
    let origin = git(&checkout, &["config", "remote.origin.url"]);
    for remote in [
        &format!("https://x-access-token:{TOKEN}@github.com/fork/w.git"),
        "git@github.com:fork/w.git",
        origin.trim(),
        "none",
    ] {
        git(&checkout, &["config", "branch.p.remote", remote]);
        git(&checkout, &["config", "branch.p.merge", "refs/heads/main"]);
        assert_eq!(git(&checkout, &["status", "-sb"]), "## p\n", "git reports none either");
        let context = place.inspect("checkout");
        assert_eq!((context.upstream, context.unknown, context.remotes.len()), (None, Vec::new(), 1));
        assert_eq!(context.changes, Some(WorktreeChanges::default()));
    }
    git(&checkout, &["config", "branch.p.remote", "origin"]);
    assert_eq!(place.inspect("checkout").upstream.unwrap().name, "origin/main");
}

#[test]
fn unknown_remotes_and_upstreams_leave_the_rest_known() {
    for odd in [
        "[remote \"origin\"]\nfetch = :::",
        "[remote \"origin\"]\nfetch = +refs/heads/*:refs/remotes/*/x/*",
        "[branch \"main\"]\nmerge = \"refs/heads/..\"",
        "[branch \"main\"]\nmerge\nremote",
        "[remote \"https://x:ghp_0123456789abcdefghijklmnopqrstuvwxyz@h/w\"]\nurl = https://h/w",
        "[remote \"..\"]\nurl = https://h/w",
        "[remote]\npushDefault = https://x:ghp_0123456789abcdefghijklmnopqrstuvwxyz@h/w",
        "[url \"https://x:ghp_0123456789abcdefghijklmnopqrstuvwxyz@h/\"]\ninsteadOf = gh:",
    ] {
        let place = Place::new();
        add(&place.path("checkout/.git/config"), odd);
        let context = place.attempt("checkout").unwrap_or_else(|error| panic!("{odd}: {error}"));
        assert!(context.commit.is_some() && context.changes == Some(WorktreeChanges::default()), "{odd}");
        assert!(!format!("{context:?}").contains(TOKEN), "{context:?}");
    }
}

#[test]
fn damage_is_reported_only_for_what_is_damaged() {
    let damaged = |change: &dyn Fn(&Path)| {
        let place = Place::new();
        change(&place.path("checkout/.git"));
        let found = place.attempt("checkout");
        assert!(!format!("{found:?}").contains(TOKEN), "{found:?}");
        matches!(found, Err(ContextError::Damaged { .. }))
    };
    assert!(damaged(&|git| fs::write(git.join("index"), "DIRC broken").unwrap()));
    assert!(damaged(&|git| fs::write(git.join("refs/heads/main"), "0000").unwrap()));
    assert!(damaged(&|git| fs::write(git.join("refs/heads/main"), "1".repeat(40)).unwrap()));
    let token = format!("https://x:{TOKEN}@h/w");
    assert!(!damaged(&|git| add(&git.join("config"), &format!("[core]\nbare = {token}"))));
    assert!(!damaged(&|git| add(&git.join("config"), &format!("[core]\nrepositoryFormatVersion = {token}"))));
    assert!(!damaged(&|git| add(&git.join("config"), "[broken")));
    assert!(!damaged(&|git| add(&git.join("config"), &format!("[extensions]\nobjectFormat = {token}"))));
    assert!(!damaged(&|git| fs::remove_file(git.join("HEAD")).unwrap()));
}

#[test]
fn every_text_of_a_library_passes_the_one_mask() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let error = fs::read_to_string(path.with_file_name("error.rs")).unwrap();
        assert!(
            !error.contains("gix::Error,") && !error.contains(": String"),
            "an error has a text that is not `MaskedText`"
        );
        let asks = text.contains("error.source()");
        assert!(!asks || path.ends_with("mask.rs"), "{} takes an error's text by itself", path.display());
    }
}
