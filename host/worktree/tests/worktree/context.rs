//! The local context of checkouts that git itself made, compared with what git says.

use crate::support::{Place, SETTINGS, attempt, git, set_old};
use forgeport_worktree::{
    ContextError, Head, InspectOptions, LocalContext, Pushed, RemoteAddress, WorktreeChanges, WorktreeState, inspect,
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

fn pushed(context: &LocalContext) -> &Pushed {
    &context.remotes[0].pushed
}

#[test]
fn a_clean_clone_is_at_its_commit_on_its_branch_and_pushed() {
    let place = Place::new();
    let context = place.inspect("checkout/d/e");
    assert_eq!(context.root, place.path("checkout").canonicalize().unwrap());
    assert_eq!(context.subdirectory, "d/e");
    assert_eq!(context.commit.as_deref(), Some(git(&place.path("origin"), &["rev-parse", "HEAD"]).trim()));
    assert_eq!(context.head, Head::Branch { name: "main".into() });
    assert!(context.state() == WorktreeState::Clean && !context.bare && !context.shallow);
    let refs = vec!["origin/main".to_owned()];
    assert_eq!(*pushed(&context), Pushed::Pushed { refs });
    assert_eq!(place.inspect("checkout/d/b").subdirectory, "d");
}

#[test]
fn every_kind_of_change_is_counted_as_its_own() {
    let place = Place::new();
    let checkout = place.path("checkout");
    place.write("checkout", "a", "changed\n");
    fs::set_permissions(checkout.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(checkout.join("d/b")).unwrap();
    assert_eq!(place.changes(), WorktreeChanges { modified: 3, ..WorktreeChanges::default() });
    git(&checkout, &["add", "-A"]);
    assert_eq!(place.changes(), WorktreeChanges { staged: 3, ..WorktreeChanges::default() });
    place.write("checkout", "new", "");
    place.write("checkout", "folder/one", "");
    place.write("checkout", "folder/two", "");
    place.write("checkout", "noise.log", "");
    place.write("checkout", "build/out", "");
    assert_eq!(place.changes(), WorktreeChanges { staged: 3, untracked: Some(2), ..WorktreeChanges::default() });
    let without = inspect(&checkout, InspectOptions { untracked: false, ..SETTINGS }).unwrap();
    assert_eq!(without.changes.unwrap().untracked, Some(0));
}

#[test]
fn a_file_that_was_touched_and_not_changed_is_no_change() {
    let place = Place::new();
    for name in ["a", "d/b", "d/e/c"] {
        let content = fs::read(place.path("checkout").join(name)).unwrap();
        fs::write(place.path("checkout").join(name), content).unwrap();
    }
    assert_eq!(place.changes(), WorktreeChanges::default());
}

#[test]
fn a_change_of_the_same_length_in_the_same_second_is_seen() {
    let place = Place::new();
    for text in ["x\n", "y\n", "a\n", "z\n"] {
        place.write("checkout", "a", text);
        let modified = usize::from(text != "a\n");
        assert_eq!(place.changes().modified, modified, "{text}");
    }
}

#[test]
fn commits_that_were_not_pushed_and_those_that_are_behind_are_reported() {
    let place = Place::new();
    place.write("checkout", "a", "local\n");
    place.commit("checkout");
    let context = place.inspect("checkout");
    assert_eq!(*pushed(&context), Pushed::NotPushed);
    let distance = context.upstream.unwrap().distance.unwrap();
    assert_eq!((distance.ahead, distance.behind), (1, 0));
    git(&place.path("checkout"), &["reset", "-q", "--hard", "HEAD~1"]);
    place.write("origin", "a", "remote\n");
    place.commit("origin");
    git(&place.path("checkout"), &["fetch", "-q"]);
    let context = place.inspect("checkout");
    assert!(matches!(pushed(&context), Pushed::Pushed { .. }));
    let distance = context.upstream.unwrap().distance.unwrap();
    assert_eq!((distance.ahead, distance.behind), (0, 1));
    git(&place.path("checkout"), &["branch", "-q", "-m", "main", "other-name"]);
    assert_eq!(place.inspect("checkout").upstream.unwrap().name, "origin/main");
}

#[test]
fn detached_linked_shallow_bare_and_fresh_ones_have_a_clear_answer() {
    let place = Place::new();
    let checkout = place.path("checkout");
    git(&checkout, &["worktree", "add", "-q", "--detach", "../linked"]);
    let linked = place.inspect("linked");
    assert_eq!(
        (linked.head.clone(), linked.root.clone()),
        (Head::Detached, place.path("linked").canonicalize().unwrap())
    );
    assert!(matches!(pushed(&linked), Pushed::Pushed { .. }));
    place.write("origin", "a", "second\n");
    place.commit("origin");
    let url = format!("file://{}", place.path("origin").display());
    git(place.0.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    assert!(place.inspect("shallow").shallow);
    git(place.0.path(), &["clone", "-q", "--bare", "origin", "bare"]);
    let bare = place.inspect("bare");
    assert!(bare.bare && bare.changes.is_none() && bare.commit.is_some());
    git(place.0.path(), &["init", "-q", "-b", "trunk", "fresh"]);
    place.write("fresh", "new", "");
    let fresh = place.inspect("fresh");
    assert_eq!((fresh.commit, fresh.head), (None, Head::Branch { name: "trunk".into() }));
    assert_eq!(fresh.changes.unwrap().untracked, Some(1));
}

#[test]
fn what_is_no_checkout_is_an_error_that_says_so() {
    let place = Place::new();
    fs::create_dir(place.path("plain")).unwrap();
    let error = |name: &str| inspect(&place.path(name), SETTINGS).unwrap_err();
    assert!(matches!(error("plain"), ContextError::NotACheckout { .. }));
    assert!(matches!(error("missing"), ContextError::Missing { .. }));
    assert!(matches!(error("checkout/.git/refs"), ContextError::OutsideWorkTree { .. }));
}

#[test]
fn an_index_that_cannot_be_read_is_damage() {
    let place = Place::new();
    let checkout = place.path("checkout");
    let index = place.path("checkout/.git/index");
    fs::write(&index, &fs::read(&index).unwrap()[..100]).unwrap();
    let error = inspect(&checkout, SETTINGS).unwrap_err();
    assert!(matches!(error, ContextError::Damaged { .. }), "{error}");
}

#[test]
fn a_split_and_a_sparse_index_are_read_like_a_plain_one() {
    for arguments in
        [&["update-index", "--split-index"][..], &["sparse-checkout", "set", "--cone", "--sparse-index", "none"]]
    {
        let place = Place::new();
        let checkout = place.path("checkout");
        git(&checkout, arguments);
        assert_eq!(place.changes(), WorktreeChanges::default());
        place.write("checkout", "a", "changed\n");
        place.write("checkout", "d/e/new", "");
        place.write("checkout", "d/b", "changed\n");
        assert_eq!(place.changes(), as_git_counts(&checkout));
        assert!(place.changes().modified == 2 && place.changes().untracked == Some(1));
    }
}

#[test]
fn an_object_format_that_cannot_be_read_is_an_error_that_says_so() {
    let place = Place::new();
    for arguments in [&["--object-format=sha256"][..], &["--ref-format=reftable"]] {
        if !attempt(place.0.path(), &[&["init", "-q", "other"], arguments].concat()).status.success() {
            println!("skipped: this git does not know {arguments:?}");
            continue;
        }
        let error = inspect(&place.path("other"), SETTINGS).unwrap_err();
        assert!(matches!(error, ContextError::Unsupported { .. }), "{error}");
        fs::remove_dir_all(place.path("other")).unwrap();
    }
}

#[test]
fn a_submodule_at_another_commit_is_a_change() {
    let place = Place::new();
    let checkout = place.path("checkout");
    git(&checkout, &["submodule", "--quiet", "add", &place.path("origin").to_string_lossy(), "sub"]);
    place.commit("checkout");
    assert_eq!(place.changes(), WorktreeChanges::default());
    place.write("checkout/sub", "a", "changed\n");
    assert_eq!(place.changes(), WorktreeChanges { submodules: 1, ..WorktreeChanges::default() });
    place.commit("checkout/sub");
    assert_eq!(place.changes(), WorktreeChanges { submodules: 1, ..WorktreeChanges::default() });
}

#[test]
fn the_url_that_git_fetches_from_counts_and_no_password_is_reported() {
    let place = Place::new();
    let checkout = place.path("checkout");
    git(&checkout, &["config", "url.https://me:hunter2@forge.example/.insteadOf", "short:"]);
    git(&checkout, &["remote", "set-url", "origin", "short:acme/demo.git"]);
    let context = place.inspect("checkout");
    let RemoteAddress::Forge(url) = &context.remotes[0].address else { panic!("{:?}", context.remotes) };
    assert_eq!(url.to_string(), "https://forge.example/acme/demo");
    assert!(!format!("{context:?}{}", serde_json::to_string(&context).unwrap()).contains("hunter2"));
}

#[test]
fn what_was_fetched_without_a_configured_refspec_is_not_called_never_fetched() {
    let place = Place::new();
    let checkout = place.path("checkout");
    let origin = place.path("origin").display().to_string();
    git(place.0.path(), &["init", "-q", "ci"]);
    git(&place.path("ci"), &["remote", "add", "origin", &origin]);
    let id = git(&checkout, &["rev-parse", "HEAD"]);
    for name in ["refs/remotes/pull/42/merge", "refs/pipelines/7", "refs/tags/v1"] {
        git(&place.path("ci"), &["fetch", "-q", "origin", &format!("+{}:{name}", id.trim())]);
        git(&place.path("ci"), &["checkout", "-q", "--detach", name]);
        let context = place.inspect("ci");
        let Pushed::Unknown { why } = pushed(&context) else { panic!("{context:?}") };
        assert!(why.contains("`forgeport status --fetch`") && !why.contains("never"), "{why}");
    }
    git(&checkout, &["update-ref", "-d", "refs/remotes/origin/main"]);
    let context = place.inspect("checkout");
    assert!(matches!(pushed(&context), Pushed::Unknown { why } if why.contains("--fetch")), "{context:?}");
}

#[test]
fn a_linked_file_of_rules_is_not_followed() {
    let place = Place::new();
    let checkout = place.path("checkout");
    place.write("checkout", "ignore", "*.py\n");
    place.write("checkout", "attributes", "*.txt text\n");
    fs::write(checkout.join("windows.txt"), "a\r\n").unwrap();
    fs::remove_file(checkout.join(".gitignore")).unwrap();
    symlink("ignore", checkout.join(".gitignore")).unwrap();
    symlink("../ignore", checkout.join("d/.gitignore")).unwrap();
    place.commit("checkout");
    symlink("attributes", checkout.join(".gitattributes")).unwrap();
    place.commit("checkout");
    set_old(&checkout.join("windows.txt"));
    assert_eq!(place.changes(), WorktreeChanges::default());
    place.write("checkout", "new.py", "");
    place.write("checkout", "d/new.py", "");
    assert_eq!(place.changes(), WorktreeChanges { untracked: Some(2), ..WorktreeChanges::default() });
}

#[test]
fn a_replaced_commit_or_tree_is_never_clean_and_an_older_one_has_no_effect() {
    for (replaced, by, state) in [
        ("HEAD", "HEAD~1", WorktreeState::Unknown),
        ("HEAD^{tree}", "HEAD~1^{tree}", WorktreeState::Unknown),
        ("HEAD:d", "HEAD~1:d", WorktreeState::Unknown),
        ("HEAD:a", "HEAD~1:a", WorktreeState::Unknown),
        ("HEAD~1", "HEAD~2", WorktreeState::Clean),
    ] {
        let place = Place::new();
        for text in ["second\n", "third\n"] {
            place.write("checkout", "a", text);
            place.write("checkout", "d/b", text);
            place.commit("checkout");
        }
        git(&place.path("checkout"), &["replace", replaced, by]);
        let context = place.inspect("checkout");
        assert_eq!(context.state(), state, "{replaced}");
        let advised = context.unknown.first().map(|unknown| unknown.why.split('`').nth(1).unwrap().to_owned());
        if let Some(advised) = advised {
            git(&place.path("checkout"), &advised.split(' ').skip(1).collect::<Vec<_>>());
            assert_eq!(place.inspect("checkout").state(), WorktreeState::Clean, "{advised}");
        }
        place.write("checkout", "a", "dirty\n");
        assert_eq!(place.inspect("checkout").state(), WorktreeState::Dirty);
    }
}

/// Links are looked at as links, and the index before line ends are converted.
#[test]
fn links_and_old_line_ends_among_files_with_an_encoding_are_compared_as_git_does() {
    let place = Place::new();
    let checkout = place.path("checkout");
    place.write("checkout", "windows.txt", "a\r\nb\r\n");
    symlink("windows.txt", checkout.join("link.txt")).unwrap();
    place.commit("checkout");
    place.write("checkout", ".gitattributes", "*.txt text=auto working-tree-encoding=UTF-8\n");
    place.commit("checkout");
    set_old(&checkout.join("windows.txt"));
    fs::remove_file(checkout.join("link.txt")).unwrap();
    symlink("windows.txt", checkout.join("link.txt")).unwrap();
    assert_eq!(place.changes(), WorktreeChanges::default());
    assert_eq!(as_git_counts(&checkout), WorktreeChanges::default());
    fs::remove_file(checkout.join("link.txt")).unwrap();
    symlink("windows.TXT", checkout.join("link.txt")).unwrap();
    assert_eq!(place.changes(), WorktreeChanges { modified: 1, ..WorktreeChanges::default() });
}

/// Counts as `git status` would, from its machine-readable output (git-status(1), "Porcelain Format Version 2").
fn as_git_counts(checkout: &Path) -> WorktreeChanges {
    let mut changes = WorktreeChanges::default();
    let output = git(checkout, &["status", "--porcelain=v2", "-z", "--untracked-files=normal", "--no-renames"]);
    for line in output.split('\0') {
        let mut words = line.split(' ');
        match words.next() {
            Some("1") => {
                let kinds = words.next().unwrap().as_bytes();
                changes.staged += usize::from(kinds[0] != b'.');
                changes.modified += usize::from(kinds[1] != b'.');
            }
            Some("u") => changes.conflicted += 1,
            Some("?") => changes.untracked = changes.untracked.map(|count| count + 1),
            _ => {}
        }
    }
    changes
}

/// One of many small things that people do to a work tree.
fn disturb(place: &Place, random: &mut fastrand::Rng) {
    let checkout = place.path("checkout");
    let names = ["a", "d/b", "d/e/c", "run.sh", "new", "d/new", "folder/x", "folder/sub/y", "noise.log", "build/z"];
    let name = names[random.usize(..names.len())];
    let path = checkout.join(name);
    let parent = path.parent().unwrap();
    match random.u8(..14) {
        0 | 1 if !parent.is_file() && !path.is_dir() => {
            let _ = fs::create_dir_all(parent).and_then(|()| fs::remove_file(&path).or(Ok(())));
            let _ = fs::write(&path, format!("{}\n", random.u8(..4)));
        }
        2 => {
            let _ = fs::remove_file(&path);
        }
        3 if path.is_file() => {
            fs::set_permissions(&path, fs::Permissions::from_mode(if random.bool() { 0o755 } else { 0o644 })).unwrap()
        }
        4 => {
            let _ = fs::remove_file(&path).and_then(|()| symlink("a", &path));
        }
        5 => drop(git(&checkout, &["add", "-A", "--", "d"])),
        6 => drop(git(&checkout, &["add", "-A"])),
        7 => drop(git(&checkout, &["reset", "-q"])),
        8 if path.is_file() => {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            fs::write(path.join("inside"), "").unwrap();
        }
        9 if path.is_file() && !name.ends_with(['g', 'z']) => drop(git(&checkout, &["add", "--intent-to-add", name])),
        10 => drop(git(&checkout, &["commit", "-q", "--allow-empty", "-m", "Change"])),
        11 => drop(git(&checkout, &["update-index", "--index-version", if random.bool() { "4" } else { "2" }])),
        12 if path.is_file() => {
            let flag = ["--skip-worktree", "--no-skip-worktree", "--assume-unchanged", "--no-assume-unchanged"];
            drop(attempt(&checkout, &["update-index", flag[random.usize(..flag.len())], name]));
        }
        // It fails in the midst of a change of the same file, and often leaves a conflict.
        13 => drop(attempt(&checkout, &["merge", "-q", "--no-commit", "side"])),
        _ => {}
    }
}

#[test]
fn random_changes_are_counted_as_git_counts_them() {
    for seed in 0..20 {
        let place = Place::new();
        git(&place.path("checkout"), &["checkout", "-q", "-b", "side"]);
        place.write("checkout", "a", "side\n");
        place.write("checkout", "d/e/side", "side\n");
        fs::remove_file(place.path("checkout/run.sh")).unwrap();
        place.commit("checkout");
        git(&place.path("checkout"), &["checkout", "-q", "main"]);
        let mut random = fastrand::Rng::with_seed(seed);
        for step in 0..14 {
            disturb(&place, &mut random);
            let found = place.changes();
            let output = git(&place.path("checkout"), &["status", "--porcelain=v2"]);
            assert_eq!(found, as_git_counts(&place.path("checkout")), "seed {seed}, step {step}:\n{output}");
        }
    }
}
