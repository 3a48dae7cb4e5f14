//! Many calls at once, alone and beside a provider that computes without end.

use crate::{sandbox, timing::shown};
use anyhow::{Context, Result};
use forgeport_model::{Digest, Limits, RemoteUrl};
use forgeport_runtime::{LoadError, Offline, Provider, Runtime};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use wit_component::ComponentEncoder;
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// Calls that are made at the same time.
const CALLERS: usize = 1000;
/// How often.
const ROUNDS: usize = 50;

pub fn measure() -> Result<()> {
    let mut limits = Limits::default();
    limits.set_text("cpu_time=60s")?;
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let runtime = Runtime::new(sandbox::compiler()?, None)?;
    let good = workers.block_on(runtime.load(Digest::of(b"good"), &limits, sandbox::component()))?;
    let looping = looping()?;
    let hostile = workers
        .block_on(runtime.load(Digest::of(b"hostile"), &limits, async { Ok::<_, LoadError>(looping.into()) }))?;
    let _warm = workers.block_on(crowd(&good))?;
    let alone = workers.block_on(crowd(&good))?;
    let beside = workers.block_on(async {
        // It goes on until it is dropped: its limits are far away.
        let neighbour = tokio::spawn(async move { hostile.describe().await });
        let times = crowd(&good).await;
        neighbour.abort();
        times
    })?;
    println!("\n| {CALLERS} calls at a time on two threads | median | p99 |\n| --- | --- | --- |");
    for (who, times) in [("alone", alone), ("beside a provider that loops", beside)] {
        println!("| {who} | {} | {} |", shown(at(&times, 50)), shown(at(&times, 99)));
    }
    Ok(())
}

/// How long each call took from the moment when all were wanted, waiting for a turn included.
async fn crowd(provider: &Provider) -> Result<Vec<Duration>> {
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        let questions = (0..CALLERS).map(|_| sandbox::question(provider)).collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        let call = |(repository, remote): (Offline, RemoteUrl)| {
            tokio::spawn(async move { repository.owns_remote(&remote).await.map(|_| start.elapsed()) })
        };
        let calls: Vec<_> = questions.into_iter().map(call).collect();
        for call in calls {
            all.push(call.await??);
        }
    }
    all.sort();
    Ok(all)
}

fn at(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// A provider of which every function loops for ever.
fn looping() -> Result<Vec<u8>> {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&wit)?;
    let world = resolve.select_world(&[package], Some("code-provider"))?;
    let dummy = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    let text = wasmprinter::print_bytes(&dummy)?.replace("unreachable", "loop br 0 end unreachable");
    let mut module = wat::parse_str(&text)?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.encode().context("the looping component cannot be built")
}
