//! What a stranger's numbers may cost: many of everything, in the least favourable order, takes no more than its share, and no work goes
//! on after its end. The times are generous: what they tell apart are seconds and hours.
use forgeport_download::{
    ArchiveFormat, Deadline, DownloadSpec, FinishError, Layout, ListedEntry, Progress, Receipt, StagedDownload,
    UnpackError,
};
use forgeport_model::{FileKind, RepoPath};
use forgeport_model::{Limit, Limits};
use std::{
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";
const GENEROUS: Duration = Duration::from_secs(60);

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn staged(directory: &TempDir, limits: Limits) -> StagedDownload {
    let settings =
        DownloadSpec { commit: COMMIT.parse().unwrap(), subdirectory: RepoPath::root(), force: false, limits };
    StagedDownload::new(&directory.path().join("out"), settings).unwrap()
}

/// An archive of members: a path, a kind, and a content or link target.
fn archive(members: impl IntoIterator<Item = (String, EntryType, String)>) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, kind, content) in members {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        if kind == EntryType::Symlink {
            header.set_size(0);
            archive.append_link(&mut header, path, content).unwrap();
        } else {
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    archive.into_inner().unwrap()
}

fn file(path: String) -> (String, EntryType, String) {
    (path, EntryType::Regular, String::new())
}

fn link(path: String, target: String) -> (String, EntryType, String) {
    (path, EntryType::Symlink, target)
}

fn unpack(staged: &StagedDownload, archive: &[u8]) -> Result<(), UnpackError> {
    staged.unpack(archive, ArchiveFormat::Tar, &Layout::default(), &Silent)
}

fn download(archive: &[u8]) -> Result<Receipt, FinishError> {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default());
    unpack(&staged, archive).unwrap();
    staged.finish()
}

#[track_caller]
fn soon<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    assert!(start.elapsed() < GENEROUS, "it took {:?}", start.elapsed());
    done
}

#[test]
fn a_listing_without_them_takes_a_hundred_thousand_links_away() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default());
    unpack(&staged, &archive((0..100_000).map(|number| link(format!("l{number}"), "x".into())))).unwrap();
    soon(|| staged.compare(&RepoPath::root(), Vec::new())).unwrap();
    assert_eq!(staged.finish().unwrap().links, 0);
}

#[test]
fn links_that_lead_through_forty_others_each_are_judged_once() {
    let target = |number: usize| format!("l{}/../", number + 1).repeat(400) + "d";
    let links = (0..400).map(|number| link(format!("l{number}"), target(number)));
    let archive = archive(links.chain([link("l400".into(), "d".into())]));
    soon(|| download(&archive)).unwrap();
}

#[test]
fn directories_count_that_only_the_paths_of_others_name() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default().with(Limit::ArchiveEntries, 1000));
    let files = (0..20).map(|number| file(format!("{number}/{}x", "n/".repeat(99))));
    let error = unpack(&staged, &archive(files)).unwrap_err().to_string();
    assert!(error.contains("`archive_entries`"), "{error}");
}

#[test]
fn directories_that_are_listed_in_an_archive_count_once() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default().with(Limit::ArchiveEntries, 4));
    let directories = ["a/", "a/b/"].map(|path| (path.to_owned(), EntryType::Directory, String::new()));
    let files = ["a/x", "a/b/x"].map(|path| file(path.to_owned()));
    unpack(&staged, &archive(directories.into_iter().chain(files))).unwrap();
}

#[test]
fn a_forge_cannot_tell_of_more_directories_than_there_can_be() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default().with(Limit::ArchiveEntries, 100));
    unpack(&staged, &archive([file("a".into())])).unwrap();
    let told = (0..200).find_map(|number| staged.compare(&path(&format!("d{number}")), Vec::new()).err());
    assert!(told.unwrap().to_string().contains("`archive_entries`"));
}

#[test]
fn files_that_are_written_at_the_same_time_share_one_limit() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default().with(Limit::ArchiveBytes, 1 << 20));
    let content = vec![b'x'; 600 << 10];
    let together = std::sync::Barrier::new(2);
    let write = |name| {
        let mut source = Waiting { content: &content, waited: false, together: &together };
        staged.write(&path(name), FileKind::Regular, &mut source)
    };
    let results = std::thread::scope(|scope| {
        ["a", "b"].map(|name| scope.spawn(move || write(name))).map(|thread| thread.join().unwrap())
    });
    // Which of them goes over it is a matter of time, and both may.
    assert!(results.iter().any(Result::is_err), "{results:?}");
    // What did not come to its end is not counted.
    staged.write(&path("c"), FileKind::Regular, &mut &content[..300 << 10]).unwrap();
}

#[test]
fn files_are_not_written_in_the_place_of_each_other_at_the_same_time() {
    for [one, other] in [["a", "a"], ["a", "a/b"], ["a/b", "a"]] {
        let directory = tempfile::tempdir().unwrap();
        let staged = staged(&directory, Limits::default());
        let mut inner = None;
        let mut source = Meanwhile(|| {
            inner = Some(staged.write(&path(other), FileKind::Regular, &mut &b"other"[..]));
        });
        staged.write(&path(one), FileKind::Regular, &mut source).unwrap();
        assert!(matches!(inner, Some(Err(UnpackError::Rejected(_)))), "{one} {other}: {inner:?}");
        staged.finish().unwrap();
        assert_eq!(fs::read(directory.path().join("out").join(one)).unwrap(), b"");
    }
}

/// Content during which something else is done.
struct Meanwhile<F>(F);

impl<F: FnMut()> std::io::Read for Meanwhile<F> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        (self.0)();
        Ok(0)
    }
}

/// Content that comes to its second half when another one has come so far too.
struct Waiting<'a> {
    content: &'a [u8],
    waited: bool,
    together: &'a std::sync::Barrier,
}

impl std::io::Read for Waiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.content.len() < 300 << 10 && !self.waited {
            self.waited = true;
            self.together.wait();
        }
        self.content.read(buffer)
    }
}

#[test]
fn a_single_file_does_not_take_the_place_of_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default());
    unpack(&staged, &archive([file("a/b".into())])).unwrap();
    for kind in [FileKind::Regular, FileKind::Symlink] {
        let written = staged.write(&path("a"), kind, &mut &b"x"[..]);
        assert!(matches!(written, Err(UnpackError::Rejected(_))), "{written:?}");
    }
    staged.finish().unwrap();
    assert!(directory.path().join("out/a/b").exists());
}

#[test]
fn what_a_listing_takes_away_makes_room_for_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default());
    unpack(&staged, &archive([file("a/b/c".into()), link("a/b/l".into(), "c".into()), file("d".into())])).unwrap();
    let id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391".parse().unwrap();
    let entry = |name: &str| ListedEntry { path: path(name), kind: FileKind::Regular, id };
    let different = staged.compare(&RepoPath::root(), vec![entry("a"), entry("d")]).unwrap();
    assert_eq!(different, [entry("a")]);
    staged.write(&path("a"), FileKind::Regular, &mut &b""[..]).unwrap();
    let receipt = staged.finish().unwrap();
    assert_eq!((receipt.files, receipt.links), (2, 0));
    assert!(directory.path().join("out/a").is_file());
}

fn listing(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// Everything that can be asked of a staged directory.
type Work = fn(&StagedDownload) -> Result<(), UnpackError>;

#[test]
fn nothing_goes_on_when_nobody_waits_any_more() {
    let gzip = |staged: &StagedDownload| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&archive([file("new".into())])).unwrap();
        staged.unpack(&encoder.finish().unwrap()[..], ArchiveFormat::TarGzip, &Layout::default(), &Silent)
    };
    let works: [(&str, Work); 7] = [
        ("unpacking", |staged| unpack(staged, &archive([file("new".into())]))),
        ("gunzip", gzip),
        ("a pack", |staged| staged.unpack(&b"000dpackfile\n"[..], ArchiveFormat::GitPack, &Layout::default(), &Silent)),
        ("writing", |staged| staged.write(&path("new"), FileKind::Regular, &mut &b"x"[..])),
        ("comparing", |staged| staged.compare(&RepoPath::root(), Vec::new()).map(drop)),
        ("verifying", |staged| staged.verified().map(drop)),
        ("starting again", StagedDownload::start_again),
    ];
    for (what, work) in works {
        let directory = tempfile::tempdir().unwrap();
        let deadline = Deadline::never();
        let staged = staged(&directory, Limits::default()).until(deadline.clone());
        unpack(&staged, &archive([file("a".into())])).unwrap();
        deadline.cancel();
        let stopped = work(&staged);
        assert!(matches!(stopped, Err(UnpackError::Stopped(_))), "{what}: {stopped:?}");
        let finished = staged.finish();
        assert!(matches!(finished, Err(FinishError::Unpack(UnpackError::Stopped(_)))), "{what}: {finished:?}");
        assert_eq!(listing(directory.path()), 0, "{what}");
    }
}

#[test]
fn a_download_does_not_succeed_after_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let staged = staged(&directory, Limits::default());
    unpack(&staged, &archive([file("a".into()), link("l".into(), "a".into())])).unwrap();
    let finished = staged.until(Deadline::at(Instant::now())).finish();
    assert!(matches!(finished, Err(FinishError::Unpack(UnpackError::Stopped(_)))), "{finished:?}");
    assert_eq!(listing(directory.path()), 0);
}
