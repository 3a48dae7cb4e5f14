//! What a try brought that failed, and what the next one makes of it.
use forgeport_download::{
    ArchiveFormat, Cache, CacheKey, DownloadSpec, Layout, ListedEntry, Progress, StagedDownload, UnpackError,
};
use forgeport_model::Limits;
use forgeport_model::{FileKind, RepoPath};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

struct Scene(TempDir);

impl Scene {
    fn new() -> Scene {
        Scene(tempfile::tempdir().unwrap())
    }

    fn cache(&self, limit: u64) -> Cache {
        Cache::local(&self.0.path().join("cache"), limit)
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn stage(&self) -> StagedDownload {
        let (commit, limits) = (COMMIT.parse().unwrap(), Limits::default());
        StagedDownload::new(
            &self.target(),
            DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits },
        )
        .unwrap()
    }
}

fn key() -> CacheKey {
    CacheKey::new("a way", COMMIT.parse().unwrap(), &RepoPath::root())
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn archive(names: &[&str]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_mode(0o755);
        archive.append_data(&mut header, name, &b"code"[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

fn unpack(staged: &StagedDownload, name: &str, archive: &[u8]) -> Result<(), UnpackError> {
    assert!(!staged.has_archive(name).unwrap());
    staged.unpack(archive, ArchiveFormat::Tar, &Layout::default(), &Silent)?;
    staged.archive_came(name);
    Ok(())
}

/// What the next try finds.
fn resumed(scene: &Scene, cache: &Cache) -> StagedDownload {
    let staged = scene.stage();
    cache.take_partial(&key()).unwrap().resume(&staged, &Silent).unwrap();
    staged
}

#[test]
fn all_that_came_whole_is_there_again_with_the_archive_and_nothing_else() {
    let scene = Scene::new();
    let cache = scene.cache(1 << 30);
    let staged = scene.stage();
    unpack(&staged, "one", &archive(&["a", "d/b"])).unwrap();
    staged.write(&path("single"), FileKind::Regular, &mut &b"single"[..]).unwrap();
    staged.write(&path("d/link"), FileKind::Symlink, &mut &b"../a"[..]).unwrap();
    let id = COMMIT.parse().unwrap();
    assert!(
        staged
            .compare(&path("s"), vec![ListedEntry { path: path("s/m"), kind: FileKind::Submodule, id }])
            .unwrap()
            .is_empty()
    );
    /// Ends in the middle of a file.
    struct Broken(bool);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("the connection broke"));
            }
            buffer[0] = b'x';
            Ok(1)
        }
    }
    staged.write(&path("half"), FileKind::Regular, &mut Broken(false)).unwrap_err();
    cache.put_partial(&key(), &staged).unwrap();
    drop(staged);
    let usage = cache.usage().unwrap();
    assert!(usage.entries == 1 && usage.bytes > 0);

    let staged = resumed(&scene, &cache);
    assert!(cache.take_partial(&key()).is_none(), "it is taken once");
    assert!(staged.has_archive("one").unwrap());
    let receipt = staged.finish().unwrap();
    assert_eq!((receipt.files, receipt.links, receipt.submodules.len()), (3, 1, 1));
    let out = scene.target();
    assert_eq!(fs::read(out.join("d/b")).unwrap(), b"code");
    assert_eq!(fs::read_link(out.join("d/link")).unwrap(), PathBuf::from("../a"));
    assert!(out.join("s/m").is_dir() && !out.join("half").exists());
}

#[test]
fn a_try_that_failed_twice_goes_on_twice() {
    let scene = Scene::new();
    let cache = scene.cache(1 << 30);
    let staged = scene.stage();
    unpack(&staged, "one", &archive(&["a"])).unwrap();
    cache.put_partial(&key(), &staged).unwrap();
    drop(staged);
    let staged = resumed(&scene, &cache);
    assert!(staged.has_archive("one").unwrap());
    staged.write(&path("b"), FileKind::Regular, &mut &b"b"[..]).unwrap();
    cache.put_partial(&key(), &staged).unwrap();
    drop(staged);
    let staged = resumed(&scene, &cache);
    assert!(staged.has_archive("one").unwrap());
    assert_eq!(staged.finish().unwrap().files, 2);
}

#[test]
fn what_another_archive_brought_makes_way() {
    let scene = Scene::new();
    let cache = scene.cache(1 << 30);
    let staged = scene.stage();
    unpack(&staged, "one", &archive(&["a", "b"])).unwrap();
    cache.put_partial(&key(), &staged).unwrap();
    drop(staged);
    let staged = resumed(&scene, &cache);
    unpack(&staged, "other", &archive(&["a", "c"])).unwrap();
    staged.finish().unwrap();
    assert!(scene.target().join("c").exists() && !scene.target().join("b").exists());
}

#[test]
fn of_two_archives_the_one_that_came_is_not_asked_for_again() {
    let scene = Scene::new();
    let cache = scene.cache(1 << 30);
    let staged = scene.stage();
    unpack(&staged, "one", &archive(&["a"])).unwrap();
    // The other one was asked for, and nothing of it came.
    cache.put_partial(&key(), &staged).unwrap();
    drop(staged);
    let staged = resumed(&scene, &cache);
    assert!(staged.has_archive("one").unwrap());
    unpack(&staged, "other", &archive(&["b"])).unwrap();
    assert_eq!(staged.finish().unwrap().files, 2);
}

#[test]
fn a_part_of_an_archive_nothing_and_too_much_are_not_kept() {
    let scene = Scene::new();
    let cache = scene.cache(1 << 30);
    let staged = scene.stage();
    cache.put_partial(&key(), &staged).unwrap();
    assert!(cache.take_partial(&key()).is_none());
    let whole = archive(&["a", "b", "c"]);
    unpack(&staged, "one", &whole[..1500]).unwrap_err();
    cache.put_partial(&key(), &staged).unwrap();
    assert!(cache.take_partial(&key()).is_none());
    staged.start_again().unwrap();
    staged.unpack(&whole[..1500], ArchiveFormat::Tar, &Layout::default(), &Silent).unwrap_err();
    cache.put_partial(&key(), &staged).unwrap();
    assert!(cache.take_partial(&key()).is_none());
    drop(staged);
    let (staged, small) = (scene.stage(), scene.cache(20));
    unpack(&staged, "one", &whole).unwrap();
    small.put_partial(&key(), &staged).unwrap();
    assert!(small.take_partial(&key()).is_none());
}

#[test]
fn what_is_damaged_is_an_error_and_gone() {
    let scene = Scene::new();
    let cache = scene.cache(1 << 30);
    let staged = scene.stage();
    unpack(&staged, "one", &archive(&["a"])).unwrap();
    cache.put_partial(&key(), &staged).unwrap();
    drop(staged);
    let content = scene.0.path().join("cache/content");
    let kept = fs::read_dir(content).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&kept).unwrap();
    // The checksum of the header.
    bytes[148] = b'9';
    fs::write(&kept, &bytes).unwrap();
    let staged = scene.stage();
    assert!(cache.take_partial(&key()).unwrap().resume(&staged, &Silent).is_err());
    assert!(!kept.exists());
    staged.start_again().unwrap();
    assert!(!staged.has_archive("one").unwrap());
    fs::write(&kept, &bytes[..5]).unwrap();
    assert!(cache.take_partial(&key()).is_none() && !kept.exists());
}
