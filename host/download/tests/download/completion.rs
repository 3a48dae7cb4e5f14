//! What an archive left out or altered, brought by git's own protocol: from a real `git upload-pack`, and from one that means harm.
use forgeport_download::{
    ArchiveFormat, DownloadSpec, FinishError, Layout, Missing, Progress, StagedDownload, UnpackError, Verification,
    protocol,
};
use forgeport_model::{Limit, Limits};
use forgeport_model::{ObjectFormat, RepoPath};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

/// A repository, and a place for a download of its commit.
struct Scene {
    place: TempDir,
    commit: String,
}

const FILES: [(&str, &str); 6] = [
    ("README.md", "# Demo\n"),
    ("VERSION", "$Format:%H$\n"),
    ("tests/one", "one\n"),
    ("tests/deep/two", "two\n"),
    ("tests/deep/again", "one\n"),
    ("src/main", "fn main() {}\n"),
];

impl Scene {
    fn new(format: &str) -> Scene {
        let place = tempfile::tempdir().unwrap();
        let scene = Scene { place, commit: String::new() };
        let repository = scene.repository();
        fs::create_dir(&repository).unwrap();
        scene.git(&["init", "-q", "-b", "main", &format!("--object-format={format}"), "."], b"");
        for (name, content) in FILES {
            let path = repository.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::set_permissions(repository.join("tests/one"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("../README.md", repository.join("tests/link")).unwrap();
        fs::write(repository.join(".gitattributes"), "tests export-ignore\nVERSION export-subst\n").unwrap();
        scene.git(&["add", "-A"], b"");
        let submodule = "4".repeat(if format == "sha256" { 64 } else { 40 });
        scene.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{submodule},tests/library")], b"");
        scene.git(&["commit", "-q", "-m", "One"], b"");
        scene.git(&["config", "uploadpack.allowFilter", "true"], b"");
        let commit = String::from_utf8(scene.git(&["rev-parse", "HEAD"], b"")).unwrap().trim().to_owned();
        Scene { commit, ..scene }
    }

    fn repository(&self) -> PathBuf {
        self.place.path().join("repository")
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_PROTOCOL", "version=2");
        command.current_dir(self.repository()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that refuses does not read to the end.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap().stdout
    }

    /// What git answers a question with.
    fn ask(&self, question: &[u8]) -> Vec<u8> {
        self.git(&["upload-pack", "--stateless-rpc", "."], question)
    }

    fn trees(&self) -> Vec<u8> {
        self.ask(&protocol::ask_for_commit(&self.commit.parse().unwrap()))
    }

    fn blobs(&self, missing: &[Missing]) -> Vec<u8> {
        self.ask(&protocol::ask_for_blobs(missing.iter().map(|missing| &missing.id)))
    }

    fn settings(&self) -> DownloadSpec {
        let commit = self.commit.parse().unwrap();
        DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits: Limits::default() }
    }

    fn target(&self) -> PathBuf {
        self.place.path().join("out")
    }

    /// With what git's own archive has.
    fn with_archive(&self, settings: DownloadSpec) -> StagedDownload {
        let staged = StagedDownload::new(&self.target(), settings).unwrap();
        let archive = self.git(&["archive", "--format=tar", &self.commit], b"");
        staged.unpack(&archive[..], ArchiveFormat::Tar, &Layout::default(), &Silent).unwrap();
        staged
    }

    fn empty(&self, limits: Limits) -> StagedDownload {
        StagedDownload::new(&self.target(), DownloadSpec { limits, ..self.settings() }).unwrap()
    }
}

fn listing(directory: &Path, root: &Path, found: &mut BTreeMap<String, (bool, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if kind.is_symlink() {
            found.insert(name, (false, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()));
        } else if kind.is_file() {
            found.insert(name, (kind.permissions().mode() & 0o100 != 0, fs::read(&path).unwrap()));
        } else if name != ".git" {
            listing(&path, root, found);
        }
    }
}

fn all(directory: &Path) -> BTreeMap<String, (bool, Vec<u8>)> {
    let mut found = BTreeMap::new();
    listing(directory, directory, &mut found);
    found
}

#[test]
fn what_an_archive_left_out_or_altered_comes_in_two_answers_and_the_commit_s_own_id_vouches_for_it() {
    for format in ["sha1", "sha256"] {
        let scene = Scene::new(format);
        let staged = scene.with_archive(scene.settings());
        let introduction = scene.git(&["upload-pack", "--stateless-rpc", "--advertise-refs", "."], b"");
        let format = if format == "sha1" { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 };
        protocol::check(&introduction[..], format).unwrap();
        let missing = staged.compare_with_commit(&scene.trees()[..]).unwrap();
        assert_eq!(missing.len(), 4, "each content once, and nothing that is here: {missing:?}");
        assert!(!staged.verified().unwrap());
        staged.put_missing(&scene.blobs(&missing)[..], &missing, &Silent).unwrap();
        assert!(staged.verified().unwrap());
        let receipt = staged.finish().unwrap();
        assert_eq!(receipt.verification, Verification::Verified);
        assert_eq!(receipt.submodules.len(), 1);
        assert!(scene.target().join("tests/library").is_dir(), "as git has it");
        assert_eq!(all(&scene.target()), all(&scene.repository()));
    }
}

#[test]
fn what_the_commit_does_not_have_goes_and_a_subdirectory_is_all_that_is_looked_at() {
    let scene = Scene::new("sha1");
    let subdirectory = RepoPath::parse("tests/deep").unwrap();
    let staged = StagedDownload::new(&scene.target(), DownloadSpec { subdirectory, ..scene.settings() }).unwrap();
    for (path, content) in [("tests/deep/two", "altered"), ("tests/deep/more/x", "more"), ("tests/deep/again/x", "no")]
    {
        let path = RepoPath::parse(path).unwrap();
        staged.write(&path, forgeport_model::FileKind::Regular, &mut content.as_bytes()).unwrap();
    }
    let missing = staged.compare_with_commit(&scene.trees()[..]).unwrap();
    assert_eq!(missing.len(), 2);
    staged.put_missing(&scene.blobs(&missing)[..], &missing, &Silent).unwrap();
    staged.finish().unwrap();
    assert_eq!(all(&scene.target()), all(&scene.repository().join("tests/deep")));
}

#[test]
fn a_tree_that_the_forge_told_and_the_commit_has_not_is_found_out() {
    let scene = Scene::new("sha1");
    let staged = scene.with_archive(scene.settings());
    let lie = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d".parse().unwrap();
    staged.expect_tree(&RepoPath::root(), lie).unwrap();
    let missing = staged.compare_with_commit(&scene.trees()[..]).unwrap();
    staged.put_missing(&scene.blobs(&missing)[..], &missing, &Silent).unwrap();
    assert!(matches!(staged.finish(), Err(FinishError::Contradiction { .. })));
    assert!(!scene.target().exists());
}

#[test]
fn a_refusal_and_a_page_for_people_are_no_error_of_the_content() {
    let scene = Scene::new("sha1");
    let staged = scene.with_archive(scene.settings());
    let unknown = protocol::ask_for_blobs([&"1".repeat(40).parse().unwrap()]);
    let refused = scene.ask(&unknown);
    for answer in [&refused[..], b"<html>Sign in</html>", b"0010ERR go away\n"] {
        let error = staged.compare_with_commit(answer).unwrap_err();
        assert!(matches!(error, UnpackError::Unsupported(_)), "{error:?}");
        let error = staged.put_missing(answer, &[], &Silent).unwrap_err();
        assert!(matches!(error, UnpackError::Unsupported(_)), "{error:?}");
    }
    assert!(staged.compare_with_commit(&refused[..]).unwrap_err().to_string().contains("not our ref"));
    // What was here still is.
    assert!(!staged.compare_with_commit(&scene.trees()[..]).unwrap().is_empty());
}

#[test]
fn an_answer_that_is_cut_anywhere_is_worth_another_try_and_changes_nothing() {
    let scene = Scene::new("sha1");
    let staged = scene.with_archive(scene.settings());
    let trees = scene.trees();
    for length in (0..trees.len()).step_by(7) {
        let error = staged.compare_with_commit(&trees[..length]).unwrap_err();
        assert!(matches!(error, UnpackError::Transfer(_)), "{length}: {error:?}");
    }
    let missing = staged.compare_with_commit(&trees[..]).unwrap();
    let blobs = scene.blobs(&missing);
    for length in (0..blobs.len()).step_by(7) {
        let error = staged.put_missing(&blobs[..length], &missing, &Silent).unwrap_err();
        assert!(matches!(error, UnpackError::Transfer(_)), "{length}: {error:?}");
    }
    staged.put_missing(&blobs[..], &missing, &Silent).unwrap();
    assert!(staged.verified().unwrap());
}

#[test]
fn objects_that_were_not_asked_for_go_nowhere_and_ones_that_were_have_to_come() {
    let scene = Scene::new("sha1");
    let other = Scene::new("sha1");
    fs::write(other.repository().join("evil"), "evil\n").unwrap();
    other.git(&["add", "-A"], b"");
    other.git(&["commit", "-q", "-m", "Evil"], b"");
    let head = String::from_utf8(other.git(&["rev-parse", "HEAD"], b"")).unwrap().trim().to_owned();
    let evil = String::from_utf8(other.git(&["rev-parse", "HEAD:evil"], b"")).unwrap().trim().to_owned();
    let staged = scene.with_archive(scene.settings());
    // Another commit, be it ever so whole, is not the one.
    let error = staged.compare_with_commit(&other.ask(&protocol::ask_for_commit(&head.parse().unwrap()))[..]);
    assert!(error.unwrap_err().to_string().contains("the commit is not in it"));
    let missing = staged.compare_with_commit(&scene.trees()[..]).unwrap();
    // One of what was asked for, and the evil one in the place of the others.
    let evil = evil.parse().unwrap();
    let some = other.ask(&protocol::ask_for_blobs([&missing[0].id, &evil]));
    let error = staged.put_missing(&some[..], &missing, &Silent).unwrap_err();
    assert!(error.to_string().contains("its content is not in it"), "{error}");
    // More than was asked for.
    let more = other.ask(&protocol::ask_for_blobs(missing.iter().map(|missing| &missing.id).chain([&evil])));
    staged.put_missing(&more[..], &missing, &Silent).unwrap();
    staged.finish().unwrap();
    assert_eq!(all(&scene.target()), all(&scene.repository()));
}

#[test]
fn trees_and_files_end_at_the_limits_however_small_the_pack() {
    let scene = Scene::new("sha1");
    // 8 levels of ten names each for the same tree: a hundred million paths of some hundred bytes.
    let mut entry = format!("100644 blob {}\tx", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    scene.git(&["hash-object", "-w", "--stdin"], b"");
    for _ in 0..8 {
        let tree = scene.git(&["mktree"], (entry.clone() + "\n").as_bytes());
        let tree = String::from_utf8(tree).unwrap().trim().to_owned();
        entry = (0..10).map(|n| format!("040000 tree {tree}\td{n}")).collect::<Vec<_>>().join("\n");
    }
    let root = String::from_utf8(scene.git(&["mktree"], (entry + "\n").as_bytes())).unwrap();
    let commit = String::from_utf8(scene.git(&["commit-tree", "-m", "Bomb", root.trim()], b"")).unwrap();
    let bomb = Scene { commit: commit.trim().to_owned(), ..scene };
    let trees = bomb.trees();
    assert!(trees.len() < 2000, "{}", trees.len());
    let limits = Limits::default().with(Limit::ArchiveEntries, 10_000);
    let error = bomb.empty(limits).compare_with_commit(&trees[..]).unwrap_err().to_string();
    assert!(error.contains("`archive_entries`"), "{error}");
    let limits = Limits::default().with(Limit::ArchiveNames, 1 << 16);
    let error = bomb.empty(limits).compare_with_commit(&trees[..]).unwrap_err().to_string();
    assert!(error.contains("names and link targets"), "{error}");

    let scene = Scene::new("sha1");
    let large = vec![0; 4 << 20];
    fs::write(scene.repository().join("large"), &large).unwrap();
    scene.git(&["add", "-A"], b"");
    scene.git(&["commit", "-q", "-m", "Large"], b"");
    let commit = String::from_utf8(scene.git(&["rev-parse", "HEAD"], b"")).unwrap().trim().to_owned();
    let scene = Scene { commit, ..scene };
    let staged = scene.empty(Limits::default().with(Limit::ArchiveBytes, 1 << 20));
    let missing = staged.compare_with_commit(&scene.trees()[..]).unwrap();
    let error = staged.put_missing(&scene.blobs(&missing)[..], &missing, &Silent).unwrap_err().to_string();
    assert!(error.contains("`archive_bytes`"), "{error}");
}

#[test]
fn words_without_end_beside_the_pack_end_at_the_limit_of_bytes() {
    /// What `git` says to people, for as long as somebody listens.
    struct Chatter(u64);
    impl std::io::Read for Chatter {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            const LINE: &[u8] = b"0010\x02Counting...";
            for byte in buffer.iter_mut() {
                *byte = LINE[(self.0 % LINE.len() as u64) as usize];
                self.0 += 1;
            }
            Ok(buffer.len())
        }
    }
    let scene = Scene::new("sha1");
    let staged = scene.empty(Limits::default().with(Limit::ArchiveBytes, 8 << 20));
    let answer = std::io::Read::chain(&b"000dpackfile\n"[..], Chatter(0));
    let error = staged.compare_with_commit(answer).unwrap_err().to_string();
    assert!(error.contains("`archive_bytes`"), "{error}");
}
