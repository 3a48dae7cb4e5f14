//! Checkouts that are made so that a look at them has no end, or takes all memory: each ends in an answer or an error.

use crate::support::{Place, SETTINGS, add, git, set_old};
use forgeport_worktree::{ContextError, Fact, InspectOptions, WorktreeState, inspect};
use sha1_checked::Digest as _;
use std::{fs, io::Write, os::unix::fs::symlink, path::Path, process::Command, time::Duration};

/// What git keeps in files, with what a stranger may have put there instead.
const FILES: &[&str] = &[
    ".git",
    ".git/HEAD",
    ".git/config",
    ".git/config.worktree",
    ".git/index",
    ".git/packed-refs",
    ".git/commondir",
    ".git/gitdir",
    ".git/shallow",
    ".git/FETCH_HEAD",
    ".git/MERGE_HEAD",
    ".git/info/exclude",
    ".git/info/attributes",
    ".git/info/grafts",
    ".git/info/sparse-checkout",
    ".git/refs/heads/main",
    ".git/refs/remotes/origin/HEAD",
    ".git/refs/remotes/origin/new",
    ".git/objects/info/alternates",
    ".git/objects/info/commit-graph",
    ".git/objects/pack/pack-1.idx",
    ".git/objects/pack/pack-1.pack",
    ".git/objects/pack/multi-pack-index",
    ".git/logs/HEAD",
    ".gitignore",
    ".gitattributes",
    ".gitmodules",
    "d/.gitignore",
    "d/.gitattributes",
    "new/.gitignore",
    "a",
    "d/b",
    "new/file",
];

/// A checkout in which every file is unsure, something is untracked, and the commit's objects are loose.
fn touched() -> Place {
    thread_local! {
        static ONE: Place = new_touched();
    }
    ONE.with(copy_of)
}

fn copy_of(other: &Place) -> Place {
    let place = Place(tempfile::tempdir().unwrap());
    let copied = Command::new("cp").arg("-a").arg(other.path("checkout")).arg(place.path("")).status();
    assert!(copied.unwrap().success());
    place
}

fn new_touched() -> Place {
    let place = Place::new();
    place.write("checkout", "new/other", "");
    place.write("checkout", "a", "x\n");
    place.commit("checkout");
    for name in ["a", "d/b", "d/e/c", "run.sh"] {
        set_old(&place.path("checkout").join(name));
    }
    place.write("checkout", "new/untracked", "");
    place.write("checkout", "newer/untracked", "");
    git(&place.path("checkout"), &["config", "extensions.worktreeConfig", "true"]);
    place
}

/// In far less than the time that there is: there was no wait.
#[track_caller]
fn assert_ends(place: &Place, what: &str) {
    match place.attempt("checkout") {
        Err(error @ ContextError::TookTooLong { .. }) => panic!("{what}: {error}"),
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        Ok(_) => {}
    }
}

fn replace(path: &Path, make: impl Fn(&Path)) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        let _ = fs::remove_file(path);
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    make(path);
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_a_device_or_a_circle_in_the_place_of_any_file_keeps_nobody_waiting() {
    for name in FILES {
        for kind in ["a pipe", "a link to a pipe", "a link to /dev/zero", "a link to itself"] {
            let place = touched();
            let pipe = place.path("pipe");
            make_pipe(&pipe);
            replace(&place.path("checkout").join(name), |path| match kind {
                "a pipe" => make_pipe(path),
                "a link to a pipe" => symlink(&pipe, path).unwrap(),
                "a link to /dev/zero" => symlink("/dev/zero", path).unwrap(),
                _ => symlink(path.file_name().unwrap(), path).unwrap(),
            });
            assert_ends(&place, &format!("{name} is {kind}"));
        }
    }
}

/// All files of a repository, in an order that is always the same.
fn files_below(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn damage_of_any_kind_in_any_file_of_git_ends_in_an_answer_or_an_error() {
    let packed = touched();
    git(&packed.path("checkout"), &["gc", "-q"]);
    git(&packed.path("checkout"), &["commit-graph", "write", "--reachable"]);
    let (mut damaged, mut answered) = (0, 0);
    for seed in 0..160 {
        let mut random = fastrand::Rng::with_seed(seed);
        let place = if random.bool() { touched() } else { copy_of(&packed) };
        let mut files = Vec::new();
        files_below(&place.path("checkout/.git"), &mut files);
        files.retain(|file| !file.to_string_lossy().contains("/hooks/"));
        // Half of the damage goes to what is read of each checkout.
        if random.bool() {
            files.retain(|file| !file.to_string_lossy().contains("/logs/") && !file.ends_with("description"));
            files.push(place.path("checkout/.git/index"));
            files.push(place.path("checkout/.git/config"));
        }
        let file = &files[random.usize(..files.len())];
        let mut content = fs::read(file).unwrap();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=content.len());
            match random.u8(..4) {
                0 => content.truncate(at),
                1 => content.splice(at..at, std::iter::repeat_with(|| random.u8(..)).take(9)).for_each(drop),
                2 if at < content.len() => content[at] = [0, 0xff, content[at] ^ 1][random.usize(..3)],
                _ => content.splice(at..(at + 4).min(content.len()), [0xff; 4]).for_each(drop),
            }
        }
        fs::remove_file(file).unwrap();
        fs::write(file, content).unwrap();
        let what = format!("seed {seed}, {}", file.display());
        match place.attempt("checkout") {
            Ok(_) => answered += 1,
            Err(error @ ContextError::TookTooLong { .. }) => panic!("{what}: {error}"),
            Err(error) => {
                let text = error.to_string();
                assert!(!text.contains('\n') && !text.contains("should not have"), "{what}: {text}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 20 && answered > 20, "{damaged} errors, {answered} answers");
}

#[test]
fn a_pipe_in_the_place_of_an_object_keeps_nobody_waiting() {
    let place = touched();
    for spec in ["HEAD", "HEAD^{tree}", "HEAD:d", "HEAD:a"] {
        let id = git(&place.path("checkout"), &["rev-parse", spec]);
        let (folder, rest) = id.trim().split_at(2);
        let object = place.path("checkout/.git/objects").join(folder).join(rest);
        let content = fs::read(&object).unwrap();
        replace(&object, make_pipe);
        assert_ends(&place, spec);
        replace(&object, |path| fs::write(path, &content).unwrap());
    }
    assert!(place.attempt("checkout").is_ok());
}

#[test]
fn a_huge_file_in_the_place_of_any_file_is_not_read() {
    for name in FILES.iter().filter(|name| !matches!(**name, "a" | "d/b" | "new/file")) {
        let place = touched();
        let path = place.path("checkout").join(name);
        replace(&path, |path| fs::File::create(path).unwrap().set_len(1 << 42).unwrap());
        assert_ends(&place, name);
    }
}

#[test]
fn settings_that_lead_to_pipes_devices_and_each_other_keep_nobody_waiting() {
    let pipe = |place: &Place| {
        make_pipe(&place.path("pipe"));
        place.path("pipe").display().to_string()
    };
    type Setting = fn(&str) -> String;
    let settings: [(&str, Setting); 9] = [
        ("attributes", |pipe| format!("[core]\nattributesFile = {pipe}")),
        ("excludes", |pipe| format!("[core]\nexcludesFile = {pipe}")),
        ("include", |pipe| format!("[include]\npath = {pipe}")),
        ("quoted", |pipe| format!("[include] path = \"{pipe}\" ; x")),
        ("conditional", |pipe| format!("[includeIf \"gitdir:/**\"]\npath = {pipe}")),
        ("circle", |_| "[include]\npath = config".into()),
        ("device", |_| "[include]\npath = /dev/zero".into()),
        ("worktree", |_| "[core]\nworktree = /".into()),
        ("bare", |_| "[core]\nbare = true".into()),
    ];
    for (name, text) in settings {
        let place = touched();
        add(&place.path("checkout/.git/config"), &text(&pipe(&place)));
        assert_ends(&place, name);
    }
    let place = touched();
    make_pipe(&place.path("pipe"));
    fs::write(
        place.path("checkout/.git/objects/info/alternates"),
        format!("{}\n.\n../objects\n", place.path("pipe").display()),
    )
    .unwrap();
    assert_ends(&place, "alternates");
}

#[test]
fn files_that_include_each_other_again_and_again_are_read_only_so_often() {
    let place = touched();
    for number in 0..9 {
        let includes = format!("[include]\npath = more-{}\n", number + 1).repeat(100);
        fs::write(place.path("checkout/.git").join(format!("more-{number}")), includes).unwrap();
    }
    add(&place.path("checkout/.git/config"), "[include]\npath = more-0");
    let error = place.attempt("checkout").unwrap_err();
    assert!(matches!(error, ContextError::TooManyIncludes { .. }), "{error}");
}

/// A commit whose tree is that of `leaf` in `depth` directories, each of which is `width` times in the next; the index has none of it.
fn nested(place: &Place, depth: usize, width: usize) {
    let checkout = place.path("checkout");
    let mut id = Object::new("blob", b"leaf".to_vec());
    let mut kept = vec![id.clone()];
    for level in 0..depth {
        let mode: &[u8] = if level == 0 { b"100644" } else { b"40000" };
        let mut names: Vec<_> = (0..width).map(|number| number.to_string()).collect();
        names.sort();
        let entries = names.iter().flat_map(|name| [mode, b" ", name.as_bytes(), b"\0", &id.id].concat());
        id = Object::new("tree", entries.collect());
        kept.push(id.clone());
    }
    for object in &kept {
        object.write(&checkout.join(".git/objects"));
    }
    let commit = git(&checkout, &["commit-tree", "-m", "Nested", &id.name()]);
    git(&checkout, &["update-ref", "refs/heads/main", commit.trim()]);
}

/// An object of git, made without git: one process for each of many thousands takes minutes.
#[derive(Clone)]
struct Object {
    content: Vec<u8>,
    id: Vec<u8>,
}

impl Object {
    fn new(kind: &str, body: Vec<u8>) -> Self {
        let content = [format!("{kind} {}\0", body.len()).into_bytes(), body].concat();
        let id = sha1_checked::Sha1::digest(&content).to_vec();
        Self { content, id }
    }

    fn name(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn write(&self, objects: &Path) {
        let name = self.name();
        let (folder, rest) = name.split_at(2);
        fs::create_dir_all(objects.join(folder)).unwrap();
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&self.content).unwrap();
        fs::write(objects.join(folder).join(rest), packed.finish().unwrap()).unwrap();
    }
}

#[test]
fn a_commit_of_more_files_than_can_be_counted_ends_with_the_time() {
    let place = Place::new();
    nested(&place, 12, 20);
    let settings = InspectOptions { time: Duration::from_millis(200), ..SETTINGS };
    let error = inspect(&place.path("checkout"), settings).unwrap_err();
    assert!(matches!(error, ContextError::TookTooLong { .. }), "{error}");
}

/// An index with one entry: a directory that a sparse checkout left out.
fn sparse_index(tree: &str) -> Vec<u8> {
    let id: Vec<u8> = (0..20).map(|byte| u8::from_str_radix(&tree[2 * byte..2 * byte + 2], 16).unwrap()).collect();
    let entry = [&[0; 24][..], &0o040_000_u32.to_be_bytes(), &[0; 12], &id, &[0x40, 2, 0x40, 0], b"0/"].concat();
    [b"DIRC\0\0\0\x03\0\0\0\x01", &entry[..], &[0; 8 - 66 % 8], b"sdir\0\0\0\0", &[0; 20]].concat()
}

#[test]
fn a_directory_in_the_index_of_more_files_than_can_be_counted_ends_with_the_time() {
    let place = Place::new();
    nested(&place, 12, 20);
    let tree = git(&place.path("checkout"), &["rev-parse", "main:0"]);
    fs::write(place.path("checkout/.git/index"), sparse_index(tree.trim())).unwrap();
    let settings = InspectOptions { time: Duration::from_millis(200), ..SETTINGS };
    let error = inspect(&place.path("checkout"), settings).unwrap_err();
    assert!(matches!(error, ContextError::TookTooLong { .. }), "{error}");
    nested(&place, 2, 20);
    let tree = git(&place.path("checkout"), &["rev-parse", "main:0"]);
    fs::write(place.path("checkout/.git/index"), sparse_index(tree.trim())).unwrap();
    let changes = place.changes();
    assert_eq!((changes.staged, changes.modified), (19 * 20, 0), "the other directories went");
}

#[test]
fn directories_deeper_than_git_takes_are_an_error() {
    let place = Place::new();
    nested(&place, 2000, 1);
    assert!(place.attempt("checkout").is_ok());
    nested(&place, 20_000, 1);
    let error = place.attempt("checkout").unwrap_err();
    assert!(matches!(error, ContextError::TooDeep { .. }), "{error}");
}

#[test]
fn what_is_wrong_with_a_submodule_leaves_the_rest() {
    let place = Place::new();
    let checkout = place.path("checkout");
    git(&checkout, &["submodule", "--quiet", "add", &place.path("origin").to_string_lossy(), "sub"]);
    place.commit("checkout");
    replace(&checkout.join(".git/modules/sub/index"), make_pipe);
    let context = place.inspect("checkout");
    assert_eq!((context.state(), context.changes.unwrap().not_compared), (WorktreeState::Unknown, 1));
    assert_eq!(context.unknown.len(), 1);
    assert!(context.unknown[0].fact == Fact::Submodules && context.unknown[0].why.contains("named pipe"));
}
