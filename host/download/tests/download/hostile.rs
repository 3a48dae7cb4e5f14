//! Archives that nobody means well with: the well-known troubles of tar readers, as raw blocks.
use forgeport_download::{ArchiveFormat, DownloadSpec, Layout, Progress, StagedDownload};
use forgeport_model::{Limit, Limits};
use forgeport_model::{ObjectId, RepoPath};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs, path::Path};

use crate::raw_tar::{Block, Tar, gzip, record, tar};

const COMMIT: &str = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d";

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn limits() -> Limits {
    Limits::default()
        .with(Limit::ArchiveEntries, 1000)
        .with(Limit::ArchiveBytes, 8 << 20)
        .with(Limit::ArchiveNames, 1 << 20)
}

/// What lies below a directory: paths, and contents or link targets. Nothing is followed.
fn listing(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(place) = left.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
            let kind = path.symlink_metadata().unwrap();
            let content = match kind {
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                kind if kind.is_dir() => {
                    left.push(path);
                    continue;
                }
                _ => fs::read(&path).unwrap(),
            };
            found.insert(name, content);
        }
    }
    found
}

/// Unpacks into `out` beside things that are nobody's business, and tells what lies in it then. Whatever happens, those are as they were,
/// and after a failure there is nothing else.
fn unpack(archive: &[u8], format: ArchiveFormat, limits: Limits) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("other")).unwrap();
    fs::write(directory.path().join("other/file"), "untouched").unwrap();
    let before = listing(directory.path());
    let commit: ObjectId = COMMIT.parse().unwrap();
    let settings = DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits };
    let staged = StagedDownload::new(&directory.path().join("out"), settings).unwrap();
    let unpacked = staged.unpack(archive, format, &Layout { strip: 1, base: RepoPath::root() }, &Silent);
    let finished = match unpacked {
        Ok(()) => staged.finish().map(drop).map_err(|error| error.to_string()),
        Err(error) => {
            drop(staged);
            Err(error.to_string())
        }
    };
    let mut after = listing(directory.path());
    let out =
        after.extract_if(.., |name, _| name.starts_with("out/")).map(|(name, content)| (name[4..].to_owned(), content));
    let out: BTreeMap<_, _> = out.collect();
    assert_eq!(after, before);
    assert!(out.is_empty() || finished.is_ok());
    finished.map(|_| out)
}

#[track_caller]
fn refused(what: &str, archive: Tar, why: &str) {
    refused_bytes(what, &archive.end(), why);
}

#[track_caller]
fn refused_bytes(what: &str, archive: &[u8], why: &str) {
    match unpack(archive, ArchiveFormat::Tar, limits()) {
        Ok(tree) => panic!("{what}: it was taken: {:?}", tree.keys()),
        Err(error) => {
            assert!(error.contains(why) && !error.contains('\n') && error.len() < 1000, "{what}: {error}");
        }
    }
}

#[track_caller]
fn taken(what: &str, archive: Tar, files: &[&str]) {
    let tree = unpack(&archive.end(), ArchiveFormat::Tar, limits()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(tree.keys().collect::<Vec<_>>(), files, "{what}");
}

#[test]
fn what_is_neither_file_link_nor_directory_is_refused() {
    for (kind, why) in [
        (b'1', "hard link"),
        (b'3', "character device"),
        (b'4', "block device"),
        (b'6', "named pipe"),
        (b'7', "contiguous"),
        (b'S', "sparse"),
        (b'D', "unknown type"),
        (b'M', "unknown type"),
        (b'N', "unknown type"),
        (b'V', "unknown type"),
        (b'A', "unknown type"),
        (b'9', "unknown type"),
        (0xff, "unknown type"),
    ] {
        refused("a strange type", tar().file("r/a").member("r/b", kind, "r/a", b""), why);
    }
    for target in ["r/a", "/etc/passwd", "../../etc/passwd", "r/later", ""] {
        refused("a hard link", tar().file("r/a").member("r/b", b'1', target, b""), "hard link");
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused_however_they_are_told() {
    let long = "n/".repeat(300) + "x";
    let endless = "d".repeat(256);
    for (name, why) in [
        ("r/../x", "`.` or `..`"),
        ("r/a/../../x", "`.` or `..`"),
        ("../x", ""),
        ("/x", ""),
        ("//x", ""),
        ("r/./x", "`.` or `..`"),
        ("r//x", "empty"),
        ("r/.git/config", ".git"),
        ("r/.GIT/config", ".git"),
        ("r/git~1/x", ".git"),
        ("r/.git /x", ".git"),
        ("r/.git./x", ".git"),
        ("r/.g\u{200c}it/x", ".git"),
        ("r/a\0b", "NUL"),
        (&format!("r/{long}"), "levels deep"),
        (&format!("r/{endless}"), "256 bytes"),
        ("x", "root folder"),
    ] {
        refused(name, tar().with("path", name.as_bytes()).file("r/good"), why);
        if !name.contains('\0') {
            let terminated = [name.as_bytes(), b"\0"].concat();
            refused(name, tar().member("long", b'L', "", &terminated).file("r/good"), why);
        }
        if name.len() <= 100 && !name.contains('\0') {
            refused(name, tar().file(name), why);
        }
    }
}

#[test]
fn names_that_are_only_odd_are_kept_as_they_are() {
    let odd = [
        "r/CON",
        "r/NUL.txt",
        "r/a:b",
        "r/a\\b",
        "r/..a",
        "r/a..",
        "r/...",
        "r/-rf",
        "r/ ",
        "r/~",
        "r/a\u{301}",
        "r/\u{e1}",
        "r/A",
        "r/a",
        "r/new\nline",
    ];
    let archive = odd.iter().fold(tar(), |archive, name| archive.with("path", name.as_bytes()).file("r/x"));
    let mut files: Vec<&str> = odd.iter().map(|name| &name[2..]).collect();
    files.sort_unstable();
    taken("odd names", archive, &files);
    let not_text = unpack(&tar().with("path", b"r/\xff\xfe").file("r/x").end(), ArchiveFormat::Tar, limits()).unwrap();
    assert_eq!(not_text.len(), 1);
}

#[test]
fn links_never_lead_out_and_nothing_is_written_through_them() {
    for target in ["/", "/etc/passwd", "..", "../x", "a/../../x", "./../x", "", "d/../../../x"] {
        refused(target, tar().member("r/l", b'2', target, b""), "");
        refused(target, tar().with("linkpath", target.as_bytes()).member("r/l", b'2', "good", b""), "");
    }
    let link = |name, target| tar().member(name, b'2', target, b"");
    refused("a file in a link", link("r/l", "d").file("r/l/x"), "would lie in");
    refused("a link in a link", link("r/l", "d").member("r/l/m", b'2', "x", b""), "would lie in");
    refused("a directory over a link", link("r/l", "d").member("r/l/", b'5', "", b""), "twice");
    refused("a link over a directory", tar().file("r/d/x").member("r/d", b'2', "e", b""), "twice");
    refused("a link over a file", tar().file("r/d").member("r/d", b'2', "e", b""), "twice");
    refused("a file over a link", link("r/l", "d").file("r/l"), "twice");
    refused("the same file twice", tar().file("r/x").file("r/x"), "twice");
    refused("a file as a directory", tar().file("r/x").file("r/x/y"), "would lie in");
    refused("a chain", link("r/a", "b").member("r/b", b'2', "a", b"").file("r/a/x"), "would lie in");
    refused("a target with a NUL", tar().with("linkpath", b"a\0b").member("r/l", b'2', "x", b""), "");
    taken("links within", link("r/l", "d/x").member("r/m", b'2', "missing", b"").file("r/d/x"), &["d/x", "l", "m"]);
}

#[test]
fn pax_records_that_can_be_read_in_two_ways_are_refused() {
    for records in [
        &b""[..],
        b"5",
        b"x path=a\n",
        b"0 path=a\n",
        b"99 path=r/a\n",
        b"3 path=r/a\n",
        b"18446744073709551616 path=a\n",
        b"-1 path=a\n",
        b" 11 path=a\n",
        b"010 path=a\n",
        b"11 path=r/a",
        b"12 path=r/a\n\0",
        b"8 nokey\n",
        b"\xff\xff",
    ] {
        let outcome = unpack(&tar().pax(b'x', records).file("r/good").end(), ArchiveFormat::Tar, limits());
        // What the record may mean is never guessed: it counts for nothing, or the archive is refused.
        assert!(outcome.is_err() || outcome.unwrap().keys().eq(["good"]), "{}", records.escape_ascii());
    }
    let twice = [record("path", b"r/a"), record("path", b"r/b")].concat();
    refused("two paths", tar().pax(b'x', &twice).file("r/c"), "");
    refused("two headers", tar().with("path", b"r/a").with("path", b"r/b").file("r/c"), "");
    refused(
        "a header of GNU and one of pax",
        tar().member("l", b'L', "", b"r/a\0").with("path", b"r/b").file("r/c"),
        "",
    );
    refused("a header without a member", tar().with("path", b"r/a"), "last");
    refused("sparse 0.1", tar().with("GNU.sparse.map", b"0,1").file("r/a"), "");
    refused("sparse 1.0", tar().with("GNU.sparse.major", b"1").file("r/a"), "");
    refused("another size", tar().with("size", b"5000").file("r/a"), "");
    refused("a huge size", tar().with("size", b"18446744073709551615").file("r/a"), "");
    refused("a negative size", tar().with("size", b"-1").file("r/a"), "");
    refused("a path for all", tar().pax(b'g', &record("path", b"../evil")).file("r/a"), "");
    let comment = record("comment", COMMIT.as_bytes());
    taken("the commit for all", tar().pax(b'g', &comment).file("r/a"), &["a"]);
    let other = record("comment", COMMIT.replace('c', "d").as_bytes());
    refused("another commit", tar().pax(b'g', &other).file("r/a"), "requested");
}

#[test]
fn extension_headers_are_read_only_so_far() {
    for kind in [b'L', b'K', b'x', b'g'] {
        refused("a long header", tar().member("l", kind, "", &vec![b'a'; 10 << 20]).file("r/a"), "too long");
        let size = Block::new(b"l", kind, b"77777777777\0");
        refused("a header that claims 8 GiB", tar().block(&size, b""), "too long");
    }
    let many = (0..200_000).fold(tar(), |archive, _| archive.pax(b'g', b""));
    // An archive of nothing but headers ends all the same, within the bytes that it may have.
    refused_bytes("headers only", &many.0, "");
}

#[test]
fn sizes_that_are_no_numbers_or_out_of_range_are_refused() {
    let base_256 = |first: u8, rest: [u8; 11]| [&[first][..], &rest].concat();
    for size in [
        b"zzzzzzzzzzz\0".to_vec(),
        b"-0000000001\0".to_vec(),
        b"00000000008\0".to_vec(),
        base_256(0x80, [0xff; 11]),
        base_256(0xff, [0xff; 11]),
        base_256(0x80, [0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        b"77777777777\0".to_vec(),
    ] {
        refused("a size", tar().block(&Block::new(b"r/a", b'0', &size), b"x"), "");
    }
    refused("a directory with content", tar().member("r/d/", b'5', "", b"x"), "content");
    refused("a link with content", tar().member("r/l", b'2', "a", b"x"), "content");
}

#[test]
fn damaged_archives_are_refused() {
    let whole = tar().file("r/a").file("r/b").end();
    refused_bytes("nothing", b"", "");
    refused_bytes("no end", &tar().file("r/a").0, "");
    refused_bytes("one block of the end", &whole[..whole.len() - 512], "");
    for length in [1, 100, 511, 512, 513, 1023, 1024, 1500] {
        refused_bytes("cut", &whole[..length], "");
    }
    let mut sum = whole.clone();
    sum[0] ^= 1;
    refused_bytes("a wrong checksum", &sum, "");
    let mut lone = tar().file("r/a").0;
    lone.extend([0; 512]);
    lone.extend(tar().file("r/b").end());
    refused_bytes("a zero block alone", &lone, "alone");
    refused_bytes("no archive", &[b'x'; 4096], "");
    refused_bytes("a page", b"<!DOCTYPE html><html>", "");
}

#[test]
fn gzip_that_is_damaged_or_goes_on_is_not_taken_for_whole() {
    let whole = gzip(&tar().file("r/a").end());
    let taken = |bytes: &[u8]| unpack(bytes, ArchiveFormat::TarGzip, limits()).is_ok();
    assert!(taken(&whole));
    for length in [0, 1, 9, 10, 18, whole.len() - 9, whole.len() - 4, whole.len() - 1] {
        assert!(!taken(&whole[..length]), "{length}");
    }
    for at in [whole.len() - 1, whole.len() - 5, whole.len() / 2, 2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        assert!(!taken(&damaged), "{at}");
    }
}

#[test]
fn bombs_end_at_their_limits() {
    let limited = |archive: &[u8], format, limits| unpack(archive, format, limits).unwrap_err();
    let zeros = gzip(&tar().member("r/zeros", b'0', "", &vec![0; 20 << 20]).end());
    assert!(zeros.len() < 100_000);
    assert!(limited(&zeros, ArchiveFormat::TarGzip, limits()).contains("`archive_bytes`"));
    let many = (0..1001).fold(tar(), |archive, number| archive.member(&format!("r/{number}"), b'0', "", b"")).end();
    assert!(limited(&gzip(&many), ArchiveFormat::TarGzip, limits()).contains("`archive_entries`"));
    let long = tar().with("path", format!("r/{}", "n/".repeat(100) + "x").as_bytes()).file("r/x").end();
    assert!(limited(&long, ArchiveFormat::Tar, limits().with(Limit::PathLength, 200)).contains("`path_length`"));
    assert!(limited(&long, ArchiveFormat::Tar, limits().with(Limit::PathDepth, 100)).contains("`path_depth`"));
    let nested = gzip(&zeros);
    assert!(unpack(&nested, ArchiveFormat::TarGzip, limits()).is_err());
}

#[test]
fn modes_beyond_a_bit_are_not_kept() {
    let mut block = Block::new(b"r/suid", b'0', b"00000000001\0");
    let block = block.put(100, b"0007777\0").sum();
    let directory = tempfile::tempdir().unwrap();
    let commit: ObjectId = COMMIT.parse().unwrap();
    let settings = DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits: limits() };
    let staged = StagedDownload::new(&directory.path().join("out"), settings).unwrap();
    let archive = tar().block(&block, b"x").end();
    staged.unpack(&archive[..], ArchiveFormat::Tar, &Layout { strip: 1, base: RepoPath::root() }, &Silent).unwrap();
    staged.finish().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(directory.path().join("out/suid")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o7022, 0, "{mode:o}");
}

#[test]
fn what_is_no_pack_is_refused_as_one() {
    let pkt = |bytes: &[u8]| [format!("{:04x}", bytes.len() + 4).as_bytes(), bytes].concat();
    let pack = |objects: u32, rest: &[u8]| {
        let data = [&b"\x01PACK\0\0\0\x02"[..], &objects.to_be_bytes(), rest].concat();
        [pkt(b"packfile\n"), pkt(&data), b"0000".to_vec()].concat()
    };
    for bytes in [
        vec![],
        b"0000".to_vec(),
        b"ffff".to_vec(),
        b"zzzz".to_vec(),
        b"0003".to_vec(),
        pkt(b"ERR no\n"),
        pkt(b"packfile\n"),
        pack(0, b""),
        pack(u32::MAX, b""),
        pack(1, &[0x90, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        pack(1, &[0x60, 0xff, 0xff]),
        pack(1, &[[0x7f].as_slice(), &[0; 20]].concat()),
        [pkt(b"packfile\n"), pkt(b"\x03fatal: no\n")].concat(),
        [pkt(b"packfile\n"), pkt(b"\x09what")].concat(),
    ] {
        assert!(unpack(&bytes, ArchiveFormat::GitPack, limits()).is_err(), "{}", bytes.escape_ascii());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damage_of_any_sort_ends_in_an_error_or_in_the_directory(
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<proptest::sample::Index>(),
        whole in any::<bool>(),
        packed in any::<bool>(),
    ) {
        let archive = tar().with("path", b"r/d/x").file("r/y").member("r/l", b'2', "d/x", b"").file("r/z").end();
        let mut bytes = if packed { gzip(&archive) } else { archive };
        for (at, value) in &flips {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        // The check that nothing else was touched is in there.
        let _ = unpack(&bytes, if packed { ArchiveFormat::TarGzip } else { ArchiveFormat::Tar }, limits());
    }

    #[test]
    fn noise_is_no_pack(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(unpack(&bytes, ArchiveFormat::GitPack, limits()).is_err());
    }
}
