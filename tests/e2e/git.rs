//! Commits that come by git's own protocol, whole, damaged and hostile. Bitbucket's do always.

use crate::{
    exact::{assert_exact, assert_no_remains},
    scene::{Kind, Scene},
    status::git,
};
use forgeport_forge::{Answer, Fault, On, Repository, samples};
use std::{path::Path, process::Stdio};

const FETCH: &str = "git-upload-pack";

fn on_fetch() -> On {
    On::any().path(FETCH).when(|request| request.method == "POST")
}

fn scene(repository: &Repository) -> Scene {
    let scene = Scene::with(repository);
    scene.register(Kind::Bitbucket);
    scene
}

#[test]
fn what_breaks_or_is_damaged_on_its_way_is_fetched_again() {
    let repository = samples::small();
    for fault in [
        Fault::status(503),
        Fault::Close,
        Fault::DropAfter(300),
        Fault::Truncate(400),
        Fault::Corrupt(200),
        Fault::Corrupt(500),
    ] {
        let scene = scene(&repository);
        let shown = name(&fault);
        scene.forge.fault(on_fetch(), fault);
        let told = scene.download("main", "out", &[]).good().json();
        assert_exact(&scene.path("out"), &repository, "main", "");
        assert_eq!(told["verification"]["state"], "verified");
        assert_eq!(scene.bulk_requests(), 2, "{shown}");
        assert_no_remains(scene.path("out").parent().unwrap());
    }
}

fn name(fault: &Fault) -> String {
    match fault {
        Fault::DropAfter(at) => format!("dropped after {at}"),
        Fault::Truncate(at) => format!("truncated at {at}"),
        Fault::Corrupt(at) => format!("corrupt at {at}"),
        _ => "refused".to_owned(),
    }
}

#[test]
fn what_git_says_against_it_is_told() {
    let scene = scene(&samples::faithful());
    let error = "ERR upload-pack: not our ref\n";
    let answer = Answer::text(200, &format!("{:04x}{error}", error.len() + 4));
    scene.forge.fault(on_fetch().always(), Fault::answer(answer));
    assert!(scene.download("main", "out", &[]).bad().contains("not our ref"));
    scene.forge.clear_faults();
    scene.forge.fault(on_fetch().always(), Fault::login_page());
    let told = scene.download("main", "out", &[]).bad();
    assert!(told.contains("a sign-in page came in the place of the answer"), "{told}");
    assert!(!scene.path("out").exists());
}

#[test]
fn another_commits_pack_is_not_taken() {
    let (right, wrong) = (samples::faithful(), samples::five_megabytes());
    let (scene, other) = (scene(&right), scene(&wrong));
    let recorded = record(&other, &wrong);
    scene.forge.fault(on_fetch().always(), Fault::archive(recorded));
    assert!(scene.download("main", "out", &[]).bad().contains("the commit is not in it"));
    assert!(!scene.path("out").exists());
}

/// What git answers a fetch of the default branch with.
fn record(scene: &Scene, repository: &Repository) -> Vec<u8> {
    let lines = ["command=fetch\n".to_owned(), format!("want {}\n", repository.commit()), "done\n".to_owned()];
    let [command, want, done] = lines.map(|line| format!("{:04x}{line}", line.len() + 4));
    let question = scene.path("question");
    std::fs::write(&question, format!("{command}0001{want}{done}0000")).unwrap();
    let mut upload = std::process::Command::new("git");
    upload.args(["upload-pack", "--stateless-rpc", "."]).env("GIT_PROTOCOL", "version=2");
    upload.stdin(Stdio::from(std::fs::File::open(question).unwrap()));
    upload.current_dir(repository.path()).output().unwrap().stdout
}

#[test]
fn trees_that_no_honest_git_makes_are_refused() {
    let blob = "78981922613b2afb6025042ff6bd878ac1994e85";
    for (entries, why) in [
        (vec![("100644", "..")], "`.` or `..`"),
        (vec![("100644", ".git")], ".git"),
        (vec![("100644", "a/b")], "slash"),
        (vec![("100644", "a"), ("100644", "a")], "twice"),
        (vec![("120000", "link")], "leads out"),
    ] {
        let repository = samples::faithful();
        let scene = scene(&repository);
        let target = if why == "leads out" { "../../etc/passwd" } else { "a\n" };
        let id = hash(repository.path(), "blob", target.as_bytes());
        assert!(why == "leads out" || id == blob);
        let mut tree = Vec::new();
        for (mode, name) in entries {
            tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            tree.extend((0..20).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap()));
        }
        let tree = hash(repository.path(), "tree", &tree);
        let commit = git(repository.path(), &["commit-tree", "-m", "Hostile", &tree]);
        git(repository.path(), &["update-ref", "refs/heads/main", &commit]);
        let ran = scene.download(&commit, "out", &[]);
        let error = ran.bad();
        assert!(error.contains(why) || error.contains("rejected"), "{why}: {error}");
        assert!(!scene.path("out").exists());
        assert_no_remains(scene.path("out").parent().unwrap());
    }
}

/// Writes an object that git itself would not, and returns its id.
fn hash(repository: &Path, kind: &str, content: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, content).unwrap();
    git(repository, &["hash-object", "-w", "--literally", "-t", kind, &file.path().to_string_lossy()])
}
