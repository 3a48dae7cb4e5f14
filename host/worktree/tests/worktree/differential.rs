//! The judge: checkouts that random scripts make, each looked at by Forgeport and by the installed git.
//!
//! A case is a shell script and an environment, both made from a seed, so that a failure's text is its own reproduction. The first seeds
//! are the same in each run. `STATUS_SECONDS` sets for how long cases are tried, `STATUS_SEED` tries one alone.

use crate::scripts::{Script, TEMPLATE};
use serde_json::Value;
use std::{
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Fewer than this would prove little; a machine that is slow goes on for longer.
const FEWEST: u64 = 60;
/// How long cases are tried where `FORGEPORT_FULL` is set, and otherwise.
const SECONDS: (u64, u64) = (300, 15);

/// The state of a checkout, as `git status` and as Forgeport report it.
#[derive(Debug, PartialEq, Eq, Default, Clone)]
struct StatusReport {
    commit: Option<String>,
    branch: Option<String>,
    upstream: Option<String>,
    distance: Option<(u64, u64)>,
    modified: u64,
    staged: u64,
    untracked: u64,
    conflicted: u64,
    submodules: u64,
}

impl StatusReport {
    fn is_dirty(&self) -> bool {
        self.modified + self.staged + self.untracked + self.conflicted + self.submodules > 0
    }
}

enum Ours {
    Known(StatusReport),
    /// Not all of it could be compared.
    Unknown(StatusReport, String),
    Failed(String),
}

#[derive(Default)]
struct Tally {
    next: AtomicU64,
    clean: AtomicUsize,
    dirty: AtomicUsize,
    unknown: AtomicUsize,
    refused: AtomicUsize,
}

#[test]
fn random_checkouts_are_reported_as_git_reports_them() {
    let set = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let template = tempfile::tempdir().unwrap();
    run("set -e\n", TEMPLATE, template.path(), &crate::scripts::plain(template.path()));
    let tally = Tally::default();
    if let Some(seed) = set("STATUS_SEED") {
        return judge(seed, template.path(), &tally).unwrap_or_else(|why| panic!("{why}"));
    }
    let failures = Mutex::new(Vec::new());
    let usual = if std::env::var_os("FORGEPORT_FULL").is_some() { SECONDS.0 } else { SECONDS.1 };
    let duration = Duration::from_secs(set("STATUS_SECONDS").unwrap_or(usual));
    let begin = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = tally.next.fetch_add(1, Ordering::Relaxed);
                    if seed >= FEWEST && begin.elapsed() >= duration {
                        break;
                    }
                    if let Err(why) = judge(seed, template.path(), &tally) {
                        failures.lock().unwrap().push((seed, why));
                    }
                }
            });
        }
    });
    let all = tally.next.load(Ordering::Relaxed) as usize;
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    if let Some((_, why)) = failures.first() {
        let seeds: Vec<_> = failures.iter().map(|(seed, _)| seed).collect();
        panic!(
            "{} of {all} checkouts are not reported as git reports them, with the seeds {seeds:?}; the first:\n{why}",
            seeds.len()
        );
    }
    let [clean, dirty, unknown, refused] =
        [&tally.clean, &tally.dirty, &tally.unknown, &tally.refused].map(|count| count.load(Ordering::Relaxed));
    println!("{all} checkouts: {clean} clean, {dirty} dirty, {unknown} in part unknown, {refused} that git refuses");
    // The comparison of each kind proves something only if each kind occurs.
    assert!(clean * 20 > all && dirty * 4 > all, "{clean} of {all} are clean, {dirty} dirty");
    assert!(unknown * 4 < all && refused * 4 < all, "{unknown} of {all} are unknown, git refuses {refused}");
}

fn judge(seed: u64, template: &Path, tally: &Tally) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let script = Script::new(seed, place);
    let log = run(&format!("cp -a {}/. .\n", template.display()), &script.text(), place, &script.environment);
    let checkout = place.join(script.checkout);
    let (git, ours) = (by_git(&checkout, &script), by_us(&checkout, &script));
    let failed = |why: &str| {
        let variables: Vec<_> = script.environment.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        Err(format!(
            "seed {seed}: {why}\n\n--- environment\n{}\n--- template\n{TEMPLATE}--- script\n{}--- its output\n{log}\n--- git\n{}",
            variables.join("\n"),
            script.text(),
            git.as_ref().map_or_else(Clone::clone, |(_, text)| text.replace('\0', "\n")),
        ))
    };
    match (&git, ours) {
        (Ok((theirs, _)), Ours::Known(ours)) => {
            if *theirs != ours {
                return failed(&format!("they differ\n git: {theirs:?}\nours: {ours:?}"));
            }
            let counter = if ours.is_dirty() { &tally.dirty } else { &tally.clean };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        (Ok((theirs, _)), Ours::Unknown(ours, why)) => {
            if !script.may_be_unknown {
                return failed(&format!("it should be known: {why}"));
            }
            if ours.is_dirty() && !theirs.is_dirty() {
                return failed(&format!("it is called dirty\n git: {theirs:?}\nours: {ours:?}, {why}"));
            }
            tally.unknown.fetch_add(1, Ordering::Relaxed);
        }
        (Ok(_), Ours::Failed(error)) => return failed(&format!("it failed: {error}")),
        (Err(_), Ours::Failed(_) | Ours::Unknown(..)) => {
            tally.refused.fetch_add(1, Ordering::Relaxed);
        }
        (Err(text), Ours::Known(report)) => {
            if text.contains("dubious ownership") || !report.is_dirty() {
                return failed(&format!("git refuses: {text}\nours: {report:?}"));
            }
            tally.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn run(before: &str, script: &str, place: &Path, environment: &[(String, String)]) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1\n{before}{script}")]).current_dir(place);
    let output = shell.env_clear().envs(environment.iter().cloned()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!before.starts_with("set -e") || output.status.success(), "{text}");
    text
}

/// From the machine-readable output (git-status(1), "Porcelain Format Version 2"), or why there is none.
fn by_git(checkout: &Path, script: &Script) -> Result<(StatusReport, String), String> {
    let mut git = Command::new("git");
    git.args(["--no-optional-locks", "status", "--porcelain=v2", "--branch", "-z", "--no-renames"]);
    git.args(["--untracked-files=normal", "--ignore-submodules=none"]).current_dir(checkout);
    let output = git.env_clear().envs(script.environment.iter().cloned()).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut report = StatusReport::default();
    for line in text.split('\0') {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["#", "branch.oid", id] => report.commit = Some(id.to_owned()).filter(|id| id != "(initial)"),
            ["#", "branch.head", ref name @ ..] => report.branch = Some(name.join(" ")).filter(|n| n != "(detached)"),
            ["#", "branch.upstream", ref name @ ..] => report.upstream = Some(name.join(" ")),
            ["#", "branch.ab", ahead, behind] if !script.has_other_history => {
                report.distance = Some((ahead[1..].parse().unwrap(), behind[1..].parse().unwrap()));
            }
            ["1", kinds, submodule, ..] => {
                let kinds = kinds.as_bytes();
                report.staged += u64::from(kinds[0] != b'.');
                if kinds[1] != b'.' {
                    if submodule.starts_with('S') && kinds[1] == b'M' {
                        report.submodules += u64::from(submodule.contains(['C', 'M']));
                    } else {
                        report.modified += 1;
                    }
                }
            }
            ["u", ..] => report.conflicted += 1,
            ["?", ..] => report.untracked += 1,
            _ => {}
        }
    }
    Ok((report, text))
}

fn by_us(checkout: &Path, script: &Script) -> Ours {
    let answer = crate::asked::ask(checkout, &script.environment);
    if let Some(error) = answer["error"].as_str() {
        return Ours::Failed(error.to_owned());
    }
    let context = &answer["context"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let changes = &context["changes"];
    let count = |name: &str| changes[name].as_u64().unwrap_or_default();
    let distance = &context["upstream"]["distance"];
    let report = StatusReport {
        commit: text(&context["commit"]),
        branch: text(&context["head"]["name"]),
        upstream: text(&context["upstream"]["name"]),
        distance: distance["ahead"].as_u64().zip(distance["behind"].as_u64()).filter(|_| !script.has_other_history),
        modified: count("modified"),
        staged: count("staged"),
        untracked: count("untracked"),
        conflicted: count("conflicted"),
        submodules: count("submodules"),
    };
    if count("not_compared") > 0 || changes["untracked"].is_null() {
        assert!(changes["state"] != "clean", "{changes}");
        return Ours::Unknown(report, context["unknown"].to_string());
    }
    Ours::Known(report)
}
