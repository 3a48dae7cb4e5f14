//! Homes that cannot be written to, that are not there, on full disks, and on file systems of clusters.

use crate::{
    preload::{CLUSTER, library},
    scene::{Kind, Ran, Scene},
    status::git,
};
use forgeport_forge::{Repository, samples};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

/// A user without an entry, as containers have them.
const SOMEBODY: u32 = 54_321;

/// Every command that only reads, with what it takes; `{commit}` is one that is kept, `{number}` another one each time.
const READING: &[&str] = &[
    "code-repository list",
    "code-repository describe demo",
    "code-repository options --type=github",
    "code-repository download demo --commit={commit} --directory=out{number}",
    "list",
    "describe demo",
    "options --type=gitlab",
    "download demo@{commit} short{number}",
    "status checkout",
    "secret list",
    "secret describe s",
    "secret describe s key --reveal",
    "provider describe github",
    "grants list",
    "grants describe demo",
    "grants explain demo GET {origin}/user",
    "audit",
    "cache show",
    "completion bash",
];

/// Every command that changes something, or whose requests have to be written down.
const WRITING: &[&str] = &[
    "code-repository register other {options}",
    "code-repository update demo --description=new",
    "code-repository delete demo",
    "code-repository download demo --commit=main --directory=none",
    "register other {options}",
    "update demo --description=new",
    "delete demo",
    "download demo@main none",
    "secret create t --key=value",
    "secret update s --key=other",
    "secret rename s t",
    "secret rotate-key",
    "secret delete s",
    "grants revoke demo {origin}",
    "cache clear",
];

/// A home with some of everything, and a checkout beside it.
fn filled(repository: &Repository) -> Scene {
    let scene = Scene::with(repository);
    scene.register(Kind::Github);
    scene.run(&["secret", "create", "s", "--key=value"]).good();
    scene.download("main", "first", &[]).good();
    // So that its compiled code is kept, too.
    scene.run(&["options", "--type=gitlab"]).good();
    git(&scene.path(""), &["clone", "-q", repository.path().to_str().unwrap(), "checkout"]);
    let url = format!("http://{}/acme/demo.git", scene.forge.github().host);
    git(&scene.path("checkout"), &["remote", "set-url", "origin", &url]);
    // Whoever only reads it makes no index anew.
    git(&scene.path("checkout"), &["status"]);
    scene.forge.clear_requests();
    scene
}

fn words(scene: &Scene, command: &str, commit: &str, number: usize) -> Vec<String> {
    let mut words = Vec::new();
    for word in command.split(' ') {
        match word {
            "{options}" => words.extend(scene.options(Kind::Github)),
            word => {
                let word = word.replace("{commit}", commit).replace("{number}", &number.to_string());
                words.push(word.replace("{origin}", &scene.forge.github().api_url));
            }
        }
    }
    words
}

/// All that is below a directory, with its contents.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let bytes = match () {
            () if kind.is_dir() => {
                pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                Vec::new()
            }
            () if kind.is_file() => fs::read(&path).unwrap(),
            () => Vec::new(),
        };
        found.insert(path, bytes);
    }
    found
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs as a user who may only read what is in the scene's home.
fn as_somebody(scene: &Scene, arguments: &[impl AsRef<str>]) -> Ran {
    let mut command = scene.command(arguments);
    if is_root() {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    Ran::of(command.output().unwrap())
}

/// The scene belongs to somebody, and its home can only be read.
fn protect(scene: &Scene) {
    for path in contents(&scene.path("")).keys() {
        if is_root() {
            std::os::unix::fs::lchown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        }
        if path.starts_with(scene.path("home")) {
            let mode = if path.is_dir() { 0o500 } else { 0o400 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// So that the scene can be removed.
fn unprotect(scene: &Scene) {
    let mut pending = vec![scene.path("home")];
    while let Some(path) = pending.pop() {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()));
    }
}

/// Each command of the program, as its help lists them.
fn commands(scene: &Scene, above: &[&str]) -> Vec<String> {
    let help = scene.run(&[above, &["--help"]].concat()).good().stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A line that goes on is further in.
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    if names.is_empty() {
        vec![above.join(" ")]
    } else {
        names.iter().flat_map(|name| commands(scene, &[above, &[name]].concat())).collect()
    }
}

#[test]
fn every_command_is_known_as_one_that_reads_or_one_that_writes() {
    let scene = Scene::with(&samples::faithful());
    let known: BTreeSet<&str> = READING.iter().chain(WRITING).copied().collect();
    let all = commands(&scene, &[]);
    assert!(all.len() > 20, "{all:?}");
    for command in all {
        assert!(known.iter().any(|known| known.starts_with(&command)), "`{command}` is in neither list");
    }
}

#[test]
fn what_only_reads_works_in_a_home_that_cannot_be_written_to_and_leaves_every_byte_as_it_was() {
    let repository = samples::faithful();
    let scene = filled(&repository);
    let before = contents(&scene.path("home"));
    for (number, command) in READING.iter().enumerate() {
        scene.run(&words(&scene, command, &repository.commit(), number)).good();
        assert!(contents(&scene.path("home")) == before, "`{command}` has written");
    }
    protect(&scene);
    for (number, command) in READING.iter().enumerate() {
        let ran = as_somebody(&scene, &words(&scene, command, &repository.commit(), number + 100));
        assert_eq!((ran.code, ran.stderr.contains("warning")), (0, false), "`{command}`: {}", ran.stderr);
    }
    assert!(as_somebody(&scene, &["status", "checkout"]).good().stdout.contains("demo (github"));
    assert!(contents(&scene.path("home")) == before);
    unprotect(&scene);
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn what_writes_says_in_a_home_that_cannot_be_written_to_which_variable_names_another_one() {
    let repository = samples::faithful();
    let scene = filled(&repository);
    let before = contents(&scene.path("home"));
    protect(&scene);
    for command in WRITING {
        let error = as_somebody(&scene, &words(&scene, command, &repository.commit(), 0)).bad();
        assert!(error.contains("FORGEPORT_HOME"), "`{command}`: {error}");
    }
    assert!(contents(&scene.path("home")) == before);
    unprotect(&scene);
    // What cannot be written down does not leave.
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn a_home_on_a_file_system_that_is_mounted_for_reading_can_be_read() {
    let repository = samples::faithful();
    let scene = filled(&repository);
    let home = scene.path("home");
    let Some(_mounted) = Mounted::new(&["--bind", home.to_str().unwrap()], &home) else {
        return eprintln!("not tried: nothing can be mounted here");
    };
    assert!(Command::new("mount").args(["-o", "remount,ro,bind"]).arg(&home).status().unwrap().success());
    fs::write(home.join("probe"), "").unwrap_err();
    for (number, command) in READING.iter().enumerate() {
        scene.run(&words(&scene, command, &repository.commit(), number)).good();
    }
    for command in WRITING {
        let error = scene.run(&words(&scene, command, &repository.commit(), 0)).bad();
        assert!(error.contains("FORGEPORT_HOME"), "`{command}`: {error}");
    }
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn a_user_without_a_home_sees_an_empty_one_and_is_told_how_to_have_one() {
    let repository = samples::faithful();
    let scene = filled(&repository);
    protect(&scene);
    let run = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        command.env_remove("FORGEPORT_HOME").env("HOME", "/");
        if is_root() {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
        Ran::of(command.output().unwrap())
    };
    assert!(run(&["status", "checkout"]).good().stdout.contains("none that is registered"));
    assert!(run(&["code-repository", "list"]).good().stdout.contains("No code repositories yet"));
    for command in
        ["secret list", "audit", "cache show", "cache clear", "grants list", "code-repository options --type=github"]
    {
        run(&command.split(' ').collect::<Vec<_>>()).good();
    }
    let error = run(&["secret", "create", "t", "--key=value"]).bad();
    assert!(error.contains("/.local/share/forgeport") && error.contains("FORGEPORT_HOME"), "{error}");
    unprotect(&scene);
}

#[test]
fn a_full_disk_keeps_nobody_from_reading_and_clearing_the_cache_makes_room() {
    let repository = samples::faithful();
    let scene = filled(&repository);
    let Some(_full) = on_a_full_disk(&scene) else { return };
    let home = scene.path("home");
    let before = contents(&home);
    for (number, command) in READING.iter().enumerate() {
        scene.run(&words(&scene, command, &repository.commit(), number)).good();
    }
    let error = scene.run(&["secret", "create", "t", "--key=value"]).bad();
    assert!(error.contains("forgeport cache clear") && error.contains("FORGEPORT_HOME"), "{error}");
    assert!(contents(&home) == before);
    scene.run(&["cache", "clear"]).good();
    scene.run(&["secret", "create", "t", "--key=value"]).good();
    assert!(scene.run(&["secret", "list"]).good().stdout.contains('t'));
}

#[test]
fn on_a_file_system_of_a_cluster_everything_works_without_the_locks_that_it_refuses() {
    let repository = samples::faithful();
    let scene = Scene::with(&repository);
    let (library, refused) = (library(&scene, "cluster", CLUSTER), scene.path("refused"));
    let run = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        Ran::of(command.env("LD_PRELOAD", &library).env("REFUSED", &refused).output().unwrap())
    };
    let token = format!("--token={}", scene.token(Kind::Github));
    let options = scene.options(Kind::Github);
    let register = ["code-repository", "register", "demo", &token].into_iter();
    run(&register.chain(options.iter().map(String::as_str)).collect::<Vec<_>>()).good();
    run(&["secret", "create", "s", "--key=value"]).good();
    run(&["code-repository", "download", "demo", "--commit=main", "--directory=out"]).good();
    assert!(run(&["audit"]).good().stdout.contains("tarball"));
    run(&["secret", "rotate-key"]).good();
    assert!(run(&["secret", "get", "s", "key", "--reveal"]).good().stdout.contains("value"));
    assert!(!refused.exists(), "something that such a file system refuses was tried");
    assert_refuses(&library, &refused, &scene.path("probe.db"));
}

/// The library does refuse what it is for: a write-ahead log does not work with it.
fn assert_refuses(library: &Path, refused: &Path, database: &Path) {
    let mut probe = Command::new(std::env::current_exe().unwrap());
    probe.args(["--exact", "homes::a_write_ahead_log_of_its_own", "--ignored"]);
    probe.env("LD_PRELOAD", library).env("REFUSED", refused).env("PROBE", database);
    let output = probe.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(refused.exists());
}

#[test]
#[ignore = "another test runs it, on a file system of its own kind"]
fn a_write_ahead_log_of_its_own() {
    let Some(database) = std::env::var_os("PROBE") else { return };
    let connection = rusqlite::Connection::open(database).unwrap();
    let logged = connection.pragma_update(None, "journal_mode", "wal");
    logged.and_then(|()| connection.execute_batch("CREATE TABLE t (x)")).unwrap_err();
}

/// Moves a home to a file system that has no byte left; nothing where nothing can be mounted.
pub fn on_a_full_disk(scene: &Scene) -> Option<Mounted> {
    let (home, aside) = (scene.path("home"), scene.path("aside"));
    fs::rename(&home, &aside).unwrap();
    fs::create_dir(&home).unwrap();
    let Some(mounted) = Mounted::new(&["-t", "tmpfs", "-o", "size=16m,mode=700", "none"], &home) else {
        eprintln!("not tried: nothing can be mounted here");
        return None;
    };
    assert!(Command::new("cp").arg("-a").arg(aside.join(".")).arg(&home).status().unwrap().success());
    let mut file = fs::File::create(home.join("full")).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    Some(mounted)
}

/// A mount that goes when it is dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Nothing where this user, or this system, mounts nothing.
    fn new(what: &[&str], on: &Path) -> Option<Mounted> {
        let mount = Command::new("mount").args(what).arg(on).output().ok()?;
        mount.status.success().then(|| Mounted(on.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
