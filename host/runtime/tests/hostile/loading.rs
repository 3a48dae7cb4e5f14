//! A provider that was loaded once is ready for every later call of the process.

use crate::bench::{Bench, compiler, limits};
use crate::guest::guest;
use crate::server::Server;
use forgeport_blobs::Folder;
use forgeport_model::{Digest, Limits};
use forgeport_runtime::{CodeCacheSettings, CompilerSettings, LoadError, Program, Provider, Runtime};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use tempfile::TempDir;

fn cache(directory: &Path) -> Option<CodeCacheSettings> {
    Some(CodeCacheSettings { blobs: Folder::cache(directory.to_owned(), 1 << 30).into(), key: [7; 32].into() })
}

/// A component in a file, and how often it was read.
struct Source {
    bytes: Vec<u8>,
    reads: AtomicUsize,
}

impl Source {
    fn new() -> Source {
        Source { bytes: guest().encode(), reads: AtomicUsize::new(0) }
    }

    async fn load(&self, runtime: &Runtime, limits: &Limits) -> Result<Provider, LoadError> {
        let read = async {
            self.reads.fetch_add(1, Relaxed);
            Ok(self.bytes.clone().into())
        };
        runtime.load(Digest::of(b"one"), limits, read).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_call_of_a_provider_reads_no_file_and_compiles_nothing() {
    let (scratch, source) = (TempDir::new().unwrap(), Source::new());
    let warm = Runtime::new(compiler(), cache(scratch.path())).unwrap();
    source.load(&warm, &limits(&[])).await.unwrap();
    // Of a runtime that can compile nothing, the first call needs the files, and the second one does not.
    let program = CompilerSettings::by(Program::at("/no/such/program"));
    let runtime = Runtime::new(program, cache(scratch.path())).unwrap();
    source.load(&runtime, &limits(&[])).await.unwrap();
    fs::remove_dir_all(scratch.path()).unwrap();
    let second = source.load(&runtime, &limits(&["cpu_time=5s"])).await.unwrap();
    second.describe().await.unwrap();
    assert_eq!(source.reads.load(Relaxed), 2, "once for each runtime");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loads_a_provider_at_the_same_time_shares_one_load_for_each_class_of_stack() {
    let (runtime, source) = (Runtime::new(compiler(), None).unwrap(), Source::new());
    let stacks = ["stack=1KiB", "stack=512KiB", "stack=513KiB", "stack=2MiB"].map(|stack| limits(&[stack]));
    let all = (0..20).map(|number| source.load(&runtime, &stacks[number % stacks.len()]));
    for loaded in futures_util::future::join_all(all).await {
        loaded.unwrap();
    }
    assert_eq!(source.reads.load(Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_fails_is_tried_again() {
    let runtime = Runtime::new(compiler(), None).unwrap();
    let unreadable = async { Err(LoadError::Import("no file".to_owned())) };
    assert!(matches!(runtime.load(Digest::of(b"one"), &limits(&[]), unreadable).await, Err(LoadError::Import(_))));
    Source::new().load(&runtime, &limits(&[])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_serves_several_calls_and_each_has_a_budget_of_its_own() {
    let server = Server::start("here");
    let bench = Bench::granting(&server.origin, &["GET"]).await;
    let mut asking = guest();
    let send = asking.ask("GET", server.origin.to_string(), &[]).send();
    let asking = asking.with("login", format!("{send} (call $ok)"));
    let repository = bench.repository(&asking, &["requests=1"]).await;
    for _ in 0..3 {
        repository.login().await.unwrap();
    }
    assert_eq!(server.asked(), 3);
}
