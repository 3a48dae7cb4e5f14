//! What the project depends on: licences, sources and bans, as `deny.toml` has them. It needs no network, and so knows no advisories.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, LicenseReq, ParseMode};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The workspaces with a lock file of their own.
const WORKSPACES: [&str; 4] = [".", "providers", "sdk/rust", "tests/fuzz"];
/// How `cargo metadata` begins the source of what comes from a registry.
const REGISTRY: &str = "registry+";

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

/// Checks every crate of every workspace.
pub fn check(root: &Path) -> Result<()> {
    let rules: Rules = toml::from_str(&std::fs::read_to_string(root.join("deny.toml"))?).context("deny.toml")?;
    let mut problems = Vec::new();
    let mut crates = 0;
    for workspace in WORKSPACES {
        let packages = packages(&root.join(workspace))?;
        let foreign: Vec<&Package> = packages.iter().filter(|package| package.source.is_some()).collect();
        crates += foreign.len();
        let found = foreign.iter().filter_map(|package| Some((package, problem(package, &rules)?)));
        problems.extend(found.map(|(package, why)| format!("{} {}: {why}", package.name, package.version)));
    }
    problems.sort();
    problems.dedup();
    if problems.is_empty() {
        println!(
            "{crates} dependencies have licences, sources and names that deny.toml allows; advisories need `cargo deny`"
        )
    } else {
        bail!("deny.toml does not allow:\n  {}", problems.join("\n  "))
    }
    Ok(())
}

/// The folder of a crate's sources, as the host uses it.
pub fn sources(root: &Path, name: &str) -> Result<PathBuf> {
    let package = packages(root)?.into_iter().find(|package| package.name == name);
    let package = package.with_context(|| format!("the host does not depend on {name}"))?;
    Ok(package.manifest_path.parent().context("a crate without a folder")?.to_owned())
}

fn packages(workspace: &Path) -> Result<Vec<Package>> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["metadata", "--locked", "--format-version=1"]).current_dir(workspace);
    let output = command.output().context("cargo metadata does not start")?;
    if !output.status.success() {
        bail!("cargo metadata fails in {}: {}", workspace.display(), String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    Ok(metadata.packages)
}

fn problem(package: &Package, rules: &Rules) -> Option<String> {
    let source = package.source.as_deref().unwrap_or_default();
    if !source.starts_with(REGISTRY) {
        return Some(format!("it comes from {source}"));
    }
    if rules.bans.deny.contains(&package.name) {
        return Some("it is banned".to_owned());
    }
    let license = package.license.as_deref()?;
    let Ok(expression) = Expression::parse_mode(license, ParseMode::LAX) else {
        return Some(format!("its licence {license:?} cannot be read"));
    };
    let allowed = |wanted: &LicenseReq| rules.licenses.allow.contains(&wanted.to_string());
    (!expression.evaluate(allowed)).then(|| format!("its licence is {license}"))
}
