use std::path::Path;
use std::process::Command;

use forgeport_forge::{Access, Forge, GITLAB_DEPLOY_USER, TokenKind, samples};

/// `git clone --depth 1` of `url`; the commit that was checked out.
fn clone(url: &str, to: &Path) -> Result<String, String> {
    let run = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env_remove("GIT_DIR")
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    };
    let to = to.to_str().unwrap();
    run(&["clone", "--quiet", "--depth", "1", url, to])?;
    run(&["-C", to, "rev-parse", "HEAD"])
}

#[test]
fn git_clones_from_every_forge_with_its_tokens() {
    let forge = Forge::start();
    let sample = samples::faithful();
    forge.add_private("acme/demo", &sample);
    let token = |kind| forge.token(kind, Access::All);
    let hosts = [
        (forge.github().web_url, "x-access-token", token(TokenKind::GithubActions)),
        (forge.gitlab().instance_url, "oauth2", token(TokenKind::GitlabPersonal)),
        (forge.gitlab().instance_url, "gitlab-ci-token", token(TokenKind::GitlabJob)),
        (forge.gitlab_under_path().instance_url, GITLAB_DEPLOY_USER, token(TokenKind::GitlabDeploy)),
        (forge.bitbucket().web_url, "x-token-auth", token(TokenKind::BitbucketAccess)),
        (forge.gitea().instance_url, "ada", token(TokenKind::Gitea)),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (number, (url, user, token)) in hosts.iter().enumerate() {
        let host = url.strip_prefix("http://").unwrap();
        let to = directory.path().join(number.to_string());
        let commit = clone(&format!("http://{user}:{token}@{host}/acme/demo.git"), &to);
        assert_eq!(commit, Ok(sample.commit()));
        assert!(to.join("src/link-to-directory/train.py").exists());
        assert!(clone(&format!("{url}/acme/demo.git"), &to.join("no")).is_err());
        assert!(clone(&format!("http://{user}:bad@{host}/acme/demo.git"), &to.join("no")).is_err());
    }
}

#[test]
fn git_follows_a_rename() {
    let forge = Forge::start();
    let sample = samples::many_files(300);
    forge.add("acme/old", &sample);
    forge.rename("acme/old", "acme/new");
    let directory = tempfile::tempdir().unwrap();
    let url = forge.github().web_url + "/acme/old.git";
    let commit = clone(&url, &directory.path().join("clone"));
    assert_eq!(commit, Ok(sample.commit()));
}

#[test]
fn the_program_tells_where_everything_is_and_stops_with_its_input() {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_forgeport-forge"))
        .args(["--files", "30", "--big-mb", "1", "--latency-ms", "1"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let api = told["urls"]["github"]["api_url"].as_str().unwrap();
    let token = told["tokens"]["github"].as_str().unwrap();
    let reply = crate::client::get(format!("{api}/repos/acme/files-30/commits/main")).bearer(token).send();
    assert_eq!(reply.json()["sha"], told["repositories"]["acme/files-30"]["commit"]);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
