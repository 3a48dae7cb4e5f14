//! Packs as git makes them, which become the same tree, and as nobody should, which end at their limits.
use forgeport_download::{
    ArchiveFormat, Deadline, DownloadSpec, Layout, Progress, StagedDownload, UnpackError, Verification,
};
use forgeport_model::RepoPath;
use forgeport_model::{Limit, Limits};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::raw_pack::{Pack, copy, delta, distance, hex, name, tree_of, zlib};

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

/// Runs git on its own, without the configuration of who runs the tests.
fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped());
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.com");
    }
    let mut child = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    output.stdout
}

fn line(content: &[u8]) -> Vec<u8> {
    [format!("{:04x}", content.len() + 4).as_bytes(), content].concat()
}

/// A pack as a forge answers with it.
fn answer(pack: &[u8]) -> Vec<u8> {
    let mut answer = line(b"packfile\n");
    for piece in pack.chunks(60_000) {
        answer.extend(line(&[b"\x01", piece].concat()));
    }
    answer.extend(b"0000");
    answer
}

fn settings(commit: &str) -> DownloadSpec {
    let limits = Limits::default();
    DownloadSpec { commit: commit.parse().unwrap(), subdirectory: RepoPath::root(), force: false, limits }
}

fn unpack(target: &Path, settings: DownloadSpec, pack: &[u8]) -> Result<StagedDownload, UnpackError> {
    let staged = StagedDownload::new(target, settings).unwrap();
    staged.unpack(&answer(pack)[..], ArchiveFormat::GitPack, &Layout::default(), &Silent).map(|()| staged)
}

/// What lies below a directory, without `.git`: paths, and whether they can be executed, and contents or link targets.
fn listing(directory: &Path) -> BTreeMap<String, (bool, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(place) = left.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
            let kind = path.symlink_metadata().unwrap();
            if kind.is_dir() {
                if name != ".git" {
                    left.push(path);
                }
            } else if kind.is_symlink() {
                found.insert(name, (false, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()));
            } else {
                found.insert(name, (kind.permissions().mode() & 0o100 != 0, fs::read(&path).unwrap()));
            }
        }
    }
    found
}

/// A file of a random repository; many of them resemble each other, as deltas need it.
#[derive(Clone, Debug)]
struct Sample {
    path: String,
    lines: usize,
    changed: usize,
    executable: bool,
    link: bool,
}

fn sample() -> impl Strategy<Value = Sample> {
    let path = "[a-c]/[a-d]{1,2}/[a-z]{1,8}|[d-z]{1,6}";
    (path, 0..400_usize, 0..400_usize, any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(path, lines, changed, executable, link)| Sample { path, lines, changed, executable, link })
}

/// Makes a repository with one commit; returns its id and its objects' names.
fn commit(directory: &Path, format: &str, files: &[Sample]) -> (String, Vec<u8>) {
    git(directory, &["init", "-q", &format!("--object-format={format}"), "."], b"");
    for file in files {
        let path = directory.join(&file.path);
        // What is in the way of another one is left out.
        if fs::create_dir_all(path.parent().unwrap()).is_err() || path.symlink_metadata().is_ok() {
            continue;
        }
        if file.link {
            std::os::unix::fs::symlink("d", &path).unwrap();
            continue;
        }
        let line = |number| {
            if number == file.changed {
                format!("{} is another one\n", file.path)
            } else {
                format!("this is line {number} of many, {}\n", number * 7919 % 1000)
            }
        };
        fs::write(&path, (0..file.lines).map(line).collect::<String>()).unwrap();
        let mode = if file.executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    git(directory, &["add", "-A"], b"");
    git(directory, &["commit", "-q", "--allow-empty", "-m", "One"], b"");
    let id = String::from_utf8(git(directory, &["rev-parse", "HEAD"], b"")).unwrap().trim().to_owned();
    let objects = git(directory, &["rev-list", "--objects", "--no-object-names", "HEAD"], b"");
    (id, objects)
}

fn check_same(files: &[Sample], format: &str, flags: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    let repository = place.path().join("repository");
    fs::create_dir(&repository).unwrap();
    let (id, objects) = commit(&repository, format, files);
    let arguments = [&["pack-objects", "--stdout", "-q", "--window=50"], flags].concat();
    let pack = git(&repository, &arguments, &objects);
    let target = place.path().join("out");
    let staged = unpack(&target, settings(&id), &pack).unwrap();
    let receipt = staged.finish().unwrap();
    assert_eq!(receipt.verification, Verification::Verified);
    assert_eq!(listing(&target), listing(&repository));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_git_packs_becomes_the_same_tree(
        files in proptest::collection::vec(sample(), 1..40),
        near in any::<bool>(),
        depth in 1..60_u32,
        sha256 in prop::bool::weighted(0.2),
    ) {
        let depth = format!("--depth={depth}");
        let flags: &[&str] = if near { &["--delta-base-offset", &depth] } else { &[&depth] };
        check_same(&files, if sha256 { "sha256" } else { "sha1" }, flags);
    }
}

#[test]
fn an_empty_repository_a_large_file_and_files_of_the_same_content_are_taken() {
    check_same(&[], "sha1", &[]);
    let file = |path: &str, lines, executable| Sample {
        path: path.to_owned(),
        lines,
        changed: usize::MAX,
        executable,
        link: false,
    };
    let large = [file("a", 200_000, false), Sample { changed: 5, ..file("b", 200_000, false) }];
    check_same(&large, "sha1", &["--delta-base-offset"]);
    check_same(&[file("a", 3, true), file("b", 3, false), file("c/d", 3, false), file("e", 3, true)], "sha1", &[]);
}

fn limits(bytes: u64) -> Limits {
    Limits::default().with(Limit::ArchiveBytes, bytes).with(Limit::ArchiveEntries, 200_000)
}

fn error(commit: &str, limits: Limits, pack: Pack) -> String {
    let place = tempfile::tempdir().unwrap();
    let settings = DownloadSpec { limits, ..settings(commit) };
    let unpacked = unpack(&place.path().join("out"), settings, &pack.end());
    let error =
        unpacked.and_then(|staged| staged.finish().map_err(|error| UnpackError::from(std::io::Error::other(error))));
    let error = error.map(|receipt| panic!("{receipt:?}")).unwrap_err().to_string();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "something is left");
    error
}

const ANY: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";

#[test]
fn a_large_object_and_its_delta_end_at_the_limit_of_bytes_before_they_are_expanded() {
    let mut pack = Pack::new();
    pack.entry(3, 1 << 40, b"", &zlib(b""));
    assert!(error(ANY, limits(1 << 30), pack).contains("`archive_bytes`"));
    let mut pack = Pack::new();
    let base = pack.object(3, &vec![0; 1 << 20]);
    let instructions = copy(0, 1 << 20).repeat(5000);
    let bomb = delta(1 << 20, 5000 << 20, &instructions);
    let back = distance(pack.bytes.len() as u64 - base);
    pack.entry(6, bomb.len() as u64, &back, &zlib(&bomb));
    assert!(pack.bytes.len() < 10_000);
    assert!(error(ANY, limits(1 << 30), pack).contains("`archive_bytes`"));
}

#[test]
fn a_small_tree_that_names_a_file_often_ends_at_the_limit_of_bytes() {
    let mut pack = Pack::new();
    let content = vec![0; 1 << 20];
    pack.object(3, &content);
    let blob = name("blob", &content);
    let tree: Vec<u8> =
        (0..200).flat_map(|number| [format!("100644 {number:03}\0").as_bytes(), &blob].concat()).collect();
    pack.object(2, &tree);
    let commit = format!("tree {}\n", hex(&name("tree", &tree)));
    pack.object(1, commit.as_bytes());
    assert!(error(&hex(&name("commit", commit.as_bytes())), limits(100 << 20), pack).contains("`archive_bytes`"));
}

#[test]
fn trees_that_are_held_in_memory_end_at_the_limit_of_names() {
    let mut pack = Pack::new();
    pack.entry(2, 1 << 30, b"", &zlib(b""));
    assert!(error(ANY, Limits::default(), pack).contains("names and link targets"));
    let mut pack = Pack::new();
    let base = pack.object(1, &[b'x'; 1000]);
    for number in 0..100_u32 {
        let made = delta(1000, 1_000_000, &[copy(0, 1000).repeat(999), copy(number, 900), copy(0, 100)].concat());
        let back = distance(pack.bytes.len() as u64 - base);
        pack.entry(6, made.len() as u64, &back, &zlib(&made));
    }
    let limits = Limits::default().with(Limit::ArchiveNames, 1 << 20).with(Limit::ArchiveEntries, 1000);
    assert!(error(ANY, limits, pack).contains("names and link targets"));
}

#[test]
fn more_objects_than_there_can_be_are_refused_at_once() {
    let mut pack = Pack::new();
    pack.count = u32::MAX;
    assert!(error(ANY, Limits::default(), pack).contains("`archive_entries`"));
}

/// Deltas to names that come only after them: who goes through all of them for each that is made needs hours. They make trees, since
/// those are not written to the disk, whose time says nothing.
#[test]
fn deltas_in_reverse_order_and_in_one_long_chain_are_made_once_each() {
    const COUNT: u32 = 50_000;
    let tree = [&b"100644 file\0"[..], &name("blob", b"last")].concat();
    let content = |number: u32| if number == COUNT { tree.clone() } else { format!("{number:032}").into_bytes() };
    let mut pack = Pack::new();
    let commit = format!("tree {}\n", hex(&name("tree", &tree)));
    pack.object(1, commit.as_bytes());
    for number in (0..COUNT).rev() {
        let made = delta(32, 32, &[&[32], &content(number + 1)[..]].concat());
        pack.entry(7, made.len() as u64, &name("tree", &content(number)), &zlib(&made));
    }
    pack.object(2, &content(0));
    pack.object(3, b"last");
    let place = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let commit = hex(&name("commit", commit.as_bytes()));
    unpack(&place.path().join("out"), settings(&commit), &pack.end()).unwrap().finish().unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert_eq!(fs::read(place.path().join("out/file")).unwrap(), b"last");
}

#[test]
fn the_same_content_that_comes_many_times_makes_what_waits_for_it_once() {
    const COUNT: u32 = 300;
    let mut pack = Pack::new();
    let made = delta(4, 4, b"\x04last");
    let commit = tree_of(&mut pack, &name("blob", b"last"));
    for _ in 0..COUNT {
        pack.object(3, b"base");
        pack.entry(7, made.len() as u64, &name("blob", b"base"), &zlib(&made));
    }
    let place = tempfile::tempdir().unwrap();
    unpack(&place.path().join("out"), settings(&commit), &pack.end()).unwrap().finish().unwrap();
    assert_eq!(fs::read(place.path().join("out/file")).unwrap(), b"last");
}

#[test]
fn deltas_that_make_no_sense_are_refused() {
    for (what, made) in [
        ("of another size", delta(5, 4, &copy(0, 4))),
        ("what is not there", delta(4, 5, &copy(0, 5))),
        ("what is not there", delta(4, 4, &copy(u32::MAX, 4))),
        ("more than it says", delta(4, 3, &copy(0, 4))),
        ("less than it says", delta(4, 5, &copy(0, 4))),
        ("unknown instruction", delta(4, 4, b"\0")),
        ("middle of an instruction", delta(4, 4, b"\x04ab")),
        ("middle of an instruction", delta(4, 4, b"\xff\x01")),
        ("middle of an instruction", b"\x84".to_vec()),
        ("out of range", [0xff; 12].to_vec()),
    ] {
        let mut pack = Pack::new();
        let base = pack.object(3, b"base");
        let back = distance(pack.bytes.len() as u64 - base);
        pack.entry(6, made.len() as u64, &back, &zlib(&made));
        let error = error(ANY, Limits::default(), pack);
        assert!(error.contains(what), "{what}: {error}");
    }
    let mut pack = Pack::new();
    pack.entry(7, 2, &[7; 20], &zlib(&delta(4, 4, b"")));
    assert!(error(ANY, Limits::default(), pack).contains("not in the pack"));
    let mut circle = Pack::new();
    circle.entry(6, 2, &distance(5), &zlib(&delta(4, 4, b"")));
    assert!(error(ANY, Limits::default(), circle).contains("to no object"));
}

#[test]
fn objects_that_are_not_what_their_beginning_says_are_refused() {
    for (size, content) in [(3, &b"four"[..]), (5, b"four"), (0, b"x"), (1, b"")] {
        let mut pack = Pack::new();
        pack.entry(3, size, b"", &zlib(content));
        assert!(error(ANY, Limits::default(), pack).contains("than it says"), "{size}");
    }
    let mut pack = Pack::new();
    pack.object(5, b"x");
    assert!(error(ANY, Limits::default(), pack).contains("no known kind"));
}

#[test]
fn a_pack_that_is_cut_or_altered_is_worth_another_try() {
    let mut pack = Pack::new();
    let base = pack.object(3, b"base");
    let made = delta(4, 4, b"\x04last");
    let back = distance(pack.bytes.len() as u64 - base);
    pack.entry(6, made.len() as u64, &back, &zlib(&made));
    let commit = tree_of(&mut pack, &name("blob", b"last"));
    let whole = pack.end();
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("out");
    for length in (0..whole.len()).step_by(3) {
        let result = unpack(&target, settings(&commit), &whole[..length]).map(drop);
        assert!(matches!(result, Err(UnpackError::Transfer(_))), "{length}: {result:?}");
    }
    for at in (0..whole.len()).step_by(3) {
        let mut altered = whole.clone();
        altered[at] ^= 0x55;
        let result = unpack(&target, settings(&commit), &altered).map(drop);
        // A count or a size may be out of all limits now, which is said.
        assert!(matches!(result, Err(UnpackError::Transfer(_) | UnpackError::Rejected(_))), "{at}: {result:?}");
    }
    unpack(&target, settings(&commit), &whole).unwrap().finish().unwrap();
}

#[test]
fn work_on_a_pack_stops_when_nobody_waits_for_it() {
    let mut pack = Pack::new();
    let base = pack.object(3, &vec![0; 1 << 20]);
    // Each of a million pieces is a byte, and there are a hundred of such deltas: minutes of work.
    let made = delta(1 << 20, 4 << 20, &copy(7, 1).repeat(4 << 20));
    let packed = zlib(&made);
    for _ in 0..100 {
        let back = distance(pack.bytes.len() as u64 - base);
        pack.entry(6, made.len() as u64, &back, &packed);
    }
    let pack = answer(&pack.end());
    // On a fast machine another limit would stop it first.
    let mut settings = settings(ANY);
    settings.limits.set(Limit::ArchiveRatio, 1_000_000);
    for (deadline, cancel) in
        [(Deadline::at(forgeport_model::deadline(Duration::from_secs(1))), false), (Deadline::never(), true)]
    {
        let place = tempfile::tempdir().unwrap();
        let staged = StagedDownload::new(&place.path().join("out"), settings.clone()).unwrap().until(deadline.clone());
        let start = Instant::now();
        let unpacked = std::thread::scope(|scope| {
            let unpacking =
                scope.spawn(|| staged.unpack(&pack[..], ArchiveFormat::GitPack, &Layout::default(), &Silent));
            if cancel {
                deadline.cancel();
            }
            unpacking.join().unwrap()
        });
        assert!(matches!(unpacked, Err(UnpackError::Stopped(_))), "{unpacked:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}
