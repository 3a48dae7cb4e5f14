//! What the sandbox adds to one call: everything but the network.

use crate::timing::{median, shown};
use anyhow::{Context, Result, ensure};
use forgeport_model::{Limits, RemoteUrl};
use forgeport_runtime::{CodeCacheSettings, CompilerSettings, Offline, Opening, Program, Provider, Runtime};
use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// The argument that makes this binary do one call in a fresh process and tell how long it took.
pub const FRESH: &str = "--one-call";

pub const COMPONENT: &[u8] = include_bytes!("../../../providers/artifacts/github.wasm");
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
    Ok(())
}

/// In a process of its own.
pub fn fresh() -> Result<()> {
    let cache = PathBuf::from(std::env::args().nth(2).context("where is the cache?")?);
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

async fn load(directory: PathBuf) -> Result<Provider> {
    let cache = CodeCacheSettings { directory, key: Zeroizing::new([7; 32]), bytes: u64::MAX };
    let runtime = Runtime::new(compiler()?, Some(cache))?;
    let provider = runtime.load(COMPONENT, "github", &Limits::default()).await?;
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
