//! What a person is told when a forge, or something before it, answers with something else. The table of each forge's answers is with
//! its provider; here some of them come all the way, and what is advised is done.

use crate::{
    exact::{assert_exact, assert_no_remains},
    scene::{KINDS, Kind, Scene},
    status::git,
};
use forgeport_forge::{Answer, Fault, On, Repository, Server, samples};
use serde_json::json;
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

/// An id that nothing has.
const NOTHING: &str = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

/// Paths of requests for the files of a commit: archives of the four kinds, and git's.
fn is_bulk(target: &str) -> bool {
    ["/tarball/", "/archive", "git-upload-pack", "legacy.tar.gz"].iter().any(|part| target.contains(part))
}

/// On a terminal, whoever updates a provider that is not built in is asked for consent to what it gets anew.
fn with_consent(kind: Kind, mut command: Vec<String>) -> Vec<String> {
    if matches!(kind, Kind::Bitbucket | Kind::Gitea) {
        command.push("--yes".to_owned());
    }
    command
}

fn bulk() -> On {
    On::any().when(|request| is_bulk(&request.path)).always()
}

/// Of its files one is missing in archives, and comes alone.
fn incomplete() -> Repository {
    let builder = Repository::build().file("README.md", "# Demo\n").file("left-out.txt", "1\n");
    builder.file(".gitattributes", "left-out.txt export-ignore\n").commit("Start").finish()
}

/// `error: ` and what follows; the command that it advises ends with the file of a new token.
fn advised_command(error: &str) -> Vec<String> {
    let command = error.split('`').find(|part| part.starts_with("forgeport ")).unwrap_or_else(|| panic!("{error}"));
    command.split(' ').skip(1).map(|word| word.replace("@FILE", "@token.txt")).collect()
}

#[test]
fn a_full_id_that_does_not_exist_is_said_not_to_whatever_comes_in_the_place_of_its_archive() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        scene.register(kind);
        scene.forge.fault(bulk(), Fault::answer(Answer::text(500, "Internal Server Error\n")));
        scene.forge.clear_requests();
        let error = scene.download(NOTHING, "out", &[]).bad();
        assert!(error.contains(NOTHING) && error.contains("does not exist"), "{kind:?}: {error}");
        assert!(!error.contains("try again later"), "{kind:?}: {error}");
        let archives = scene.forge.requests().iter().filter(|request| is_bulk(&request.target)).count();
        assert!(archives < 5, "{kind:?}: {archives} requests for an archive");
        assert_no_remains(&scene.path("."));
    }
}

#[test]
fn whoever_registers_is_told_of_a_wait_and_of_the_reason() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        let token = scene.token(kind);
        let body = json!({ "message": "Too many\u{1b}[2J requests" });
        let limited = Answer::json(429, &body).header("retry-after", "1");
        scene.forge.fault(On::any(), Fault::answer(limited));
        let ran = scene.try_register(kind, &[format!("--token={token}")]).good();
        let waits = "limits the rate of requests (429: Too many\\u{1b}[2J requests); trying again in 1.0 s";
        assert!(ran.stderr.contains(waits), "{kind:?}: {}", ran.stderr);
    }
}

#[test]
fn a_rate_limit_on_archives_and_files_tells_the_time_as_any_other_does() {
    let reset = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 7000;
    for path in ["/commits/", "/tarball/", "/git/trees/", "/git/blobs/"] {
        let scene = Scene::with(&incomplete());
        scene.register(Kind::Github);
        scene.forge.fault(On::any().path(path).always(), Fault::rate_limit(reset));
        let error = scene.download("main", "out", &[]).bad();
        assert!(error.contains("API rate limit exceeded for user ID 1."), "{path}: {error}");
        let seconds = error.split("try again in ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        assert!(seconds.is_some_and(|seconds| (6000..=7001).contains(&seconds)), "{path}: {error}");
        assert!(!scene.path("out").exists());
    }
}

#[test]
fn a_repository_that_was_blocked_is_said_to_be_with_reason_and_notice() {
    let block =
        json!({ "reason": "dmca", "created_at": "2019-05-27T11:21:33Z", "html_url": "https://forge.example/notice" });
    let body = json!({ "message": "Repository access blocked", "block": block });
    for status in [403, 451] {
        let scene = Scene::with(&samples::faithful());
        scene.register(Kind::Github);
        scene.forge.fault(On::any().path("/repos/").always(), Fault::answer(Answer::json(status, &body)));
        let error = scene.download("main", "out", &[]).bad();
        assert!(error.contains("blocked by the forge") && error.contains("dmca"), "{error}");
        assert!(error.contains("https://forge.example/notice") && error.contains("no token helps"), "{error}");
    }
}

#[test]
fn a_repository_that_became_private_is_had_again_with_the_command_that_is_advised() {
    for kind in KINDS {
        let repository = samples::faithful();
        let scene = Scene::with(&repository);
        scene.forge.remove("acme/demo");
        scene.forge.add("acme/demo", &repository);
        scene.try_register(kind, &[]).good();
        scene.forge.remove("acme/demo");
        scene.forge.add_private("acme/demo", &repository);
        for revision in ["main", &repository.commit()] {
            let error = scene.download(revision, "out", &[]).bad();
            assert!(error.contains("token") && !error.contains("refuses"), "{kind:?} {revision}: {error}");
            let command = advised_command(&error);
            assert_eq!(command, ["code-repository", "update", "demo", "--token=@token.txt"], "{error}");
        }
        let error = scene.download("main", "out", &[]).bad();
        fs::write(scene.path("token.txt"), scene.token(kind)).unwrap();
        scene.run(&with_consent(kind, advised_command(&error))).good();
        scene.download("main", "out", &[]).good();
        assert_exact(&scene.path("out"), &repository, "main", "");
    }
}

#[test]
fn a_repository_that_cannot_be_seen_any_more_is_not_said_to_lack_a_commit() {
    for kind in KINDS {
        let repository = samples::faithful();
        let scene = Scene::with(&repository);
        let token = scene.register(kind);
        git(&scene.path(""), &["clone", "-q", repository.path().to_str().unwrap(), "checkout"]);
        let remote = match kind {
            Kind::Github => scene.forge.github().web_url,
            Kind::Gitlab => scene.forge.gitlab().instance_url,
            Kind::Bitbucket => scene.forge.bitbucket().web_url,
            Kind::Gitea => scene.forge.gitea().instance_url,
        };
        git(&scene.path("checkout"), &["remote", "set-url", "origin", &format!("{remote}/acme/demo.git")]);
        let state = || scene.run(&["status", "checkout", "--fetch", "--output=json"]).good().json();
        assert_eq!(state()["code_repositories"][0]["pushed"]["state"], "pushed", "{kind:?}");
        scene.forge.revoke(&token);
        let told = state();
        assert!(told["code_repositories"].as_array().unwrap().is_empty(), "{kind:?}: {told}");
        let problem = told["problems"][0].as_str().unwrap();
        assert!(problem.contains("--token=@FILE"), "{kind:?}: {problem}");
    }
}

#[test]
fn a_renamed_repository_says_its_new_name_and_how_to_have_status_know_it() {
    for kind in [Kind::Github, Kind::Gitlab, Kind::Gitea] {
        let repository = samples::faithful();
        let scene = Scene::with(&repository);
        scene.forge.rename("acme/demo", "acme/renamed");
        let token = scene.token(kind);
        let ran = scene.try_register(kind, &[format!("--token={token}")]).good();
        assert!(ran.stderr.contains("has renamed acme/demo to acme/renamed"), "{kind:?}: {}", ran.stderr);
        scene.download("main", "out", &[]).good();
        git(&scene.path(""), &["init", "-q", "-b", "main", "checkout"]);
        let remote = match kind {
            Kind::Gitlab => scene.forge.gitlab().instance_url,
            Kind::Gitea => scene.forge.gitea().instance_url,
            _ => scene.forge.github().web_url,
        };
        git(&scene.path("checkout"), &["remote", "add", "origin", &format!("{remote}/acme/renamed.git")]);
        let updated = scene.run(&with_consent(kind, advised_command(&ran.stderr))).good();
        assert!(!updated.stderr.contains("calls acme"), "{kind:?}: {}", updated.stderr);
        let told = scene.run(&["status", "checkout", "--output=json"]).good().json();
        assert_eq!(told["code_repositories"][0]["name"], "demo", "{kind:?}: {told}");
    }
}

#[test]
fn a_name_that_differs_in_case_alone_is_no_new_name() {
    let scene = Scene::with(&samples::faithful());
    scene.forge.add_private("Acme/Demo", &samples::faithful());
    let token = scene.token(Kind::Github);
    let ran = scene.try_register(Kind::Github, &[format!("--token={token}")]).good();
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}

#[test]
fn an_archive_that_is_still_being_prepared_is_waited_for() {
    for headers in [&[][..], &[("retry-after", "1")]] {
        let repository = samples::faithful();
        let scene = Scene::with(&repository);
        scene.register(Kind::Github);
        let body = json!({ "message": "archive is being prepared" });
        let taken = headers.iter().fold(Answer::json(202, &body), |answer, (name, value)| answer.header(name, *value));
        scene.forge.fault(On::any().path("legacy.tar.gz").times(2), Fault::answer(taken));
        let ran = scene.download("main", "out", &[]).good();
        assert!(ran.stderr.contains("still preparing the answer (202: archive is being prepared)"), "{}", ran.stderr);
        assert_exact(&scene.path("out"), &repository, "main", "");
    }
}

#[test]
fn no_status_but_200_is_a_file() {
    let page = "<html><title>Inspected</title></html>";
    let archives = [203, 204, 206, 300, 304, 407, 511].map(|status| (status, "legacy.tar.gz"));
    let files = [203, 206].map(|status| (status, "/git/blobs/"));
    for (status, path) in archives.into_iter().chain(files) {
        let scene = Scene::with(&incomplete());
        scene.register(Kind::Github);
        let body = if matches!(status, 204 | 304) { "" } else { page };
        scene.forge.fault(On::any().path(path).always(), Fault::answer(Answer::html(status, body)));
        let error = scene.download("main", "out", &[]).bad();
        assert!(error.contains(&format!("({status}")), "{status} {path}: {error}");
        assert!(!scene.path("out").exists() && !error.contains("<html>"), "{status} {path}: {error}");
    }
}

#[test]
fn a_page_in_the_place_of_data_is_a_proxy_s_and_says_nothing_of_a_repository() {
    let page = "<!DOCTYPE HTML><html><head><title>404 Not Found</title></head><body>Apache</body></html>";
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        let token = scene.token(kind);
        scene.forge.fault(On::any().always(), Fault::answer(Answer::html(404, page)));
        let error = scene.try_register(kind, &[format!("--token={token}")]).bad();
        assert!(error.contains("a web page, \"404 Not Found\"") && error.contains("NO_PROXY"), "{kind:?}: {error}");
        assert!(!error.contains("does not exist") && !error.contains("token"), "{kind:?}: {error}");
        assert_eq!(error.contains("AllowEncodedSlashes NoDecode"), kind == Kind::Gitlab, "{error}");
    }
}

#[test]
fn a_directory_that_is_a_submodule_is_said_to_be_one() {
    for kind in KINDS {
        let scene = Scene::with(&samples::small());
        scene.register(kind);
        for directory in ["vendor/library", "vendor/library/src"] {
            let error = scene.download("main", "out", &[&format!("--subdirectory={directory}")]).bad();
            assert!(error.contains("submodule") && error.contains(".gitmodules"), "{kind:?} {directory}: {error}");
        }
        let error = scene.download("main", "out", &["--subdirectory=vendor/none"]).bad();
        assert!(error.contains("no directory `vendor/none`"), "{kind:?}: {error}");
    }
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_named_by_its_variable() {
    let scene = Scene::with(&samples::faithful());
    fs::write(scene.path("empty.pem"), "").unwrap();
    for (file, why) in [("empty.pem", "there is no certificate in it"), ("none.pem", "No such file")] {
        let mut arguments: Vec<String> = ["code-repository", "register", "demo"].map(str::to_owned).to_vec();
        arguments.extend(scene.options(Kind::Github));
        let output = scene.command(&arguments).env("FORGEPORT_CA_FILE", scene.path(file)).output().unwrap();
        let error = crate::scene::Ran::of(output).bad();
        assert!(error.contains("FORGEPORT_CA_FILE") && error.contains(why), "{error}");
    }
}

#[test]
fn a_wait_that_ends_a_call_is_no_reason_to_ask_another_server() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Gitlab);
    scene.forge.fault(On::server(Server::Gitlab).path("archive").always(), Fault::too_many_requests("7200"));
    scene.forge.clear_requests();
    let error = scene.download("main", "out", &["--force"]).bad();
    assert!(error.contains("(429: Retry later); try again in 7200 s (120 min)"), "{error}");
    assert!(scene.forge.requests().len() < 5);
}
