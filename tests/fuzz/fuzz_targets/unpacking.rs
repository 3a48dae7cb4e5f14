//! Archives, packs, and what git answers to complete a directory: nothing outside of the directory, no panic, an end.
#![no_main]

use forgeport_download::{ArchiveFormat, DownloadSpec, Layout, StagedDownload};
use forgeport_model::{Limit, Limits, RepoPath};
use libfuzzer_sys::fuzz_target;
use sha1_checked::{Digest, Sha1};
use std::{borrow::Cow, fs};

/// A pack's entries in an answer that has the right counts and checksum, which no fuzzer finds.
fn answer(entries: &[u8]) -> Vec<u8> {
    let (count, entries) = entries.split_first().unwrap_or((&0, &[]));
    let mut pack = [b"PACK\0\0\0\x02\0\0\0", &[*count][..], entries].concat();
    pack.extend(Sha1::digest(&pack));
    let mut answer = b"000dpackfile\n".to_vec();
    for piece in pack.chunks(60_000) {
        answer.extend(format!("{:04x}\x01", piece.len() + 5).as_bytes());
        answer.extend(piece);
    }
    answer.extend(b"0000");
    answer
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let (format, archive) = match first % 6 {
        0 => (ArchiveFormat::Tar, Cow::from(rest)),
        1 => (ArchiveFormat::TarGzip, rest.into()),
        2 | 4 => (ArchiveFormat::GitPack, rest.into()),
        _ => (ArchiveFormat::GitPack, answer(rest).into()),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let commit = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d".parse().expect("an id");
    let limits = Limits::default()
        .with(Limit::ArchiveEntries, 100)
        .with(Limit::ArchiveBytes, 1 << 20)
        .with(Limit::ArchiveNames, 1 << 16);
    let settings = DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits };
    let staged = StagedDownload::new(&directory.path().join("out"), settings).expect("a staged directory");
    let came = match first % 6 {
        4 | 5 => {
            let missing = staged.compare_with_commit(&*archive);
            missing.and_then(|missing| staged.put_missing(&*archive, &missing, &()))
        }
        _ => staged.unpack(&*archive, format, &Layout { strip: 1, base: RepoPath::root() }, &()),
    };
    let done = match came {
        Ok(()) => staged.finish().is_ok(),
        // What was begun goes with it.
        Err(_) => {
            drop(staged);
            false
        }
    };
    let left: Vec<_> =
        fs::read_dir(directory.path()).expect("the directory").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| done && name == "out"), "{left:?}");
});
