//! Downloads to where people and containers want their code, by the command itself.

use crate::{
    exact::{assert_exact, assert_no_remains, in_git, on_disk},
    scene::{Kind, Ran, Scene},
};
use forgeport_forge::{Repository, samples};
use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A user that nothing else here belongs to.
const SOMEBODY: u32 = 1234;
/// Downloads that are interrupted.
const INTERRUPTS: u32 = 40;

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// A shell in `directory`, for which `forgeport` is the command.
fn shell(scene: &Scene, directory: &Path, script: &str) -> Ran {
    let command = scene.command(&["x"]);
    let program = command.get_program().to_owned();
    // One that takes more than a digit for a file.
    let mut sh = Command::new("bash");
    sh.args(["-c", &format!("forgeport() {{ '{}' \"$@\"; }}\n{script}", program.to_string_lossy())]);
    sh.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(sh.stdin(Stdio::null()).current_dir(directory).output().unwrap())
}

#[test]
fn the_shell_that_downloads_into_its_own_directory_stands_in_the_files() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let here = scene.path("here");
    fs::create_dir(&here).unwrap();
    let inode = fs::metadata(&here).unwrap().ino();
    let download = "forgeport code-repository download demo --commit=main --directory=.";
    let ran = shell(&scene, &here, &format!("{download} && ls -A && cat README.md && cd .. && cd here")).good();
    let listed: Vec<&str> = ran.stdout.lines().collect();
    assert!(listed.contains(&"README.md"), "{}", ran.stdout);
    assert!(ran.stdout.contains("filled in place"), "{}", ran.stdout);
    assert_exact(&here, &repository, "main", "");
    let ran = shell(&scene, &here, &format!("{download} --force && cat README.md"));
    assert!(ran.good().stdout.contains("in place"));
    assert_exact(&here, &repository, "main", "");
    assert_eq!(fs::metadata(&here).unwrap().ino(), inode);
    let error = shell(&scene, &here, download).bad();
    assert!(error.contains("not empty") && error.contains("--force"), "{error}");
    assert_no_remains(here.parent().unwrap());
}

#[test]
fn a_receipt_tells_which_guarantee_held() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let told = scene.download("main", "new", &[]).good().json();
    assert_eq!(told["arrival"], serde_json::json!({ "guarantee": "one-step" }));
    fs::create_dir_all(scene.path("there/lost+found")).unwrap();
    let told = scene.download("main", "there", &[]).good().json();
    let marked = serde_json::json!({
        "guarantee": "marked", "kept_until_complete": true, "stays": ["lost+found"], "left": null,
    });
    assert_eq!(told["arrival"], marked);
    let download = ["code-repository", "download", "demo", "--commit=main", "--directory=there", "--force"];
    let text = scene.run(&download).good().stdout;
    assert!(text.contains("marked as unfinished until it was complete; this stays in it: lost+found"), "{text}");
}

#[test]
fn a_user_fills_a_directory_of_their_own_below_one_that_is_not() {
    if !is_root() {
        eprintln!("skipped: it needs root");
        return;
    }
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let (parent, app) = (scene.path("parent"), scene.path("parent/app"));
    fs::create_dir_all(&app).unwrap();
    // The way to it, and the home, are open to them; the parent is not to be written to.
    fs::set_permissions(scene.path(""), Permissions::from_mode(0o755)).unwrap();
    chown(&app, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let home = scene.path("home");
    let given = Command::new("chown").arg("-R").arg(format!("{SOMEBODY}:{SOMEBODY}")).arg(&home).status().unwrap();
    assert!(given.success());
    let copy = scene.path("forgeport");
    fs::copy(env!("CARGO_BIN_EXE_forgeport"), &copy).unwrap();
    for force in [None, Some("--force")] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=1234", "--regid=1234", "--clear-groups"]).arg(&copy);
        command.args(["code-repository", "download", "demo", "--commit=main", "--directory=parent/app"]).args(force);
        let template = scene.command(&["x"]);
        command.env_clear().envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran = Ran::of(command.current_dir(scene.path("")).output().unwrap()).good();
        assert!(ran.stdout.contains("in place"), "{}", ran.stdout);
        assert_exact(&app, &repository, "main", "");
        assert_eq!(fs::metadata(app.join("README.md")).unwrap().uid(), SOMEBODY);
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    }
}

#[test]
fn a_directory_that_was_filled_in_part_is_no_checkout_and_the_same_commit_finishes_it() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let commit = repository.commit();
    let (out, mark) = (scene.path("out"), scene.path("out/.forgeport-unfinished"));
    fs::create_dir_all(out.join("src")).unwrap();
    fs::write(mark, format!("{{\"commit\":\"{commit}\",\"subdirectory\":\"\"}}")).unwrap();
    fs::write(out.join("half"), "").unwrap();
    // Of a checkout that it lies in, as of any other.
    fs::create_dir(scene.path(".git")).unwrap();
    for path in ["out", "out/src", "out/half"] {
        let error = scene.run(&["status", path]).bad();
        assert!(error.contains("only a part") && error.contains(&format!("--commit={commit}")), "{error}");
    }
    fs::remove_dir(scene.path(".git")).unwrap();
    for other in ["--subdirectory=src", "--subdirectory=."] {
        let ran = scene.download("main", "out", &[other]);
        match other {
            "--subdirectory=." => drop(ran.good()),
            _ => {
                let error = ran.bad();
                assert!(error.contains(&format!("--commit={commit}")) && error.contains("--force"), "{error}");
                assert!(out.join("half").exists());
            }
        }
    }
    assert_exact(&out, &repository, "main", "");
    assert!(scene.run(&["status", "out"]).bad().contains("not in a git checkout"));
}

/// Some of everything, and small.
fn repository() -> Repository {
    let mut builder = Repository::build();
    for number in 0..200 {
        builder = builder.file(format!("part-{number}/file.txt"), format!("{number}\n").repeat(number));
    }
    builder.executable("run.sh", "#!/bin/sh\n").symlink("link", "part-0").commit("One").finish()
}

/// Interrupts a command at moments spread over the time that it takes, and has each judged: `check` is told the exit code and what was
/// said. Moments near its end are the ones that count.
fn interrupt_at_moments(mut prepare: impl FnMut(), command: impl Fn() -> Command, check: impl Fn(i32, &str)) {
    prepare();
    let start = Instant::now();
    assert!(command().output().unwrap().status.success());
    let typical = start.elapsed();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for number in 0..INTERRUPTS {
        prepare();
        let moment = Instant::now();
        let child = command().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let after = typical.mul_f64((f64::from(number) + random.f64()) / f64::from(INTERRUPTS));
        std::thread::sleep(after.saturating_sub(moment.elapsed()).max(Duration::from_millis(1)));
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        assert!(sent.is_ok());
        let ran = child.wait_with_output().unwrap();
        // Before it has begun to listen it just ends, and has done nothing.
        check(ran.status.code().unwrap_or(-1), &String::from_utf8_lossy(&ran.stderr));
    }
}

/// Interrupted, a download says what is true: nothing was changed, or it is complete.
fn assert_honest(force: bool, cached: bool) {
    let repository = repository();
    let right = in_git(&repository, "main", "");
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let commit = repository.commit();
    scene.download(&commit, "first", &[]).good();
    let out = scene.path("out");
    let prepare = || {
        if !cached {
            scene.run(&["cache", "clear"]).good();
        }
        let _ = fs::remove_dir_all(&out);
        if force {
            fs::create_dir(&out).unwrap();
            fs::write(out.join("mine"), "mine").unwrap();
        }
    };
    let commit = format!("--commit={commit}");
    let mut arguments = vec!["code-repository", "download", "demo", &commit, "--directory=out"];
    arguments.extend(force.then_some("--force"));
    let check = |code: i32, said: &str| {
        let untouched =
            if force { out.exists() && on_disk(&out).len() == 1 && out.join("mine").exists() } else { !out.exists() };
        let whole = out.exists() && on_disk(&out) == right;
        match code {
            0 => assert!(whole, "{said}"),
            1 => assert!(untouched && said.contains("interrupted; no changes were made"), "{said}"),
            // The signal came before anything was begun.
            -1 => assert!(untouched, "{said}"),
            other => panic!("{other}: {said}"),
        }
        assert_no_remains(out.parent().unwrap());
        let kept = fs::read_dir(scene.path("home/cache/downloads/local/content")).into_iter().flatten();
        let names: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(names.iter().all(|name| name.ends_with(".download")), "{names:?}");
    };
    interrupt_at_moments(prepare, || scene.command(&arguments), check);
}

#[test]
fn an_interrupted_download_of_a_kept_commit_over_something_says_what_is_true() {
    assert_honest(true, true);
}

#[test]
fn an_interrupted_download_of_a_kept_commit_says_what_is_true() {
    assert_honest(false, true);
}

#[test]
fn an_interrupted_download_that_fills_the_cache_says_what_is_true_and_leaves_nothing() {
    assert_honest(true, false);
}

#[test]
fn an_interrupt_is_heard_where_a_person_is_asked_on_a_terminal() {
    let scene = Scene::with(&samples::faithful());
    let mut words: Vec<String> = ["code-repository", "register", "demo"].map(str::to_owned).to_vec();
    words.extend(scene.options(Kind::Gitea).into_iter().filter(|option| option != "--yes"));
    words.push(format!("--token={}", scene.token(Kind::Gitea)));
    let command = scene.command(&words);
    let line: Vec<String> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    // script(1) gives it a terminal.
    let mut script = Command::new("script");
    script.args(["-qefc", &format!("exec {}", line.join(" ")), "/dev/null"]).current_dir(scene.path(""));
    script.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(mut child) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        eprintln!("skipped: script(1) is not here");
        return;
    };
    let (mut typed, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut told, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = shown.read(&mut buffer).unwrap();
        told.extend_from_slice(&buffer[..length]);
        assert!(length > 0, "{}", String::from_utf8_lossy(&told));
        if String::from_utf8_lossy(&told).contains("[y/N]") {
            break;
        }
    }
    // What the key for an interrupt sends.
    typed.write_all(b"\x03").unwrap();
    shown.read_to_end(&mut told).unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("interrupted; no changes were made"), "{told}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(scene.names().is_empty());
}

/// The script that leaves a process so many of the files that it has to be able to open.
fn leaving(free: u32) -> String {
    let taken = (10..135 - free).map(|number| format!("exec {number}</dev/null\n"));
    format!("ulimit -n 128\n{}", taken.collect::<String>())
}

#[test]
fn a_download_that_may_open_few_files_ends_in_one_line_and_leaves_nothing_behind() {
    let repository = repository();
    let scene = Scene::with(&repository);
    scene.register(Kind::Github);
    let commit = repository.commit();
    scene.download(&commit, "first", &[]).good();
    fs::create_dir(scene.path("there")).unwrap();
    let run = |script: &str, out: &str| {
        let download = format!("forgeport code-repository download demo --commit={commit} --directory={out} --force");
        shell(&scene, &scene.path(""), &format!("{script}\n{download}"))
    };
    let mut failed = 0;
    for free in (11..35).step_by(2) {
        for (out, cached) in [("new", true), ("there", true), ("there", false)] {
            if !cached {
                scene.run(&["cache", "clear"]).good();
            }
            let _ = fs::remove_dir_all(scene.path("new"));
            fs::write(scene.path("there/mine"), "").unwrap();
            let ran = run(&leaving(free), out);
            match ran.code {
                0 => assert_exact(&scene.path(out), &repository, "main", ""),
                _ => {
                    failed += 1;
                    assert!(!scene.path("new").exists() && scene.path("there/mine").exists(), "{free}: {}", ran.stderr);
                    if free > 19 {
                        ran.bad();
                    }
                }
            }
            assert_no_remains(&scene.path(""));
            assert_no_remains(&scene.path("there"));
        }
    }
    assert!(failed > 10, "so few files are enough for {failed}");
}
