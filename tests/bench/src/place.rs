//! Where the measurements take place: a forge with latency, a home with registered code repositories, and the binary.

use anyhow::{Context, Result, ensure};
use forgeport_forge::{Access, Forge, GithubUrls, Repository, Settings, TokenKind, samples};
use std::{path::PathBuf, process::Command, time::Duration};
use tempfile::TempDir;

/// What every answer of the forge waits before its first byte.
const LATENCY: Duration = Duration::from_millis(20);

pub struct Place {
    pub urls: GithubUrls,
    pub token: String,
    pub samples: Vec<Sample>,
    pub directory: TempDir,
    pub forgeport: PathBuf,
    _forge: Forge,
}

/// A repository to download.
pub struct Sample {
    pub name: &'static str,
    pub title: &'static str,
    pub repository: Repository,
    pub runs: usize,
}

impl Place {
    pub fn new() -> Result<Place> {
        eprintln!("building forgeport and the repositories ...");
        let forgeport = build()?;
        let forge = Forge::with(Settings { latency: LATENCY, ..Settings::default() });
        let sample = |name, title, repository, runs| Sample { name, title, repository, runs };
        let samples = vec![
            sample("few", "200 files", samples::many_files(200), 9),
            sample("many", "20,000 files", samples::many_files(20_000), 5),
            sample("big", "one file of 500 MB", samples::big_file(500), 5),
        ];
        for sample in &samples {
            forge.add_private(&format!("acme/{}", sample.name), &sample.repository);
        }
        let token = forge.token(TokenKind::GithubFineGrained, Access::All);
        let (urls, directory) = (forge.github(), tempfile::tempdir()?);
        let place = Place { urls, token, samples, directory, forgeport, _forge: forge };
        for sample in &place.samples {
            place.register(sample.name, sample.name)?;
        }
        for number in place.samples.len()..10 {
            place.register(&format!("more-{number}"), "few")?;
        }
        Ok(place)
    }

    fn register(&self, name: &str, repository: &str) -> Result<()> {
        let GithubUrls { api_url, codeload_url, host, .. } = &self.urls;
        let mut command = self.forgeport(&["code-repository", "register", name, "--type=github", "--owner=acme"]);
        command.args([format!("--repository={repository}"), format!("--token={}", self.token)]).arg("--allow-private");
        command.args([
            format!("--api_url={api_url}"),
            format!("--codeload_url={codeload_url}"),
            format!("--host={host}"),
        ]);
        crate::timing::run(&mut command).map(drop)
    }

    pub fn forgeport(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.forgeport);
        command.args(arguments).env("FORGEPORT_HOME", self.directory.path().join("home"));
        command
    }
}

/// The optimised binary, wherever this one was built.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--quiet", "--package", "forgeport-cli"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    ensure!(build.status()?.success(), "forgeport does not build");
    let own = std::env::current_exe()?;
    let target =
        own.parent().and_then(|profile| profile.parent()).context("this binary lies in no target directory")?;
    Ok(target.join("release/forgeport"))
}
