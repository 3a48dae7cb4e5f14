//! A system that gives little: few files, little memory, a full disk to print on.

use crate::{
    exact::assert_no_remains,
    scene::{Kind, Ran, Scene},
};
use forgeport_forge::samples;
use std::{fs::OpenOptions, path::Path, process::Command};

/// Runs the binary with a limit of the shell's `ulimit`.
fn limited(scene: &Scene, limit: &str, arguments: &[&str]) -> Ran {
    let binary = scene.command(arguments);
    let mut command = Command::new("sh");
    // A limit that the program itself gets must not keep the shell from starting it.
    command.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]).arg(binary.get_program());
    command
        .args(binary.get_args())
        .env_clear()
        .envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(command.current_dir(scene.path("")).output().unwrap())
}

/// It ends well, or with one line that is no report of a defect.
#[track_caller]
fn assert_clear(ran: Ran, what: &str) {
    assert!(ran.code == 0 || ran.code == 1, "{what}: {} {}", ran.code, ran.stderr);
    if ran.code == 1 {
        let error = ran.ended(1);
        assert!(!error.contains("defect"), "{what}: {error}");
    }
}

const LIST: &[&str] = &["code-repository", "list"];
const DOWNLOAD: &[&str] = &["code-repository", "download", "demo", "--commit=main", "--directory=out", "--force"];

#[test]
fn few_files_or_little_memory_end_in_one_line_and_leave_nothing_behind() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    // Below nine the loader itself has none for its libraries.
    for files in (9..24).chain([32, 64, 127, 128, 200]) {
        for command in [LIST, DOWNLOAD] {
            assert_clear(limited(&scene, &format!("-n {files}"), command), &format!("{files} files, {command:?}"));
        }
    }
    for mebibytes in [100, 200, 400, 511, 512, 700, 1024, 2048, 4096, 8192] {
        for command in [LIST, DOWNLOAD] {
            let ran = limited(&scene, &format!("-v {}", mebibytes << 10), command);
            assert_clear(ran, &format!("{mebibytes} MiB, {command:?}"));
        }
    }
    assert_no_remains(&scene.path(""));
    let told = limited(&scene, "-n 20", LIST).bad();
    assert!(told.contains("`ulimit -n "), "{told}");
}

#[test]
fn what_cannot_be_printed_is_an_error() {
    let scene = Scene::with(&samples::faithful());
    for arguments in
        [&["--help"][..], &["--version"], &["code-repository", "register", "--help"], &["completions", "bash"]]
    {
        let full = OpenOptions::new().write(true).open(Path::new("/dev/full")).unwrap();
        let output = scene.command(arguments).stdout(full).output().unwrap();
        let error = Ran::of(output).bad();
        assert!(error.contains("No space left"), "{arguments:?}: {error}");
    }
}
