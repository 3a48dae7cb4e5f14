//! Archives and packs: nothing outside of the directory, no panic, an end.
#![no_main]

use forgeport_checkout::{Format, Layout, Limits, Progress, RepoPath, Settings, Staged};
use libfuzzer_sys::fuzz_target;
use std::fs;

struct Silent;

impl Progress for Silent {
    fn received(&self, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
}

fuzz_target!(|data: &[u8]| {
    let Some((first, archive)) = data.split_first() else { return };
    let format = match first % 3 {
        0 => Format::Tar,
        1 => Format::TarGzip,
        _ => Format::GitPack,
    };
    let directory = tempfile::tempdir().expect("a directory");
    let commit = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d".parse().expect("an id");
    let limits = Limits { entries: 100, bytes: 1 << 20, names: 1 << 16, ..Limits::default() };
    let settings = Settings { commit, subdirectory: RepoPath::root(), force: false, limits };
    let staged = Staged::new(&directory.path().join("out"), settings).expect("a staged directory");
    let unpacked = staged.unpack(archive, format, &Layout { strip: 1, base: RepoPath::root() }, &Silent);
    let done = match unpacked {
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
