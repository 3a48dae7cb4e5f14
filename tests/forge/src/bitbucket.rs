//! Bitbucket Cloud: the API, and the web origin that has the archives.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::message::{Answer, Request, decode, encode};
use crate::registry::{Found, Project};
use crate::repository::{ArchiveKey, Entry};
use crate::server::{Server, State};
use crate::timestamp;
use crate::tokens::{Access, BITBUCKET_EMAIL, Caller, TokenKind};

/// The largest page. Source: <https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination>.
const PAGE_LIMIT: usize = 100;

/// The API's part of one request.
struct Api<'a> {
    state: &'a State,
    request: &'a Request,
    project: Arc<Project>,
}

/// Answers a request to the API.
pub(crate) fn api(state: &State, request: &Request) -> Answer {
    let Some(caller) = caller(state, request) else {
        return unauthorized();
    };
    let Some(path) = request.path.strip_prefix("/2.0/") else {
        return error(404, "Resource not found");
    };
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["user"] => user(&caller),
        ["repositories", workspace, name, rest @ ..] => {
            let full_name = format!("{}/{}", plain(workspace), plain(name));
            match state.registry.find(&full_name) {
                Found::Here(project) | Found::Moved(project) if caller.reads(&project) => {
                    Api { state, request, project }.answer(rest)
                }
                Found::Here(_) => refusal(&caller, &full_name),
                _ => missing(&full_name),
            }
        }
        _ => error(404, "Resource not found"),
    }
}

/// `Bearer` for access tokens, Basic with the e-mail address for API tokens; none for a credential that is not good.
/// Source: <https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens>.
fn caller(state: &State, request: &Request) -> Option<Caller> {
    if request.header("authorization").is_none() {
        return Some(Caller::Anonymous);
    }
    if let Some(secret) = request.authorization(&["bearer"]) {
        let token = state.tokens.check(secret, &[TokenKind::BitbucketAccess])?;
        return Some(Caller::Known(token));
    }
    let (user, password) = request.basic()?;
    let kind = match user.as_str() {
        BITBUCKET_EMAIL | "x-bitbucket-api-token-auth" => TokenKind::BitbucketApi,
        "x-token-auth" => TokenKind::BitbucketAccess,
        _ => return None,
    };
    Some(Caller::Known(state.tokens.check(&password, &[kind])?))
}

fn user(caller: &Caller) -> Answer {
    match caller.token() {
        None => unauthorized(),
        Some(token) if !token.kind.has_user() => {
            error(403, "This API is not accessible by a repository, project or workspace access token.")
        }
        Some(_) => Answer::json(200, &json!({ "type": "user", "username": "ada", "display_name": "Ada Example" })),
    }
}

impl Api<'_> {
    fn answer(&self, rest: &[&str]) -> Answer {
        match rest {
            [] => self.describe(),
            ["commit", revision] => self.commit(&plain(revision)),
            ["refs", "branches", name @ ..] => self.reference("heads", "branch", &name.join("/")),
            ["refs", "tags", name @ ..] => self.reference("tags", "tag", &name.join("/")),
            ["src", revision, path @ ..] => self.source(&plain(revision), &decode(&path.join("/"))),
            _ => error(404, "Resource not found"),
        }
    }

    fn describe(&self) -> Answer {
        let web = self.state.origin(Server::BitbucketWeb);
        let full_name = self.project.full_name();
        Answer::json(
            200,
            &json!({
                "type": "repository",
                "scm": "git",
                "uuid": self.uuid(),
                "name": self.project.name,
                "slug": self.project.name.to_lowercase(),
                "full_name": full_name,
                "is_private": self.project.private,
                "mainbranch": { "type": "branch", "name": crate::DEFAULT_BRANCH },
                "workspace": { "type": "workspace", "slug": self.project.owner },
                "links": {
                    "self": { "href": self.url() },
                    "html": { "href": format!("{web}/{full_name}") },
                    "clone": [
                        { "name": "https", "href": format!("{web}/{full_name}.git") },
                    ],
                },
            }),
        )
    }

    fn commit(&self, revision: &str) -> Answer {
        let found = self.project.repository.resolve(revision);
        match found.and_then(|id| self.commit_body(&id)) {
            Some(body) => Answer::json(200, &body),
            None => error(404, &format!("Commit not found: {revision}")),
        }
    }

    fn reference(&self, kind: &str, word: &str, name: &str) -> Answer {
        let name = plain(name);
        let full = format!("refs/{kind}/{name}");
        let target = self.project.repository.resolve_exact(&full).and_then(|id| self.commit_body(&id));
        match target {
            Some(target) => Answer::json(200, &json!({ "type": word, "name": name, "target": target })),
            None => error(404, &format!("{word} \"{name}\" not found")),
        }
    }

    fn commit_body(&self, id: &str) -> Option<Value> {
        let (time, message, parents) = self.project.repository.describe(id).ok()?;
        let parents: Vec<Value> = parents.iter().map(|id| json!({ "type": "commit", "hash": id })).collect();
        Some(json!({
            "type": "commit",
            "hash": id,
            "date": timestamp::rfc3339(time).replace('Z', "+00:00"),
            "author": { "type": "author", "raw": "Ada Example <ada@example.com>" },
            "message": message,
            "parents": parents,
            "links": { "self": { "href": format!("{}/commit/{id}", self.url()) } },
        }))
    }

    /// A directory as a listing in pages, a file as its bytes.
    fn source(&self, revision: &str, path: &[u8]) -> Answer {
        let repository = &self.project.repository;
        let Some(commit) = repository.resolve(revision) else {
            return error(404, &format!("Commit not found: {revision}"));
        };
        // Only the form with a commit answers; one with a branch leads to it.
        if revision != commit {
            let path = encode(&String::from_utf8_lossy(path)).replace("%2F", "/");
            let mut location = format!("{}/src/{commit}/{path}", self.url());
            if !self.request.query.is_empty() {
                location = format!("{location}?{}", self.request.query);
            }
            return Answer::redirect(302, &location);
        }
        let path = match path {
            [start @ .., b'/'] => start,
            whole => whole,
        };
        let Some(entries) = repository.tree_of(&commit).and_then(|tree| repository.entries(&tree, true).ok()) else {
            return error(500, "Something went wrong");
        };
        match entries.iter().find(|entry| entry.path == path) {
            Some(file) if file.kind == "blob" => match repository.blob(&file.id) {
                Ok(bytes) => Answer::new(200, "application/octet-stream", bytes),
                Err(_) => error(500, "Something went wrong"),
            },
            None if !path.is_empty() => {
                error(404, &format!("No such file or directory: {}", String::from_utf8_lossy(path)))
            }
            _ => self.listing(&commit, path, &entries),
        }
    }

    fn listing(&self, commit: &str, path: &[u8], entries: &[Entry]) -> Answer {
        let request = self.request;
        let depth = request.number("max_depth").unwrap_or(1);
        let below = |entry: &&Entry| {
            let rest = match path {
                [] => Some(&entry.path[..]),
                path => entry.path.strip_prefix(path).and_then(|rest| rest.strip_prefix(b"/")),
            };
            rest.is_some_and(|rest| rest.iter().filter(|&&byte| byte == b'/').count() < depth)
        };
        let size = request.number("pagelen").unwrap_or(10).min(PAGE_LIMIT);
        let page = request.number("page").unwrap_or(1);
        let all: Vec<&Entry> = entries.iter().filter(below).collect();
        let values: Vec<Value> = all
            .iter()
            .skip((page - 1).saturating_mul(size))
            .take(size)
            .map(|entry| source_entry(entry, commit))
            .collect();
        let mut body = json!({ "pagelen": size, "page": page, "values": values });
        if page.saturating_mul(size) < all.len() {
            body["next"] =
                format!("{}{}?max_depth={depth}&pagelen={size}&page={}", request.origin, request.path, page + 1).into();
        }
        Answer::json(200, &body)
    }

    fn uuid(&self) -> String {
        format!("{{00000000-0000-4000-8000-{:012}}}", self.project.id)
    }

    fn url(&self) -> String {
        format!("{}/2.0/repositories/{}", self.request.origin, self.project.full_name())
    }
}

/// Names that are not UTF-8 come with replacement characters: JSON has no other way.
fn source_entry(entry: &Entry, commit: &str) -> Value {
    let attribute = match entry.mode.as_str() {
        "100755" => Some("executable"),
        "120000" => Some("link"),
        "160000" => Some("subrepository"),
        _ => None,
    };
    let directory = entry.kind == "tree";
    let mut value = json!({
        "type": if directory { "commit_directory" } else { "commit_file" },
        "path": String::from_utf8_lossy(&entry.path),
        "commit": { "type": "commit", "hash": commit },
    });
    if !directory {
        value["attributes"] = attribute.into_iter().collect::<Vec<_>>().into();
        value["size"] = entry.size.unwrap_or_default().into();
    }
    value
}

/// Answers a request to the web origin: only archives.
pub(crate) fn web(state: &State, request: &Request) -> Answer {
    let segments = request.segments();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (workspace, name, file) = match words.as_slice() {
        [workspace, name, "get", file @ ..] => (workspace, name, file.join("/")),
        _ => return Answer::html(404, "<h1>Resource not found</h1>"),
    };
    let found = state.registry.find(&format!("{workspace}/{name}"));
    let project = match (caller(state, request), found) {
        (Some(caller), Found::Here(project)) if caller.reads(&project) => project,
        (Some(caller), Found::Moved(project)) if caller.reads(&project) => {
            let location = format!("{}/{}/get/{file}", request.origin, project.full_name());
            return Answer::redirect(301, &location);
        }
        // A login that fails shows the page that asks for one, with a status that says all is well.
        (None | Some(Caller::Anonymous), Found::Here(_)) => return login_page(),
        _ => return Answer::html(404, "<h1>Repository not found</h1>"),
    };
    let commit = file.strip_suffix(".tar.gz").and_then(|revision| project.repository.resolve(revision));
    let Some(commit) = commit else {
        return Answer::html(404, "<h1>Commit not found</h1>");
    };
    let stem = format!("{}-{}-{}", project.owner, project.name, &commit[..12]);
    let key = ArchiveKey { commit, root: format!("{stem}/"), path: None, large_files: false };
    match project.repository.archive_file(&key) {
        Ok(file) => Answer::archive("application/x-tar", &format!("{stem}.tar.gz"), file),
        Err(error) => Answer::html(500, &error.to_string()),
    }
}

fn login_page() -> Answer {
    Answer::html(200, "<h1>Log in to continue</h1><form method=\"post\"></form>")
}

fn plain(segment: &str) -> String {
    String::from_utf8_lossy(&decode(segment)).into_owned()
}

fn refusal(caller: &Caller, full_name: &str) -> Answer {
    match caller.token() {
        Some(token) if token.access == Access::NoPermission => Answer::json(
            403,
            &json!({
                "type": "error",
                "error": {
                    "message": "Your credentials lack one or more required privilege scopes.",
                    "detail": { "required": ["repository"], "granted": [] },
                },
            }),
        ),
        _ => missing(full_name),
    }
}

fn missing(full_name: &str) -> Answer {
    error(
        404,
        &format!(
            "You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated. ({full_name})"
        ),
    )
}

/// Its body is empty.
pub(crate) fn unauthorized() -> Answer {
    Answer::new(401, "text/plain", "").header("www-authenticate", "Basic realm=\"Bitbucket.org HTTP\"")
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "type": "error", "error": { "message": message } }))
}
