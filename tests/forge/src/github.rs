//! GitHub: the REST API, and codeload behind it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::codeload;
use crate::message::{Answer, Request, encode};
use crate::registry::{Found, Project};
use crate::repository::Entry;
use crate::server::{Server, State};
use crate::timestamp;
use crate::tokens::{Access, Caller, TokenKind};

const KINDS: [TokenKind; 4] =
    [TokenKind::GithubClassic, TokenKind::GithubFineGrained, TokenKind::GithubInstallation, TokenKind::GithubActions];

/// The largest blob that the API gives out.
/// Source: <https://docs.github.com/en/rest/git/blobs#get-a-blob>.
const BLOB_LIMIT: u64 = 100 * 1024 * 1024;

/// The API's part of one request.
struct Api<'a> {
    state: &'a State,
    request: &'a Request,
    /// Where the API starts: the origin, with `/api/v3` if the request came by it.
    base: String,
    enterprise: bool,
}

/// Answers a request to the API.
pub(crate) fn api(state: &State, request: &Request) -> Answer {
    let mut segments = request.segments();
    if segments.first().is_some_and(|first| first == "_codeload") {
        return codeload::answer(state, request, &segments[1..]);
    }
    let enterprise = segments.starts_with(&["api".into(), "v3".into()]);
    let mut base = request.origin.clone();
    if enterprise {
        segments.drain(..2);
        base.push_str("/api/v3");
    }
    let api = Api { state, request, base, enterprise };
    let answer = api.answer(&segments);
    let answer = answer
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4990");
    conditional(request, answer)
}

/// 304 where the client has the same answer already.
fn conditional(request: &Request, answer: Answer) -> Answer {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let crate::message::Body::Whole(bytes) = &answer.body else {
        return answer;
    };
    if answer.status != 200 {
        return answer;
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    if request.header("if-none-match") == Some(&tag) {
        return Answer::new(304, "application/json", "").header("etag", tag);
    }
    answer.header("etag", tag)
}

impl Api<'_> {
    fn answer(&self, segments: &[String]) -> Answer {
        if self.request.header("user-agent").is_none() {
            return Answer::html(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
            );
        }
        let Some(caller) = self.caller() else {
            return bad_credentials();
        };
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["user"] => user(&caller),
            ["repos", owner, name, rest @ ..] => match self.state.registry.find(&format!("{owner}/{name}")) {
                Found::Here(project) => self.project(&caller, &project, rest),
                Found::Moved(project) if caller.reads(&project) => self.moved(&project, rest),
                _ => not_found(),
            },
            ["repositories", id, rest @ ..] => match self.state.registry.by_id(id) {
                Some(project) => self.project(&caller, &project, rest),
                None => not_found(),
            },
            _ => not_found(),
        }
    }

    /// None for a credential that is not good.
    fn caller(&self) -> Option<Caller> {
        if self.request.header("authorization").is_none() {
            return Some(Caller::Anonymous);
        }
        let secret = match self.request.authorization(&["bearer", "token"]) {
            Some(secret) => secret.to_owned(),
            None => self.request.basic()?.1,
        };
        let token = self.state.tokens.check(&secret, &KINDS)?;
        Some(Caller::Known(token))
    }

    fn moved(&self, project: &Project, rest: &[&str]) -> Answer {
        let mut url = format!("{}/repositories/{}", self.base, project.id);
        for segment in rest {
            url = format!("{url}/{}", encode(segment));
        }
        if !self.request.query.is_empty() {
            url = format!("{url}?{}", self.request.query);
        }
        let body = json!({
            "message": "Moved Permanently",
            "url": url,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        });
        Answer::json(301, &body).header("location", url)
    }

    fn project(&self, caller: &Caller, project: &Arc<Project>, rest: &[&str]) -> Answer {
        if !caller.reads(project) {
            return refusal(caller, project);
        }
        match rest {
            [] => self.describe(caller, project),
            ["commits", reference @ ..] if !reference.is_empty() => self.commit(project, &reference.join("/")),
            ["tarball", reference @ ..] => self.tarball(project, &reference.join("/")),
            ["git", "ref", reference @ ..] => self.reference(project, &reference.join("/")),
            ["git", "commits", id] => self.commit(project, id),
            ["git", "trees", reference @ ..] => self.tree(project, &reference.join("/")),
            ["git", "blobs", id] => self.blob(project, id),
            _ => not_found(),
        }
    }

    fn describe(&self, caller: &Caller, project: &Project) -> Answer {
        let full_name = project.full_name();
        let web = self.state.origin(Server::GithubWeb);
        let mut body = json!({
            "id": project.id,
            "name": project.name,
            "full_name": full_name,
            "private": project.private,
            "visibility": if project.private { "private" } else { "public" },
            "owner": { "login": project.owner, "id": 1, "type": "User" },
            "html_url": format!("{web}/{full_name}"),
            "url": format!("{}/repos/{full_name}", self.base),
            "clone_url": format!("{web}/{full_name}.git"),
            "default_branch": crate::DEFAULT_BRANCH,
            "archived": false,
            "disabled": false,
        });
        if caller.token().is_some() {
            body["permissions"] = json!({ "admin": false, "push": false, "pull": true });
        }
        with_scopes(caller, Answer::json(200, &body))
    }

    fn commit(&self, project: &Project, reference: &str) -> Answer {
        let repository = &project.repository;
        if repository.is_empty() {
            return error(409, "Git Repository is empty.");
        }
        let Some(id) = repository.resolve(reference) else {
            return error(422, &format!("No commit found for SHA: {reference}"));
        };
        if self.accepts("application/vnd.github.sha") || self.accepts("application/vnd.github.v3.sha") {
            return Answer::new(200, "application/vnd.github.sha; charset=utf-8", id);
        }
        let (Ok((time, message, parents)), Some(tree)) = (repository.describe(&id), repository.tree_of(&id)) else {
            return error(500, "Server Error");
        };
        let person = json!({
            "name": "Ada Example",
            "email": "ada@example.com",
            "date": timestamp::rfc3339(time),
        });
        let url = format!("{}/repos/{}", self.base, project.full_name());
        let parents: Vec<Value> =
            parents.iter().map(|id| json!({ "sha": id, "url": format!("{url}/commits/{id}") })).collect();
        let body = json!({
            "sha": id,
            "url": format!("{url}/commits/{id}"),
            "commit": {
                "author": person,
                "committer": person,
                "message": message,
                "tree": { "sha": tree, "url": format!("{url}/git/trees/{tree}") },
                "comment_count": 0,
            },
            "parents": parents,
            "files": [],
        });
        Answer::json(200, &body)
    }

    fn reference(&self, project: &Project, reference: &str) -> Answer {
        let full = format!("refs/{reference}");
        match project.repository.resolve_exact(&full) {
            Some(id) => Answer::json(200, &json!({ "ref": full, "object": { "type": "commit", "sha": id } })),
            None => not_found(),
        }
    }

    fn tarball(&self, project: &Project, reference: &str) -> Answer {
        let reference = match reference {
            "" => crate::DEFAULT_BRANCH,
            given => given,
        };
        let repository = &project.repository;
        let target = match repository.reference(reference) {
            Some(full) => full,
            None if repository.resolve(reference).is_some() => reference.to_owned(),
            None => return not_found(),
        };
        let codeload = if self.enterprise {
            format!("{}/_codeload", self.request.origin)
        } else {
            self.state.origin(Server::GithubWeb)
        };
        let target: Vec<String> = target.split('/').map(encode).collect();
        let mut location = format!("{codeload}/{}/legacy.tar.gz/{}", project.full_name(), target.join("/"));
        if project.private {
            location = format!("{location}?token={}", self.state.links.issue(project.id));
        }
        Answer::redirect(302, &location).header("cache-control", "private, must-revalidate, max-age=0")
    }

    fn tree(&self, project: &Project, reference: &str) -> Answer {
        let repository = &project.repository;
        let listing = repository.tree_of(reference).and_then(|id| {
            // Any value counts, even 0 and false.
            let recursive = self.request.parameter("recursive").is_some();
            Some((repository.entries(&id, recursive).ok()?, id))
        });
        let Some((entries, id)) = listing else {
            return not_found();
        };
        let url = format!("{}/repos/{}/git", self.base, project.full_name());
        let limit = self.state.settings.tree_limit;
        let tree: Vec<Value> = entries.iter().take(limit).map(|entry| tree_entry(entry, &url)).collect();
        Answer::json(
            200,
            &json!({
                "sha": id,
                "url": format!("{url}/trees/{id}"),
                "tree": tree,
                "truncated": entries.len() > limit,
            }),
        )
    }

    fn blob(&self, project: &Project, id: &str) -> Answer {
        let Ok(bytes) = project.repository.blob(id) else {
            return not_found();
        };
        if bytes.len() as u64 > BLOB_LIMIT {
            return error(403, "This API returns blobs up to 100 MB in size.");
        }
        if self.accepts("application/vnd.github.raw")
            || self.accepts("application/vnd.github.v3.raw")
            || self.accepts("application/vnd.github.raw+json")
        {
            return Answer::new(200, "application/vnd.github.raw; charset=utf-8", bytes);
        }
        // GitHub breaks the lines of what it encodes, which strict decoders trip over.
        let mut content = String::new();
        for line in STANDARD.encode(&bytes).as_bytes().chunks(60) {
            content.push_str(&String::from_utf8_lossy(line));
            content.push('\n');
        }
        Answer::json(200, &json!({ "sha": id, "size": bytes.len(), "encoding": "base64", "content": content }))
    }

    fn accepts(&self, media_type: &str) -> bool {
        self.request.header("accept").is_some_and(|accept| {
            accept.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == media_type)
        })
    }
}

/// Names that are not UTF-8 come with replacement characters: JSON has no other way.
fn tree_entry(entry: &Entry, url: &str) -> Value {
    let mut value = json!({
        "path": String::from_utf8_lossy(&entry.path),
        "mode": entry.mode,
        "type": entry.kind,
        "sha": entry.id,
    });
    if let Some(size) = entry.size {
        value["size"] = size.into();
    }
    if entry.kind != "commit" {
        value["url"] = format!("{url}/{}s/{}", entry.kind, entry.id).into();
    }
    value
}

fn user(caller: &Caller) -> Answer {
    match caller.token() {
        None => error(401, "Requires authentication"),
        Some(token) if !token.kind.has_user() => error(403, "Resource not accessible by integration"),
        Some(_) => with_scopes(caller, Answer::json(200, &json!({ "login": "ada", "id": 1, "type": "User" }))),
    }
}

/// Only classic tokens have scopes, and only their answers tell them.
fn with_scopes(caller: &Caller, answer: Answer) -> Answer {
    match caller.token() {
        Some(token) if token.kind == TokenKind::GithubClassic => answer.header("x-oauth-scopes", "repo, read:user"),
        _ => answer,
    }
}

fn refusal(caller: &Caller, project: &Project) -> Answer {
    let Some(token) = caller.token() else {
        return not_found();
    };
    match token.access {
        Access::SingleSignOn => error(403, "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.")
            .header("x-github-sso", format!("required; url=https://github.com/orgs/{}/sso?authorization_request=AFORGE", project.owner)),
        Access::NoPermission if !token.kind.has_user() => error(403, "Resource not accessible by integration")
            .header("x-accepted-github-permissions", "contents=read"),
        Access::NoPermission => error(403, "Resource not accessible by personal access token")
            .header("x-accepted-github-permissions", "contents=read"),
        _ => not_found(),
    }
}

pub(crate) fn bad_credentials() -> Answer {
    error(401, "Bad credentials")
}

fn not_found() -> Answer {
    error(404, "Not Found")
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": status.to_string(),
        }),
    )
}
