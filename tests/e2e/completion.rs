//! What archives leave out or alter, in numbers: how many requests it costs, and what is asked for again after a failure.

use crate::{
    exact::{assert_exact, assert_no_remains},
    scene::{Kind, Scene},
};
use forgeport_forge::{Answer, Fault, Logged, On, Repository, samples};
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Those whose archives are made by `git archive`, and that can give what is missing in more than one way.
const KINDS: [Kind; 3] = [Kind::Github, Kind::Gitlab, Kind::Gitea];

/// A library whose tests are not for those who use it.
fn library(tests: usize) -> Repository {
    let mut builder = Repository::build().file("src/library.php", "<?php\n").file("README.md", "# Library\n");
    for n in 0..tests {
        builder = builder.file(format!("tests/part{}/Test{n}.php", n % 7), format!("<?php // {n}\n"));
    }
    builder.file(".gitattributes", "/tests export-ignore\n").commit("Start").finish()
}

fn is_git(request: &Logged) -> bool {
    request.target.contains("/info/refs") || request.target.ends_with("/git-upload-pack")
}

fn introductions(scene: &Scene) -> usize {
    scene.forge.requests().iter().filter(|request| request.target.contains("/info/refs")).count()
}

#[test]
fn thousands_of_files_that_an_archive_leaves_out_cost_a_handful_of_requests() {
    let repository = library(1500);
    for kind in KINDS {
        let scene = Scene::with(&repository);
        scene.register(kind);
        scene.forge.clear_requests();
        let told = scene.download("main", "out", &[]).good().json();
        assert_exact(&scene.path("out"), &repository, "main", "");
        assert_eq!(told["verification"]["state"], "verified", "{kind:?}");
        let requests = scene.forge.requests();
        assert!(requests.len() <= 9, "{kind:?}: {} requests", requests.len());
        assert_eq!(requests.iter().filter(|request| is_git(request)).count(), 3, "{kind:?}");
        assert!(requests.iter().all(|request| request.status.is_some_and(|status| status < 400)), "{kind:?}");
        assert_no_remains(scene.path("out").parent().unwrap());
    }
}

#[test]
fn they_come_without_a_token_where_anybody_may_have_them_and_from_a_subdirectory() {
    let repository = library(200);
    for kind in KINDS {
        let scene = Scene::with(&repository);
        scene.forge.add("acme/demo", &repository);
        scene.try_register(kind, &[]).good();
        scene.forge.clear_requests();
        scene.download(&repository.commit(), "out", &["--subdirectory=tests/part3"]).good();
        assert_exact(&scene.path("out"), &repository, "main", "tests/part3");
        let requests = scene.forge.requests();
        assert!(requests.len() <= 9, "{kind:?}: {} requests", requests.len());
        assert!(requests.iter().all(|request| !request.has_credential()), "{kind:?}");
    }
}

#[test]
fn a_few_files_come_one_by_one() {
    let repository = library(2);
    for kind in KINDS {
        let scene = Scene::with(&repository);
        scene.register(kind);
        scene.download("main", "out", &[]).good();
        assert_exact(&scene.path("out"), &repository, "main", "");
        assert_eq!(scene.forge.requests().iter().filter(|request| is_git(request)).count(), 0, "{kind:?}");
    }
}

#[test]
fn objects_with_long_names_come_by_git_too() {
    let mut builder = Repository::build().file(".gitattributes", "/tests export-ignore\n");
    for n in 0..40 {
        builder = builder.file(format!("tests/{n}"), format!("{n}\n"));
    }
    let repository = builder.commit("Start").sha256().finish();
    let scene = Scene::with(&repository);
    scene.register(Kind::Gitea);
    let told = scene.download("main", "out", &[]).good().json();
    assert_exact(&scene.path("out"), &repository, "main", "");
    assert_eq!(told["verification"]["state"], "verified");
    assert_eq!(scene.forge.requests().iter().filter(|request| is_git(request)).count(), 3);
}

#[test]
fn a_submodule_is_an_empty_directory_wherever_it_comes_from() {
    let repository = Repository::build()
        .submodule("tests/library", "https://forge.example/a/b.git", samples::SUBMODULE_COMMIT)
        .file("tests/one", "1\n")
        .file("tests/two", "2\n")
        .file("tests/three", "3\n")
        .file("tests/four", "4\n")
        .file(".gitattributes", "/tests export-ignore\n")
        .commit("Start")
        .finish();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    for name in ["by-git", "from-cache"] {
        scene.download(&repository.commit(), name, &[]).good();
        assert!(scene.path(name).join("tests/library").is_dir(), "{name}");
        assert_exact(&scene.path(name), &repository, "main", "");
    }
    assert_eq!(introductions(&scene), 1);
}

/// The lines of git's protocol.
fn lines(texts: &[&str]) -> String {
    texts
        .iter()
        .map(|text| if text.is_empty() { "0000".into() } else { format!("{:04x}{text}\n", text.len() + 5) })
        .collect()
}

#[test]
fn where_git_is_not_to_be_had_the_files_come_one_by_one() {
    let repository = library(12);
    let old = format!("{} HEAD\0multi_ack thin-pack shallow filter", repository.commit());
    let introduced = || On::any().path("/info/refs").always();
    let asked = || On::any().path("/git-upload-pack").when(|request| request.method == "POST").always();
    let text = |text: &str| Fault::answer(Answer::text(200, text));
    let cases: [(&str, On, Fault); 10] = [
        ("not there", introduced(), Fault::status(404)),
        ("not allowed", introduced(), Fault::status(403)),
        ("the credential is not for git", introduced(), Fault::Unauthorized),
        ("a page for people", introduced(), Fault::login_page()),
        ("the first version", introduced(), text(&lines(&["# service=git-upload-pack", "", &old, ""]))),
        ("no filter", introduced(), text(&lines(&["version 2", "ls-refs", "fetch=shallow", ""]))),
        ("refused in its own words", introduced(), text(&lines(&["ERR no git here"]))),
        ("refuses what is asked", asked(), text(&lines(&["ERR upload-pack: not our ref"]))),
        ("a page for an answer", asked(), Fault::login_page()),
        ("not allowed to ask", asked(), Fault::status(403)),
    ];
    for (name, on, fault) in cases {
        let scene = Scene::with(&repository);
        scene.register(Kind::Github);
        scene.forge.fault(on, fault);
        let told = scene.download("main", "out", &[]).good().json();
        assert_exact(&scene.path("out"), &repository, "main", "");
        assert_eq!(told["verification"]["state"], "verified", "{name}");
        assert_eq!(introductions(&scene), 1, "{name}");
    }
}

#[test]
fn a_redirect_of_git_to_another_origin_is_not_followed_and_gets_no_credential() {
    let repository = library(12);
    for (path, status) in [("/info/refs", 302), ("/git-upload-pack", 307)] {
        let scene = Scene::with(&repository);
        scene.register(Kind::Github);
        let elsewhere = format!("{}{path}", scene.forge.elsewhere());
        let on = On::any().path(path).when(move |request| request.path.ends_with(path)).always();
        scene.forge.fault(on, Fault::redirect(status, &elsewhere));
        scene.download("main", "out", &[]).good();
        assert_exact(&scene.path("out"), &repository, "main", "");
        let there =
            scene.forge.requests().into_iter().filter(|request| request.server == forgeport_forge::Server::Elsewhere);
        assert_eq!(there.count(), 0, "{path}");
    }
}

#[test]
fn git_is_asked_with_a_password_at_the_path_of_the_one_repository() {
    let repository = library(40);
    for (kind, user) in [(Kind::Github, "x-access-token"), (Kind::Gitlab, "oauth2"), (Kind::Gitea, "token")] {
        let scene = Scene::with(&repository);
        let token = scene.register(kind);
        scene.download("main", "out", &[]).good();
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let password = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{token}")));
        let requests = scene.forge.requests();
        let git: Vec<_> = requests.iter().filter(|request| is_git(request)).collect();
        assert_eq!(git.len(), 3);
        for request in git {
            assert_eq!(request.header("authorization"), Some(password.as_str()), "{kind:?}");
            assert!(request.target.starts_with("/acme/demo.git/"), "{}", request.target);
        }
        // Whatever else the provider would send there is refused: the method is for one path alone.
        let url = match kind {
            Kind::Github => format!("{}/repos/acme/demo/issues", scene.forge.github().api_url),
            Kind::Gitlab => format!("{}/api/v4/projects/acme%2Fdemo/issues", scene.forge.gitlab().instance_url),
            _ => format!("{}/api/v1/repos/acme/demo/issues", scene.forge.gitea().instance_url),
        };
        let explained = scene.run(&["--output=json", "grants", "explain", "demo", "POST", &url]).json();
        assert_eq!(explained["allowed"], false, "{kind:?}: {explained}");
    }
}

#[test]
fn git_is_found_below_a_path_and_in_a_group_of_a_group() {
    let repository = library(40);
    let scene = Scene::with(&repository);
    scene.forge.add_private("acme/tools/demo", &repository);
    let under = scene.forge.gitlab_under_path().instance_url;
    let token = scene.token(Kind::Gitlab);
    let arguments = [
        "code-repository".to_owned(),
        "register".to_owned(),
        "demo".to_owned(),
        "--type=gitlab".to_owned(),
        "--group=/acme/tools/".to_owned(),
        "--project=demo".to_owned(),
        format!("--instance_url={under}/"),
        format!("--token={token}"),
        "--allow-private".to_owned(),
    ];
    scene.run(&arguments).good();
    scene.download("main", "out", &[]).good();
    assert_exact(&scene.path("out"), &repository, "main", "");
    let git = scene.forge.requests().into_iter().filter(is_git);
    assert_eq!(git.inspect(|request| assert!(request.target.starts_with("/gitlab/acme/tools/demo.git/"))).count(), 3);
}

#[test]
fn what_git_brings_damaged_or_cut_is_fetched_again_and_what_is_wrong_is_refused() {
    let repository = library(60);
    let asked = |n| On::any().path("/git-upload-pack").when(|request| request.method == "POST").after(n);
    for n in [0, 1] {
        for fault in
            [Fault::status(503), Fault::Close, Fault::DropAfter(200), Fault::Truncate(150), Fault::Corrupt(120)]
        {
            let scene = Scene::with(&repository);
            scene.register(Kind::Github);
            scene.forge.fault(asked(n), fault);
            let told = scene.download("main", "out", &[]).good().json();
            assert_exact(&scene.path("out"), &repository, "main", "");
            assert_eq!(told["verification"]["state"], "verified");
            let blobs = scene.forge.requests().into_iter().filter(|request| request.target.contains("/git/blobs/"));
            assert_eq!(blobs.count(), 0);
        }
    }
    // The pack of other objects, with a right checksum.
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let wrong = [lines(&["packfile"]).into_bytes(), b"0025\x01".to_vec(), empty_pack(), b"0000".to_vec()].concat();
    scene.forge.fault(asked(1).always(), Fault::archive(wrong));
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains("its content is not in it"), "{error}");
    assert!(!scene.path("out").exists());
    assert_no_remains(scene.path("out").parent().unwrap());
}

/// A pack of no objects, and its checksum.
fn empty_pack() -> Vec<u8> {
    let sum = "029d08823bd8a8eab510ad6ac75c823cfd3ed31e";
    let sum = (0..20).map(|at| u8::from_str_radix(&sum[2 * at..2 * at + 2], 16).unwrap());
    b"PACK\0\0\0\x02\0\0\0\0".iter().copied().chain(sum).collect()
}

fn in_an_hour() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.saturating_add(Duration::from_secs(3600)).as_secs()
}

/// The files that were asked for one by one, and given.
fn given(scene: &Scene) -> Vec<String> {
    let requests = scene.forge.requests().into_iter();
    let files = requests.filter(|request| request.target.contains("/git/blobs/") && request.status == Some(200));
    files.map(|request| request.target).collect()
}

#[test]
fn a_rate_limit_throws_nothing_away_and_no_file_is_asked_for_twice() {
    let repository = library(130);
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let (mut seen, mut tries) = (BTreeSet::new(), 0);
    loop {
        scene.forge.clear_faults();
        scene.forge.clear_requests();
        scene.forge.fault(On::any().path("/info/refs").always(), Fault::status(404));
        scene.forge.fault(On::any().path("/git/blobs/").after(50).always(), Fault::rate_limit(in_an_hour()));
        let ran = scene.download("main", "out", &[]);
        tries += 1;
        let given = given(&scene);
        assert!(given.iter().all(|file| seen.insert(file.clone())), "try {tries} asked again for what had come");
        assert_eq!(scene.forge.archive_requests(), usize::from(tries == 1), "try {tries}");
        if ran.code == 0 {
            break;
        }
        assert_eq!(given.len(), 50, "try {tries}");
        let error = ran.bad();
        assert!(error.contains("rate limit"), "{error}");
        assert!(!scene.path("out").exists());
        assert_no_remains(scene.path("out").parent().unwrap());
    }
    assert_eq!((tries, seen.len()), (3, 130));
    assert_exact(&scene.path("out"), &repository, "main", "");
    let kept = scene.run(&["cache", "show", "--output=json"]).good().json();
    assert_eq!(kept["entries"], 1, "what was for the next try is gone with it: {kept}");
}

#[test]
fn what_git_brought_before_a_rate_limit_is_kept_too_and_cleared_with_the_cache() {
    let repository = library(60);
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let asked = On::any().path("/git-upload-pack").when(|request| request.method == "POST").after(1).always();
    scene.forge.fault(asked, Fault::too_many_requests("3600"));
    scene.download("main", "out", &[]).bad();
    let kept = |scene: &Scene| scene.run(&["cache", "show", "--output=json"]).good().json();
    assert_eq!(kept(&scene)["entries"], 1);
    scene.forge.clear_faults();
    scene.forge.clear_requests();
    scene.download("main", "out", &[]).good();
    assert_exact(&scene.path("out"), &repository, "main", "");
    assert_eq!(scene.forge.archive_requests(), 0, "the archive had come");

    let other = Scene::with(&repository);
    other.register(Kind::Github);
    other.forge.fault(On::any().path("/git-upload-pack").always(), Fault::too_many_requests("3600"));
    other.download("main", "out", &[]).bad();
    other.run(&["cache", "clear"]).good();
    assert_eq!(kept(&other)["bytes"], 0);
    other.forge.clear_faults();
    other.forge.clear_requests();
    other.download("main", "out", &[]).good();
    assert_eq!(other.forge.archive_requests(), 1);
}

#[test]
fn what_is_kept_of_a_try_is_judged_with_the_rest_and_spoils_no_more_than_one_more() {
    let repository = library(60);
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    scene.forge.fault(On::any().path("/git-upload-pack").always(), Fault::too_many_requests("3600"));
    scene.download("main", "out", &[]).bad();
    scene.forge.clear_faults();
    // Somebody with the user's rights alters it: the archive in it is plain.
    let content = scene.path("home").join("cache/downloads/local/content");
    let kept = std::fs::read_dir(content).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "partial")).unwrap();
    let mut bytes = std::fs::read(&kept).unwrap();
    let at = bytes.windows(9).position(|window| window == b"# Library").unwrap();
    bytes[at] = b'%';
    std::fs::write(&kept, bytes).unwrap();
    scene.download("main", "out", &[]).good();
    assert_exact(&scene.path("out"), &repository, "main", "");
}
