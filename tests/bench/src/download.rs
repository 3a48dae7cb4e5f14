//! Downloads: cold and warm, against what people do today.

use crate::{
    place::{Place, Sample},
    timing::{median, ratio, run, shown},
};
use anyhow::Result;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

type Times = BTreeMap<&'static str, Vec<Duration>>;

const CURL: &str = "`curl -L \\| tar xz`";
const COLD: &str = "forgeport, cold";
const WARM: &str = "forgeport, warm";
const CLONE: &str = "`git clone --depth 1`";
const GIGET: &str = "giget";

pub fn measure(place: &Place) -> Result<()> {
    let giget = install_giget(place.directory.path());
    println!("| download | | median | of `curl \\| tar` |\n| --- | --- | --- | --- |");
    for sample in &place.samples {
        let times = rivals(place, sample, giget.as_deref())?;
        let medians: BTreeMap<_, _> = times.into_iter().map(|(name, times)| (name, median(times))).collect();
        for name in [CURL, COLD, WARM, CLONE, GIGET] {
            if let Some(time) = medians.get(name) {
                println!("| {} | {name} | {} | {} |", sample.title, shown(*time), ratio(*time, medians[CURL]));
            }
        }
    }
    memory(place)
}

fn rivals(place: &Place, sample: &Sample, giget: Option<&Path>) -> Result<Times> {
    let mut times = Times::new();
    // The forge makes an archive when it is first asked for it.
    run(&mut curl(place, sample, "first"))?;
    for number in 0..sample.runs {
        let mut take = |name, command: &mut Command| -> Result<()> {
            times.entry(name).or_default().push(run(command)?);
            Ok(())
        };
        take(CURL, &mut curl(place, sample, &format!("curl-{number}")))?;
        run(&mut place.forgeport(&["cache", "clear"]))?;
        take(COLD, &mut download(place, sample, &format!("cold-{number}")))?;
        take(WARM, &mut download(place, sample, &format!("warm-{number}")))?;
        take(CLONE, &mut clone(place, sample, &format!("clone-{number}")))?;
        if let Some(giget) = giget {
            take(GIGET, &mut with_giget(giget, place, sample, &format!("giget-{number}")))?;
        }
        if sample.name == "big" {
            for name in ["curl", "cold", "warm", "clone", "giget"] {
                let _ = std::fs::remove_dir_all(target(place, sample, &format!("{name}-{number}")));
            }
        }
    }
    Ok(times)
}

fn target(place: &Place, sample: &Sample, name: &str) -> PathBuf {
    place.directory.path().join(format!("{}-{name}", sample.name))
}

fn download(place: &Place, sample: &Sample, name: &str) -> Command {
    let directory = format!("--directory={}", target(place, sample, name).display());
    let commit = format!("--commit={}", sample.repository.commit());
    place.forgeport(&["code-repository", "download", sample.name, &commit, &directory])
}

fn curl(place: &Place, sample: &Sample, name: &str) -> Command {
    let mut command = Command::new("sh");
    let script = "mkdir \"$1\" && curl -sfL -H \"Authorization: Bearer $2\" \"$3\" | tar xz -C \"$1\"";
    let url = format!("{}/repos/acme/{}/tarball/{}", place.urls.api_url, sample.name, sample.repository.commit());
    command.args(["-c", script, "sh"]).arg(target(place, sample, name)).args([&place.token, &url]);
    command
}

fn clone(place: &Place, sample: &Sample, name: &str) -> Command {
    let mut command = Command::new("git");
    let url = place.urls.web_url.replace("://", &format!("://x-access-token:{}@", place.token));
    command.args(["clone", "--quiet", "--depth=1", &format!("{url}/acme/{}.git", sample.name)]);
    command.arg(target(place, sample, name)).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// With nothing in its cache, as for the others.
fn with_giget(giget: &Path, place: &Place, sample: &Sample, name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(giget).arg(format!("gh:acme/{}#{}", sample.name, sample.repository.commit()));
    command.arg(target(place, sample, name)).args(["--auth", &place.token, "--no-registry"]);
    command.env("GIGET_GITHUB_URL", &place.urls.api_url);
    command.env("XDG_CACHE_HOME", target(place, sample, &format!("{name}-cache")));
    command
}

/// Nothing where npm is not there.
fn install_giget(directory: &Path) -> Option<PathBuf> {
    let directory = directory.join("npm");
    std::fs::create_dir(&directory).ok()?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "giget@3"]).current_dir(&directory);
    match run(&mut npm) {
        Ok(_) => Some(directory.join("node_modules/giget/dist/cli.mjs")),
        Err(error) => {
            eprintln!("giget is left out: {error:#}");
            None
        }
    }
}

/// The peak of a cold download of the big file, as GNU time tells it.
fn memory(place: &Place) -> Result<()> {
    let Some(sample) = place.samples.iter().find(|sample| sample.name == "big") else { return Ok(()) };
    run(&mut place.forgeport(&["cache", "clear"]))?;
    let download = download(place, sample, "memory");
    let peak = crate::timing::peak(download)?;
    println!("\nPeak memory of a cold download of {}: {peak} MiB.", sample.title);
    Ok(())
}
