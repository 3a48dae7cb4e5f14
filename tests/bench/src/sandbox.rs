//! What the sandbox adds to one call: everything but the network.

use crate::timing::{median, ratio, shown};
use anyhow::{Result, ensure};
use forgeport_blobs::Folder;
use forgeport_model::{Digest, Limits, RemoteUrl};
use forgeport_runtime::{CodeCacheSettings, CompilerSettings, LoadError, Offline, Opening, Program, Provider, Runtime};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// The argument that makes this binary do one call in a fresh process and tell how long it took.
pub const FRESH: &str = "--one-call";

const COMPONENT: &[u8] = include_bytes!("../../../providers/artifacts/github.wasm");
const RUNS: usize = 15;

pub fn measure() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let provider = runtime.block_on(load(cache.path().to_owned()))?;
    let warm = (0..2000).map(|_| one_call(&runtime, &provider)).collect::<Result<_>>()?;
    let mut fresh = Vec::new();
    for _ in 0..RUNS {
        let output = Command::new(std::env::current_exe()?).arg(FRESH).arg(cache.path()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fresh.push(Duration::from_nanos(String::from_utf8(output.stdout)?.trim().parse()?));
    }
    println!("\n| what the sandbox adds to one call | median |\n| --- | --- |");
    println!("| fresh process, compiled code cached: engine, component, instance, call | {} |", shown(median(fresh)));
    println!("| warm process: instance, `open`, call | {} |", shown(median(warm)));
    loads(&runtime, cache.path(), Digest::of(b"github"), || Ok(COMPONENT.into()))
}

/// Loads a component that is in a file, such as a provider in Python, as a command does: it is read and hashed.
pub fn loads_of(file: &Path) -> Result<()> {
    let cache = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let digest = Digest::of(&std::fs::read(file)?);
    let read = || {
        let bytes = std::fs::read(file)?;
        ensure!(Digest::of(&bytes) == digest, "the file has changed");
        Ok(bytes.into())
    };
    // Compiled once, before anything is measured.
    runtime.block_on(new_runtime(cache.path().to_owned())?.load(digest, &Limits::default(), async { read() }))?;
    loads(&runtime, cache.path(), digest, read)
}

/// Loads one provider twice in each of several runtimes: the first time from the code cache, the second time it is ready.
fn loads(
    runtime: &tokio::runtime::Runtime,
    cache: &Path,
    digest: Digest,
    read: impl Fn() -> Result<Cow<'static, [u8]>>,
) -> Result<()> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let providers = new_runtime(cache.to_owned())?;
        for times in [&mut first, &mut second] {
            let start = Instant::now();
            runtime.block_on(providers.load(digest, &Limits::default(), async { read() }))?;
            times.push(start.elapsed());
        }
    }
    let (first, second) = (median(first), median(second));
    println!("\n| loading a provider | median |\n| --- | --- |");
    println!("| the first time in a process, compiled code cached | {} |", shown(first));
    println!("| the second time | {:.1} \u{b5}s |", second.as_secs_f64() * 1e6);
    println!("| the first is so many times as long | {} |", ratio(first, second));
    Ok(())
}

/// In a process of its own.
pub fn fresh(cache: PathBuf) -> Result<()> {
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let provider = runtime.block_on(load(cache))?;
    one_call(&runtime, &provider)?;
    println!("{}", start.elapsed().as_nanos());
    Ok(())
}

/// Compiles in this program, started again.
pub fn compiler() -> Result<CompilerSettings> {
    Ok(CompilerSettings::by(Program::this()?))
}

/// The component's bytes, as a runtime asks for them.
pub async fn component() -> Result<Cow<'static, [u8]>, LoadError> {
    Ok(COMPONENT.into())
}

fn new_runtime(directory: PathBuf) -> Result<Runtime> {
    let cache = CodeCacheSettings { blobs: Folder::cache(directory, u64::MAX).into(), key: Zeroizing::new([7; 32]) };
    Ok(Runtime::new(compiler()?, Some(cache))?)
}

async fn load(directory: PathBuf) -> Result<Provider> {
    let runtime = new_runtime(directory)?;
    let provider = runtime.load(Digest::of(b"github"), &Limits::default(), component()).await?;
    // It lives as long as the process, as in the command.
    std::mem::forget(runtime);
    Ok(provider)
}

/// A call that goes into the component and not to the network.
fn one_call(runtime: &tokio::runtime::Runtime, provider: &Provider) -> Result<Duration> {
    let (repository, remote) = question(provider)?;
    let start = Instant::now();
    let owns = runtime.block_on(repository.owns_remote(&remote))?;
    ensure!(owns, "the provider does not know its own repository");
    Ok(start.elapsed())
}

/// A repository, and a remote of it to ask about.
pub fn question(provider: &Provider) -> Result<(Offline, RemoteUrl)> {
    let values = [("owner", "acme"), ("repository", "demo"), ("api_url", "https://api.github.com")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let opening = Opening { values, placeholders: Vec::new() };
    Ok((provider.offline(opening, Limits::default()), RemoteUrl::parse("git@github.com:acme/demo.git")?))
}
