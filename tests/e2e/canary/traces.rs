//! What is left of a process that ended badly, and what shows a value on purpose.

use super::{
    failures::brings_files,
    needles::{self, Needles},
    stage::Stage,
};
use crate::scene::{KINDS, Kind, Ran, Scene};
use forgeport_forge::{Fault, Gate, On, samples};
use std::{
    fs,
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
    process::Command,
};

#[test]
fn neither_an_interrupted_nor_a_killed_download_shows_a_token() {
    let repository = samples::many_files(300);
    for kind in KINDS {
        let stage = Stage::new(kind, &needles::plain(36), "text", &repository);
        stage.register("demo", &format!("--token=@{}", stage.file("token")), "").good();
        for signal in ["INT", "TERM", "KILL", "ABRT", "QUIT"] {
            let gate = Gate::new();
            stage.scene.forge.fault(On::any().when(brings_files), Fault::StallAfter(2_000, gate.clone()));
            let download = ["code-repository", "download", "demo", "--commit=main", "--directory=out"];
            let child = stage.start(&download);
            assert!(gate.wait_until_reached(), "{kind:?}");
            send(signal, child.id());
            stage.heard(&download, child);
            gate.release();
            stage.scene.forge.clear_faults();
            stage.assert_silent_files();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_core_of_the_process_is_written_and_no_other_process_of_the_user_may_read_it() {
    let stage = Stage::new(Kind::Github, &needles::plain(36), "text", &samples::many_files(300));
    stage.register("demo", &format!("--token=@{}", stage.file("token")), "").good();
    let gate = Gate::new();
    stage.scene.forge.fault(On::any().when(brings_files), Fault::StallAfter(2_000, gate.clone()));
    let mut command = Command::new("sh");
    let forgeport = stage.scene.command(&["code-repository", "download", "demo", "--commit=main", "--directory=out"]);
    command.args(["-c", "ulimit -c $(ulimit -Hc); exec \"$0\" \"$@\""]).arg(forgeport.get_program());
    command
        .args(forgeport.get_args())
        .current_dir(stage.scene.path(""))
        .env("FORGEPORT_HOME", stage.scene.path("home"));
    let mut child = command.spawn().unwrap();
    assert!(gate.wait_until_reached());
    let process = std::path::PathBuf::from(format!("/proc/{}", child.id()));
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    let cores = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    // Of a process that cannot be dumped, and traced by root alone, everything belongs to root (proc(5)).
    assert_eq!(fs::metadata(process.join("environ")).unwrap().uid(), 0);
    send("ABRT", child.id());
    let status = child.wait().unwrap();
    assert!(status.signal() == Some(6) && !status.core_dumped(), "{status:?}");
    gate.release();
    stage.assert_silent_files();
}

fn send(signal: &str, to: u32) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &to.to_string()]).status().unwrap().success());
}

#[test]
fn a_credential_that_no_header_can_hold_is_not_shown_either() {
    for kind in KINDS {
        for odd in ["\u{e9}", "\n", "\u{1b}[31m", "\u{202e}"] {
            let random = format!("{}{odd}{}", needles::plain(20), needles::plain(20));
            let stage = Stage::new(kind, &random, "text", &samples::faithful());
            let ran = stage.register("demo", &format!("--token={}", stage.token), "");
            assert!(matches!(ran.code, 1 | 2), "{kind:?} {odd:?}: {}", ran.stderr);
            stage.run(&["secret", "create", "s", &format!("--token={}", stage.token)]).good();
            assert_ne!(stage.register("demo", "--token={{s.token}}", "").code, 0);
            stage.assert_silent_files();
        }
    }
}

#[test]
fn only_reveal_shows_a_value_and_only_on_standard_output() {
    let stage = Stage::new(Kind::Github, &needles::odd(36), "json", &samples::faithful());
    stage.run(&["secret", "create", "s", &format!("--token=@{}", stage.file("token"))]).good();
    let mut command = stage.scene.command(&["secret", "get", "s", "--reveal", "--verbose", "--output=json"]);
    let ran = Ran::of(command.env("RUST_LOG", "trace").output().unwrap()).good();
    assert_eq!(ran.json()["values"]["token"], stage.token);
    assert_eq!(stage.needles.find(ran.stderr.as_bytes()), None);
    stage.assert_silent_files();
}

#[test]
fn the_stores_key_in_the_environment_is_not_shown() {
    let scene = Scene::with(&samples::faithful());
    let key: String = (0..64).map(|_| fastrand::digit(16)).collect();
    let needles = Needles::of(&[("", &key)]);
    let token = scene.token(Kind::Github);
    let register = [
        vec!["code-repository".into(), "register".into(), "demo".into(), format!("--token={token}")],
        scene.options(Kind::Github),
    ]
    .concat();
    for key in [key.clone(), format!("{key}x"), key.chars().rev().collect()] {
        for arguments in [
            &register[..],
            &["secret", "create", "s", "--a=b"].map(str::to_owned),
            &["code-repository", "download", "demo", "--commit=main", "--directory=out"].map(str::to_owned),
        ] {
            let mut command = scene.command(&[arguments, &["--verbose".into()]].concat());
            let ran = Ran::of(command.env("FORGEPORT_KEY", &key).env("RUST_LOG", "trace").output().unwrap());
            for text in [ran.stdout, ran.stderr] {
                assert_eq!(needles.find(text.as_bytes()), None, "{text}");
            }
        }
    }
    assert!(needles.assert_silent_below(&scene.path("")) > 2);
}
