//! Git over HTTP (the "smart" protocol, read only), at the web origin of each forge.

use std::io::{self, Read};
use std::process::Stdio;

use flate2::read::GzDecoder;
use tokio::io::AsyncWriteExt;

use crate::git;
use crate::message::{Answer, Body, Request, read};
use crate::registry::{Found, Project};
use crate::server::{Server, State};
use crate::tokens::{Caller, TokenKind};

const SERVICE: &str = "git-upload-pack";

/// The answer, if the request is one of git's.
pub(crate) fn answer(state: &State, request: &Request) -> Option<Answer> {
    let kinds = kinds(request.server)?;
    let (root, path) = match request.path.strip_prefix("/gitlab/") {
        Some(rest) if request.server == Server::Gitlab => ("/gitlab", rest),
        _ => ("", request.path.strip_prefix('/')?),
    };
    let (name, rest) =
        ["/info/refs", "/git-upload-pack"].iter().find_map(|end| path.strip_suffix(end).map(|name| (name, *end)))?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    Some(match (caller(state, request, kinds), find(state, name)) {
        (None, _) => unauthorized(),
        (Some(caller), Found::Here(project)) if caller.reads(&project) => serve(&project, request, rest),
        (Some(caller), Found::Moved(project)) if caller.reads(&project) => Answer::redirect(
            301,
            &format!("{}{root}/{}.git{rest}?{}", request.origin, project.full_name(), request.query),
        ),
        (Some(Caller::Anonymous), _) => unauthorized(),
        _ => Answer::text(404, "Repository not found.\n"),
    })
}

fn kinds(server: Server) -> Option<&'static [TokenKind]> {
    use TokenKind::*;
    Some(match server {
        // An Enterprise server has its API and git at one origin.
        Server::GithubWeb | Server::GithubApi => &[GithubClassic, GithubFineGrained, GithubInstallation, GithubActions],
        Server::Gitlab => &[GitlabPersonal, GitlabProject, GitlabGroup, GitlabJob, GitlabDeploy],
        Server::BitbucketWeb => &[BitbucketAccess, BitbucketApi],
        Server::Gitea => &[Gitea],
        Server::BitbucketApi | Server::Elsewhere => return None,
    })
}

/// None for a credential that is not good.
fn caller(state: &State, request: &Request, kinds: &[TokenKind]) -> Option<Caller> {
    if request.header("authorization").is_none() {
        return Some(Caller::Anonymous);
    }
    let (user, password) = request.basic()?;
    // Gitea takes the token as the user name too.
    [password, user].iter().find_map(|secret| state.tokens.check(secret, kinds)).map(Caller::Known)
}

fn find(state: &State, name: &str) -> Found {
    state.registry.find(name)
}

fn unauthorized() -> Answer {
    Answer::text(401, "Unauthorized\n").header("www-authenticate", "Basic realm=\"forge\"")
}

fn serve(project: &Project, request: &Request, rest: &str) -> Answer {
    let advertise = rest == "/info/refs";
    if advertise && request.parameter("service").as_deref() != Some(SERVICE) {
        return Answer::text(403, "Only the smart protocol, and only reading.\n");
    }
    let kind = if advertise { "advertisement" } else { "result" };
    match upload_pack(project, request, advertise) {
        Ok(body) => Answer {
            status: 200,
            headers: vec![
                ("content-type".into(), format!("application/x-{SERVICE}-{kind}")),
                ("cache-control".into(), "no-cache".into()),
            ],
            body,
        },
        Err(error) => Answer::text(500, &format!("{error}\n")),
    }
}

fn upload_pack(project: &Project, request: &Request, advertise: bool) -> io::Result<Body> {
    let mut command = git::command(project.repository.path());
    command.args(["upload-pack", "--stateless-rpc", "--strict"]);
    if let Some(version) = request.header("git-protocol") {
        command.env("GIT_PROTOCOL", version);
    }
    if advertise {
        let refs = command.args(["--advertise-refs", "."]).output()?.stdout;
        let first = format!("# service={SERVICE}\n");
        // A line of the protocol starts with its length, its four digits included; 0000 ends the section.
        let mut body = format!("{:04x}{first}0000", first.len() + 4).into_bytes();
        body.extend(refs);
        return Ok(Body::Whole(body.into()));
    }
    let mut question = Vec::new();
    match request.header("content-encoding") {
        Some("gzip") => GzDecoder::new(&request.body[..]).read_to_end(&mut question)?,
        _ => request.body.as_ref().read_to_end(&mut question)?,
    };
    let mut child = tokio::process::Command::from(command)
        .arg(".")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("git upload-pack has no pipes"));
    };
    tokio::spawn(async move {
        let _ = input.write_all(&question).await;
        drop(input);
        let _ = child.wait().await;
    });
    Ok(Body::Stream(read(output)))
}
