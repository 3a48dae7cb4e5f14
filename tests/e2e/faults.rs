//! Forges and networks that fail.

use crate::{
    exact::{assert_exact, assert_no_remains},
    scene::{KINDS, Kind, Scene},
};
use forgeport_forge::{Fault, On, samples};
use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

/// The part of a target that only GitHub's archives have.
const ARCHIVE: &str = "legacy.tar.gz";

fn assert_recovers(fault: Fault, times: u32) {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    scene.forge.fault(On::any().path(ARCHIVE).times(times), fault);
    let told = scene.download("main", "out", &[]).good().json();
    assert_exact(&scene.path("out"), &repository, "main", "");
    assert_eq!(told["verification"]["state"], "verified");
    assert_eq!(scene.forge.archive_requests(), times as usize + 1);
}

#[test]
fn a_server_error_is_tried_again() {
    assert_recovers(Fault::status(503), 2);
}

#[test]
fn a_connection_that_drops_is_tried_again() {
    assert_recovers(Fault::DropAfter(200), 1);
    assert_recovers(Fault::Close, 1);
}

#[test]
fn a_short_or_damaged_archive_is_tried_again() {
    assert_recovers(Fault::Truncate(300), 1);
    assert_recovers(Fault::Corrupt(400), 1);
    assert_recovers(Fault::LengthOff(50), 1);
}

#[test]
fn damage_anywhere_in_an_archive_never_gets_to_the_disk() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    for position in (0..900).step_by(90) {
        scene.forge.fault(On::any().path(ARCHIVE), Fault::Corrupt(position));
        let ran = scene.download("main", "out", &["--force"]);
        if ran.code == 0 {
            assert_exact(&scene.path("out"), &repository, "main", "");
        }
        scene.forge.clear_faults();
        scene.run(&["cache", "clear"]).good();
    }
}

#[test]
fn a_forge_that_stays_out_of_order_ends_in_one_line_and_leaves_the_target_alone() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    fs::create_dir(scene.path("out")).unwrap();
    fs::write(scene.path("out/mine"), "mine").unwrap();
    scene.forge.fault(On::any().path(ARCHIVE).always(), Fault::status(502));
    let error = scene.download("main", "out", &["--force"]).bad();
    assert!(error.contains("502"), "{error}");
    assert_eq!(fs::read_to_string(scene.path("out/mine")).unwrap(), "mine");
    assert_no_remains(scene.path("out").parent().unwrap());
}

#[test]
fn a_rate_limit_is_waited_out_and_said() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.forge.fault(On::any().path(ARCHIVE), Fault::too_many_requests("1"));
    let ran = scene.download("main", "out", &[]).good();
    assert!(ran.stderr.contains("limits the rate") && ran.stderr.contains("1.0 s"), "{}", ran.stderr);
}

#[test]
fn a_rate_limit_beyond_the_deadline_is_an_error_that_tells_how_long() {
    for kind in KINDS {
        let scene = Scene::with(&samples::faithful());
        let token = scene.token(kind);
        scene.forge.fault(On::any().always(), Fault::too_many_requests("7200"));
        let error = scene.try_register(kind, &[format!("--token={token}")]).bad();
        assert!(error.contains("7200"), "{kind:?}: {error}");
        assert!(scene.names().is_empty());
    }
}

#[test]
fn a_login_page_instead_of_an_archive_is_a_clear_error() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.forge.fault(On::any().path(ARCHIVE).always(), Fault::login_page());
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains("a sign-in page came in the place of the answer"), "{error}");
}

#[test]
fn a_redirect_to_an_origin_that_was_not_granted_is_refused() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    let elsewhere = scene.forge.elsewhere();
    scene.forge.clear_requests();
    scene.forge.fault(On::any().path("tarball").always(), Fault::redirect(302, &format!("{elsewhere}/x.tar.gz")));
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains(&elsewhere) && error.contains("refused"), "{error}");
    assert!(error.contains(&format!("{} redirects elsewhere", scene.forge.github().api_url)), "{error}");
    assert!(scene.forge.requests().iter().all(|request| request.server != forgeport_forge::Server::Elsewhere));
}

#[test]
fn another_commits_archive_is_not_taken() {
    let (right, wrong) = (samples::faithful(), samples::five_megabytes());
    let scene = Scene::with(&right);
    scene.register(Kind::Github);
    let mut git = std::process::Command::new("git");
    git.args(["archive", "--format=tar.gz", "--prefix=acme-demo/", "main"]).current_dir(wrong.path());
    let archive = git.output().unwrap().stdout;
    scene.forge.fault(On::any().path(ARCHIVE).always(), Fault::archive(archive));
    let error = scene.download("main", "out", &[]).bad();
    assert!(error.contains(&wrong.commit()) && error.contains(&right.commit()), "{error}");
    assert!(!scene.path("out").exists());
}

#[test]
fn a_killed_download_leaves_the_target_as_it_was_and_the_next_one_cleans_up() {
    let repository = samples::five_megabytes();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let gate = forgeport_forge::Gate::default();
    scene.forge.fault(On::any().path(ARCHIVE), Fault::StallAfter(1_000_000, gate.clone()));
    let mut command = scene.command(&["code-repository", "download", "demo", "--commit=main", "--directory=out"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    assert!(gate.wait_until_reached());
    child.kill().unwrap();
    child.wait().unwrap();
    gate.release();
    assert!(!scene.path("out").exists());
    scene.download("main", "out", &[]).good();
    assert_exact(&scene.path("out"), &repository, "main", "");
    assert_no_remains(scene.path("out").parent().unwrap());
}

#[test]
fn whoever_closes_standard_error_is_not_told_and_the_exit_code_stays() {
    let scene = Scene::with(&samples::faithful());
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut failing = scene.command(&["code-repository", "describe", "nobody"]);
    assert_eq!(failing.stderr(full()).status().unwrap().code(), Some(1));
}

/// `audit` in JSON: how those requests ended whose path has this in it.
fn outcomes(scene: &Scene, path: &str) -> Vec<String> {
    let entries = scene.run(&["audit", "--output=json"]).good().json();
    let of_path = |entry: &&serde_json::Value| entry["path"].as_str().is_some_and(|of| of.contains(path));
    entries.as_array().unwrap().iter().filter(of_path).map(|entry| entry["outcome"].as_str().unwrap().into()).collect()
}

/// The call that tells the link has a time of its own, and not what the download left of its session's.
#[test]
fn the_link_to_a_commit_is_told_however_long_its_files_took() {
    const CALL: Duration = Duration::from_secs(3);
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.run(&["code-repository", "update", "demo", "--limit=call_time=3s"]).good();
    let gate = forgeport_forge::Gate::default();
    scene.forge.fault(On::any().path(ARCHIVE), Fault::StallAfter(100, gate.clone()));
    let begun = Instant::now();
    let told = std::thread::scope(|scope| {
        let downloading = scope.spawn(|| scene.download("main", "out", &[]).good().json());
        assert!(gate.wait_until_reached());
        // It is the time itself that has to pass.
        std::thread::sleep(CALL.saturating_sub(begun.elapsed()));
        gate.release();
        downloading.join().unwrap()
    });
    assert!(begun.elapsed() >= CALL && told["url"].as_str().is_some_and(|url| url.contains("/commit/")), "{told}");
    let kept = scene.download("main", "again", &[]).good().json();
    assert_eq!((&kept["cached"], &kept["url"]), (&true.into(), &told["url"]));
}

#[test]
fn a_request_that_was_on_its_way_when_its_process_was_killed_is_in_the_audit_log() {
    let scene = Scene::with(&samples::five_megabytes());
    scene.register(Kind::Github);
    for round in 1..=2 {
        let gate = forgeport_forge::Gate::default();
        scene.forge.fault(On::any().path(ARCHIVE), Fault::StallAfter(1_000_000, gate.clone()));
        let mut command = scene.command(&["code-repository", "download", "demo", "--commit=main", "--directory=out"]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        assert!(gate.wait_until_reached());
        // While it is on its way it is told as well.
        assert_eq!(outcomes(&scene, ARCHIVE), vec!["in-flight"; round]);
        child.kill().unwrap();
        child.wait().unwrap();
        gate.release();
        assert_eq!(outcomes(&scene, ARCHIVE), vec!["in-flight"; round]);
    }
    scene.download("main", "out", &[]).good();
    assert_eq!(outcomes(&scene, ARCHIVE), ["in-flight", "in-flight", "answered"]);
    assert_eq!(fs::read_dir(scene.path("home/data/requests")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_put_into_the_audit_log_is_kept_until_it_can() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    let log = scene.path("home/data/audit.db");
    let aside = scene.path("aside");
    fs::rename(&log, &aside).unwrap();
    fs::write(&log, "this is not SQLite. ".repeat(500)).unwrap();
    let ran = scene.download("main", "out", &[]).good();
    assert!(ran.stderr.contains("not in the audit log yet"), "{}", ran.stderr);
    assert!(scene.run(&["audit"]).bad().contains("audit.db"));
    fs::rename(&aside, &log).unwrap();
    assert_eq!(outcomes(&scene, ARCHIVE), ["answered"]);
    scene.download("main", "two", &["--subdirectory=bin"]).good();
    assert_eq!(outcomes(&scene, ARCHIVE), ["answered", "answered"]);
    assert_eq!(fs::read_dir(scene.path("home/data/requests")).unwrap().count(), 0);
}

#[test]
fn a_kept_download_in_whose_place_is_a_pipe_is_downloaded_anew() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    scene.download("main", "one", &[]).good();
    for folder in ["content", "index"] {
        let kept = fs::read_dir(scene.path("home/cache/downloads/local").join(folder))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        fs::remove_file(&kept).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&kept).status().unwrap().success());
        let name = format!("after-{folder}");
        assert_eq!(scene.download("main", &name, &[]).good().json()["cached"], false);
        assert_exact(&scene.path(&name), &repository, "main", "");
    }
}
