//! Forges that fail, and forges that tell back what they were told.

use super::{
    needles::{self, forms},
    stage::Stage,
};
use crate::scene::Kind;
use forgeport_forge::{Answer, Fault, On, Repository, Request, samples};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a forge may do wrong that never shows the token to it.
fn failures(stage: &Stage) -> Vec<(String, Fault)> {
    let tomorrow = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().saturating_add(Duration::from_secs(86_400));
    let elsewhere = stage.scene.forge.elsewhere();
    let circle = |request: &Request| Answer::redirect(302, &format!("{}{}", request.origin, request.path));
    let named = [
        ("401", Fault::Unauthorized),
        ("403", Fault::status(403)),
        ("rate limit", Fault::rate_limit(tomorrow.as_secs())),
        ("secondary rate limit", Fault::secondary_rate_limit(Some(86_400))),
        ("404", Fault::status(404)),
        ("429", Fault::too_many_requests("86400")),
        ("503", Fault::status(503)),
        ("close", Fault::Close),
        ("drop", Fault::DropAfter(5)),
        ("corrupt", Fault::Corrupt(1)),
        ("truncate", Fault::Truncate(5)),
        ("length", Fault::LengthOff(50)),
        ("login page", Fault::login_page()),
        ("elsewhere", Fault::redirect(302, &format!("{elsewhere}/echo"))),
        ("circle", Fault::instead(circle)),
    ];
    named.map(|(name, fault)| (name.to_owned(), fault)).into()
}

/// What a forge may say back of the token, in each form.
fn echoes(stage: &Stage) -> Vec<(String, Fault)> {
    let elsewhere = stage.scene.forge.elsewhere();
    let mut echoes = Vec::new();
    for (form, text) in forms(&stage.token) {
        let statuses = if text == stage.token { &[200, 401, 403, 404, 422][..] } else { &[200, 401] };
        for status in statuses {
            let echo = told_back(*status, &text);
            echoes.push((format!("{status} {form}"), Fault::instead(move |_| echo())));
        }
        if http_can_carry(&text) && form.contains("it is") {
            for location in [format!("{elsewhere}/{text}"), format!("{elsewhere}/?t={text}"), text] {
                echoes.push((format!("to {form}"), Fault::redirect(302, &location)));
            }
        }
    }
    let host = elsewhere.trim_start_matches("http://").to_owned();
    let letters: String = stage.token.chars().filter(char::is_ascii_alphanumeric).collect();
    for location in [format!("http://{letters}@{host}/"), format!("http://{letters}.example/"), format!("{letters}:x")]
    {
        echoes.push((format!("to {location}"), Fault::redirect(302, &location)));
    }
    echoes.push(("the whole request".into(), Fault::Echo));
    echoes.push(("the credential as a body".into(), Fault::instead(|request| Answer::text(200, &credential(request)))));
    let error = |request: &Request| {
        let credential = credential(request);
        Answer::text(200, &format!("{:04x}ERR {credential}", credential.len() + 8))
    };
    echoes.push(("an error of git".into(), Fault::instead(error)));
    echoes.sort_by(|(one, _), (other, _)| one.cmp(other));
    echoes
}

fn http_can_carry(value: &str) -> bool {
    value.bytes().all(|byte| (b' '..0x7f).contains(&byte))
}

fn credential(request: &Request) -> String {
    let values = ["authorization", "private-token"].iter().filter_map(|name| request.header(name));
    values.collect::<Vec<_>>().join(" ")
}

/// In whatever field a provider may read, and in headers.
fn told_back(status: u16, text: &str) -> impl Fn() -> Answer + Send + Sync + use<> {
    let body = serde_json::json!({
        "message": text, "error": text, "error_description": text, "errors": [{ "message": text }],
        "full_name": text, "path_with_namespace": text, "default_branch": text, "name": text, "login": text,
        "mainbranch": { "name": text }, "sha": text, "id": text, "hash": text, "commit": { "tree": { "sha": text } },
    });
    let text = text.to_owned();
    move || {
        let answer = Answer::json(status, &body);
        if http_can_carry(&text) {
            answer.header("x-echo", &text).header("www-authenticate", &text).header("x-ratelimit-reset", &text)
        } else {
            answer
        }
    }
}

/// The four commands that go to the forge, at the same time, as some of them wait before they try again.
fn call_the_forge(stage: &Stage, number: usize) {
    let given = format!("--token=@{}", stage.file("token"));
    let (name, directory) = (format!("new-{number}"), format!("--directory=out-{number}"));
    let checkout = stage.file("checkout");
    std::thread::scope(|scope| {
        scope.spawn(|| stage.register(&name, &given, ""));
        scope.spawn(|| stage.run(&["code-repository", "update", "demo", &given, "--yes"]));
        scope.spawn(|| stage.run(&["code-repository", "download", "demo", "--commit=main", &directory]));
        scope.spawn(|| stage.run(&["status", &checkout, "--fetch"]));
    });
}

/// Stages that play at the same time: some faults are tried again for seconds.
const STAGES: usize = 8;

fn fail_in_every_way(kind: Kind) {
    let repository = &samples::faithful();
    std::thread::scope(|scope| {
        for part in 0..STAGES {
            let (random, format) = match part % 2 {
                0 => (needles::plain(36), "json"),
                _ => (needles::odd(36), "text"),
            };
            scope.spawn(move || fail(&Stage::new(kind, &random, format, repository), part / 2, repository));
        }
    });
}

/// One of the parts of all faults.
fn fail(stage: &Stage, part: usize, repository: &Repository) {
    stage.register("demo", &format!("--token=@{}", stage.file("token")), "").good();
    let faults = [failures(stage), echoes(stage)].concat();
    let commit = format!("--commit={}", repository.commit());
    for (number, (_, fault)) in faults.into_iter().enumerate().filter(|(number, _)| number % (STAGES / 2) == part) {
        stage.scene.forge.fault(On::any().always(), fault.clone());
        call_the_forge(stage, number);
        stage.scene.forge.clear_faults();
        stage.scene.forge.fault(On::any().when(brings_files).always(), fault);
        let directory = format!("--directory=out-{number}");
        stage.run(&["code-repository", "download", "demo", &commit, &directory, "--force"]);
        stage.scene.forge.clear_faults();
    }
    stage.assert_silent_files();
}

pub fn brings_files(request: &Request) -> bool {
    ["tar.gz", "archive", "/get/", "git-upload-pack", "raw"].iter().any(|part| request.path.contains(part))
}

#[test]
fn no_failure_of_github_shows_a_token() {
    fail_in_every_way(Kind::Github);
}

#[test]
fn no_failure_of_gitlab_shows_a_token() {
    fail_in_every_way(Kind::Gitlab);
}

#[test]
fn no_failure_of_bitbucket_shows_a_token() {
    fail_in_every_way(Kind::Bitbucket);
}

#[test]
fn no_failure_of_gitea_shows_a_token() {
    fail_in_every_way(Kind::Gitea);
}
