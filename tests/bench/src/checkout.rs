//! Commands that need no network.

use crate::{
    place::Place,
    timing::{median, ratio, run, shown},
};
use anyhow::Result;
use forgeport_forge::samples;
use std::{fs, path::Path, process::Command, time::Duration};

const RUNS: usize = 15;

pub fn measure(place: &Place) -> Result<()> {
    let list = times(RUNS, || run(&mut place.forgeport(&["code-repository", "list"])))?;
    println!("\n| command | | median | of `git status` |\n| --- | --- | --- | --- |");
    println!("| `code-repository list` | fresh process | {} | |", shown(list));
    let repository = samples::many_files(100_000);
    let checkout = place.directory.path().join("checkout");
    let url = format!("file://{}", repository.path().display());
    run(Command::new("git").args(["clone", "--quiet", &url]).arg(&checkout))?;
    compare(place, &checkout, "100,000 files, clean")?;
    for number in 0..100 {
        fs::write(checkout.join(format!("part-{number:04}/module_01.py")), "changed\n")?;
        fs::write(checkout.join(format!("part-{number:04}/new")), "")?;
    }
    compare(place, &checkout, "100,000 files, 100 changed and 100 new")
}

fn compare(place: &Place, checkout: &Path, title: &str) -> Result<()> {
    let path = checkout.to_string_lossy();
    let (mut git, mut own) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        git.push(run(Command::new("git").args(["status", "--porcelain"]).current_dir(checkout))?);
        own.push(run(&mut place.forgeport(&["status", &path]))?);
    }
    let (git, own) = (median(git), median(own));
    println!("| `git status --porcelain` | {title} | {} | 1.00 |", shown(git));
    println!("| `status` | {title} | {} | {} |", shown(own), ratio(own, git));
    Ok(())
}

fn times(runs: usize, mut run: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    Ok(median((0..runs).map(|_| run()).collect::<Result<_>>()?))
}
