//! Archives as forges send them and as nobody should, unpacked into a staged directory.
use forgeport_download::{
    ArchiveFormat, DownloadSpec, FinishError, Layout, ListedEntry, Progress, Receipt, StagedDownload, TargetError,
    UnpackError, Verification,
};
use forgeport_model::{FileKind, ObjectId, RepoPath};
use forgeport_model::{Limit, Limits};
use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

pub const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";
/// What git says of a tree with `a` ("a\n") and `d/x` ("x\n", executable).
const TREE: &str = "5bbb80d0d14086695551c549bdabff20914c8235";

pub struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

/// An archive in the making; what the `tar` crate would refuse to write is put into the raw header.
pub struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Archive {
        Archive(Builder::new(Vec::new()))
    }

    fn member(mut self, path: &str, kind: EntryType, mode: u32, target: &str, content: &[u8]) -> Archive {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub fn file(self, path: &str, content: &str) -> Archive {
        self.member(path, EntryType::Regular, 0o644, "", content.as_bytes())
    }

    fn link(self, path: &str, target: &str) -> Archive {
        self.member(path, EntryType::Symlink, 0o777, target, b"")
    }

    fn directory(self, path: &str) -> Archive {
        self.member(path, EntryType::Directory, 0o755, "", b"")
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub fn ordinary() -> Archive {
    Archive::new().directory("root/").file("root/a", "a\n").directory("root/d/").member(
        "root/d/x",
        EntryType::Regular,
        0o755,
        "",
        b"x\n",
    )
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

pub fn settings() -> DownloadSpec {
    let commit: ObjectId = COMMIT.parse().unwrap();
    DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits: Limits::default() }
}

fn staged(directory: &TempDir) -> StagedDownload {
    StagedDownload::new(&directory.path().join("out"), settings()).unwrap()
}

pub fn unpack(staged: &StagedDownload, archive: &[u8]) -> Result<(), UnpackError> {
    staged.unpack(archive, ArchiveFormat::Tar, &Layout { strip: 1, base: RepoPath::root() }, &Silent)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Unpacks and finishes; nothing but the target may be there afterwards, and on failure nothing at all.
fn download(archive: Archive) -> Result<Receipt, String> {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    let result = unpack(&staged, &archive.bytes()).map_err(|error| error.to_string());
    let result = result.and_then(|()| staged.finish().map_err(|error| error.to_string()));
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    match &result {
        Ok(_) => assert_eq!(left, ["out"]),
        Err(_) => assert!(left.is_empty(), "{left:?}"),
    }
    result
}

#[test]
fn an_ordinary_archive_becomes_the_tree_that_git_would_make() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    unpack(&staged, &ordinary().bytes()).unwrap();
    staged.expect_tree(&RepoPath::root(), TREE.parse().unwrap()).unwrap();
    let receipt = staged.finish().unwrap();
    assert_eq!((receipt.files, receipt.bytes, receipt.verification), (2, 4, Verification::Verified));
    let x = directory.path().join("out/d/x");
    assert_eq!(fs::read_to_string(&x).unwrap(), "x\n");
    assert_ne!(fs::metadata(&x).unwrap().permissions().mode() & 0o100, 0);
}

#[test]
fn a_tree_that_is_not_what_the_forge_told_is_never_published() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    unpack(&staged, &ordinary().file("root/more", "").bytes()).unwrap();
    staged.expect_tree(&RepoPath::root(), TREE.parse().unwrap()).unwrap();
    assert!(!staged.verified().unwrap());
    assert!(matches!(staged.finish(), Err(FinishError::Mismatch { .. })));
    assert!(!directory.path().join("out").exists());
}

#[test]
fn what_could_leave_the_directory_or_is_no_file_is_refused() {
    let member = |path: &str, kind| Archive::new().member(path, kind, 0o644, "root/a", b"");
    for (archive, why) in [
        (Archive::new().file("root/../../evil", "x"), "`.` or `..`"),
        (Archive::new().file("/etc/evil", "x"), "absolute"),
        (Archive::new().file("root/.git/hooks/post-checkout", "x"), ".git"),
        (Archive::new().file("root/GIT~1/config", "x"), ".git"),
        (Archive::new().file("root//x", "x"), "empty"),
        (Archive::new().file("one/x", "x").file("two/y", "y"), "root folder"),
        (Archive::new().file("x", "x"), "root folder"),
        (member("root/h", EntryType::Link), "hard link"),
        (member("root/c", EntryType::Char), "character device"),
        (member("root/b", EntryType::Block), "block device"),
        (member("root/p", EntryType::Fifo), "named pipe"),
        (member("root/s", EntryType::GNUSparse), "sparse"),
        (Archive::new().link("root/l", "/etc/passwd"), "leads out"),
        (Archive::new().link("root/l", "../outside"), "leads out"),
        (Archive::new().link("root/d/up", "../..").file("root/x", ""), "leads out"),
        (Archive::new().link("root/l", "."), ""),
    ] {
        match download(archive) {
            Ok(_) => assert_eq!(why, "", "it was taken"),
            Err(error) => assert!(!why.is_empty() && error.contains(why), "{error}"),
        }
    }
}

#[test]
fn nothing_is_written_through_a_link_or_twice() {
    for archive in [
        Archive::new().link("root/l", "d").file("root/l/x", "x"),
        Archive::new().file("root/f", "").file("root/f/x", "x"),
        Archive::new().file("root/f", "1").file("root/f", "2"),
        Archive::new().directory("root/d/").link("root/d", "e"),
        Archive::new().file("root/d/x", "").file("root/d", ""),
        Archive::new().link("root/l", "a").file("root/l", "x"),
    ] {
        let error = download(archive).unwrap_err();
        assert!(error.contains("twice") || error.contains("would lie in"), "{error}");
    }
}

#[test]
fn limits_name_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let limited = |limits: Limits| {
        let staged = StagedDownload::new(&directory.path().join("out"), DownloadSpec { limits, ..settings() }).unwrap();
        unpack(&staged, &ordinary().file("root/big", &"x".repeat(10_000)).bytes()).unwrap_err().to_string()
    };
    assert!(limited(Limits::default().with(Limit::ArchiveEntries, 2)).contains("`archive_entries`"));
    assert!(limited(Limits::default().with(Limit::ArchiveBytes, 5_000)).contains("`archive_bytes`"));
    assert!(limited(Limits::default().with(Limit::ArchiveNames, 3)).contains("`archive_names`"));
}

#[test]
fn an_archive_that_is_cut_or_damaged_is_worth_another_try() {
    let whole = gzip(&ordinary().bytes());
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout { strip: 1, base: RepoPath::root() };
    for length in (0..whole.len()).step_by(7) {
        let staged = staged(&directory);
        let result = staged.unpack(&whole[..length], ArchiveFormat::TarGzip, &layout, &Silent);
        assert!(matches!(result, Err(UnpackError::Transfer(_))), "{length}: {result:?}");
    }
    for at in 10..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let staged = staged(&directory);
        match staged.unpack(&damaged[..], ArchiveFormat::TarGzip, &layout, &Silent) {
            // Another distance within a run of zeros: the same bytes come out.
            Ok(()) => {
                staged.expect_tree(&RepoPath::root(), TREE.parse().unwrap()).unwrap();
                assert!(staged.verified().unwrap(), "{at}");
            }
            result => assert!(matches!(result, Err(UnpackError::Transfer(_))), "{at}: {result:?}"),
        }
    }
}

#[test]
fn after_a_broken_transfer_it_starts_again_from_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    let bytes = ordinary().link("root/l", "a").bytes();
    unpack(&staged, &bytes[..bytes.len() - 1500]).unwrap_err();
    staged.expect_tree(&RepoPath::root(), TREE.parse().unwrap()).unwrap();
    staged.start_again().unwrap();
    unpack(&staged, &ordinary().bytes()).unwrap();
    assert!(staged.verified().unwrap());
    assert_eq!(staged.finish().unwrap().links, 0);
}

#[test]
fn a_listing_tells_what_is_missing_altered_or_too_much() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    unpack(&staged, &ordinary().file("root/a2", "too much").directory("root/sub/").bytes()).unwrap();
    let entry = |name: &str, kind, id: &str| ListedEntry { path: path(name), kind, id: id.parse().unwrap() };
    let a = "78981922613b2afb6025042ff6bd878ac1994e85";
    let other = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    let d = "aa41909c036b5329395c5d7e68f2d3c4d7ac7f64";
    let listing = vec![
        entry("a", FileKind::Regular, a),
        entry("b", FileKind::Regular, other),
        entry("d", FileKind::Tree, d),
        entry("sub", FileKind::Submodule, COMMIT),
    ];
    let different = staged.compare(&RepoPath::root(), listing).unwrap();
    assert_eq!(different.iter().map(|entry| entry.path.to_string()).collect::<Vec<_>>(), ["b"]);
    assert!(!staged.verified().unwrap());
    staged.write(&path("b"), FileKind::Regular, &mut &b""[..]).unwrap();
    assert!(staged.verified().unwrap());
    let receipt = staged.finish().unwrap();
    assert_eq!((receipt.files, receipt.submodules), (3, vec![path("sub")]));
    assert!(!directory.path().join("out/a2").exists());
}

#[test]
fn a_forge_that_contradicts_itself_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    unpack(&staged, &ordinary().bytes()).unwrap();
    staged.expect_tree(&path("d"), COMMIT.parse().unwrap()).unwrap();
    let x = "587be6b4c3f93f93c489c0111bba5596147a26cb".parse().unwrap();
    let listing = vec![ListedEntry { path: path("d/x"), kind: FileKind::Executable, id: x }];
    assert!(staged.compare(&path("d"), listing).unwrap().is_empty());
    assert!(matches!(staged.finish(), Err(FinishError::Contradiction { .. })));
}

#[test]
fn a_listing_with_entries_of_elsewhere_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    unpack(&staged, &ordinary().bytes()).unwrap();
    let entry = |name: &str| ListedEntry { path: path(name), kind: FileKind::Regular, id: COMMIT.parse().unwrap() };
    for names in [&["d/x"][..], &["a", "a"], &[""]] {
        let listing = names.iter().map(|name| entry(name)).collect();
        assert!(staged.compare(&RepoPath::root(), listing).is_err(), "{names:?}");
    }
}

#[test]
fn a_subdirectory_alone_is_written_but_the_whole_is_judged() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("out");
    let staged = StagedDownload::new(&target, DownloadSpec { subdirectory: path("d"), ..settings() }).unwrap();
    unpack(&staged, &ordinary().bytes()).unwrap();
    staged.expect_tree(&RepoPath::root(), TREE.parse().unwrap()).unwrap();
    assert_eq!(staged.finish().unwrap().verification, Verification::Verified);
    let names: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["x"]);
    for (subdirectory, force) in [("none", false), ("a", true)] {
        let wanted = DownloadSpec { subdirectory: path(subdirectory), force, ..settings() };
        let staged = StagedDownload::new(&directory.path().join("other"), wanted).unwrap();
        unpack(&staged, &ordinary().bytes()).unwrap();
        assert!(matches!(staged.finish(), Err(FinishError::Missing(_) | FinishError::NoDirectory(_))));
    }
}

#[test]
fn a_target_that_got_filled_meanwhile_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory);
    unpack(&staged, &ordinary().bytes()).unwrap();
    fs::create_dir(directory.path().join("out")).unwrap();
    fs::write(directory.path().join("out/mine"), "mine").unwrap();
    assert!(matches!(staged.finish(), Err(FinishError::Target(TargetError::NotEmpty(_)))));
    assert_eq!(fs::read_to_string(directory.path().join("out/mine")).unwrap(), "mine");
}

/// What a killed download leaves.
fn abandoned(path: &Path) {
    fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    fs::create_dir(path.join("tree")).unwrap();
    fs::write(path.join("tree/file"), "").unwrap();
}

#[test]
fn two_downloads_beside_each_other_do_not_sweep_one_another() {
    let directory = tempfile::tempdir().unwrap();
    let one = staged(&directory);
    let two = StagedDownload::new(&directory.path().join("two"), settings()).unwrap();
    abandoned(&directory.path().join(".forgeport-abandoned"));
    let three = StagedDownload::new(&directory.path().join("three"), settings()).unwrap();
    assert!(!directory.path().join(".forgeport-abandoned").exists());
    for staged in [one, two, three] {
        unpack(&staged, &ordinary().bytes()).unwrap();
        staged.finish().unwrap();
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}
