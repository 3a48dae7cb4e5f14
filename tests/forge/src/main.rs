//! Starts the forge for tests with repositories to try things on, tells where everything is in one line of JSON, and runs until
//! its standard input ends.

use std::io::{self, Read};
use std::time::Duration;

use clap::Parser;
use forgeport_forge::{Access, BITBUCKET_EMAIL, Forge, GITLAB_DEPLOY_USER, Repository, Settings, TokenKind, samples};
use serde_json::json;

/// A forge for tests on loopback. Its repositories: acme/demo (public), acme/secret (private), and those asked for.
#[derive(Parser)]
struct Options {
    /// How long every answer waits before its first byte.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    latency_ms: u64,
    /// Adds acme/files-N (private) with N small files; may be given more than once.
    #[arg(long, value_name = "N")]
    files: Vec<usize>,
    /// Adds acme/big-N (private) with one file of N megabytes; may be given more than once.
    #[arg(long, value_name = "N")]
    big_mb: Vec<u64>,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let forge =
        Forge::try_with(Settings { latency: Duration::from_millis(options.latency_ms), ..Settings::default() })?;
    let mut repositories =
        vec![("acme/demo".to_owned(), false, samples::small()), ("acme/secret".to_owned(), true, samples::faithful())];
    for count in options.files {
        repositories.push((format!("acme/files-{count}"), true, samples::many_files(count)));
    }
    for size in options.big_mb {
        repositories.push((format!("acme/big-{size}"), true, samples::big_file(size)));
    }
    let described: serde_json::Map<_, _> = repositories
        .iter()
        .map(|(name, private, repository)| {
            if *private {
                forge.add_private(name, repository)
            } else {
                forge.add(name, repository)
            };
            (name.clone(), describe(*private, repository))
        })
        .collect();
    println!("{}", json!({ "urls": urls(&forge), "tokens": tokens(&forge), "repositories": described }));
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn describe(private: bool, repository: &Repository) -> serde_json::Value {
    json!({
        "private": private,
        "commit": repository.commit(),
        "tree": repository.tree(),
        "path": repository.path(),
    })
}

fn urls(forge: &Forge) -> serde_json::Value {
    let (github, enterprise) = (forge.github(), forge.github_enterprise());
    json!({
        "github": { "api_url": github.api_url, "codeload_url": github.codeload_url, "web_url": github.web_url, "host": github.host },
        "github_enterprise": { "api_url": enterprise.api_url, "codeload_url": enterprise.codeload_url },
        "gitlab": { "instance_url": forge.gitlab().instance_url },
        "gitlab_under_path": { "instance_url": forge.gitlab_under_path().instance_url },
        "bitbucket": { "api_url": forge.bitbucket().api_url, "web_url": forge.bitbucket().web_url },
        "gitea": { "instance_url": forge.gitea().instance_url },
    })
}

fn tokens(forge: &Forge) -> serde_json::Value {
    let token = |kind| forge.token(kind, Access::All);
    json!({
        "github": token(TokenKind::GithubClassic),
        "github_fine_grained": token(TokenKind::GithubFineGrained),
        "github_actions": token(TokenKind::GithubActions),
        "gitlab": token(TokenKind::GitlabPersonal),
        "gitlab_job": token(TokenKind::GitlabJob),
        "gitlab_deploy": token(TokenKind::GitlabDeploy),
        "gitlab_deploy_user": GITLAB_DEPLOY_USER,
        "bitbucket": token(TokenKind::BitbucketAccess),
        "bitbucket_api": token(TokenKind::BitbucketApi),
        "bitbucket_user": BITBUCKET_EMAIL,
        "gitea": token(TokenKind::Gitea),
    })
}
