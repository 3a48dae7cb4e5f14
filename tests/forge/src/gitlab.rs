//! GitLab: one origin for everything, at its root and once more under the path `/gitlab` (a "relative URL root").

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::message::{Answer, Request, decode, encode};
use crate::registry::{Found, Project};
use crate::repository::{ArchiveKey, Entry};
use crate::server::State;
use crate::timestamp;
use crate::tokens::{Access, Caller, Token, TokenKind};

/// Tokens that stand for a user, be it a bot.
const USERS: [TokenKind; 3] = [TokenKind::GitlabPersonal, TokenKind::GitlabProject, TokenKind::GitlabGroup];

/// The API's part of one request.
struct Api<'a> {
    state: &'a State,
    request: &'a Request,
    /// Origin and relative root.
    instance: String,
    caller: Caller,
    /// The segments that follow the project's, still encoded: a path in them is one segment.
    rest: Vec<&'a str>,
}

/// Answers any request but git's.
pub(crate) fn answer(state: &State, request: &Request) -> Answer {
    let (root, path) = match request.path.strip_prefix("/gitlab/") {
        Some(rest) => ("/gitlab", rest),
        None => ("", request.path.trim_start_matches('/')),
    };
    let Some(path) = path.strip_prefix("api/v4/") else {
        return Answer::html(404, "<h1>404: Page Not Found</h1>");
    };
    let segments: Vec<&str> = path.split('/').collect();
    let rest = segments.get(2..).unwrap_or_default().to_vec();
    let Some(caller) = caller(state, request, job_token_allowed(&rest)) else {
        return unauthorized();
    };
    let api = Api { state, request, instance: format!("{}{root}", request.origin), caller, rest };
    match segments.as_slice() {
        ["user"] => api.user(),
        ["personal_access_tokens", "self"] => api.token(),
        ["version"] => message(401, "401 Unauthorized"),
        ["projects", id, ..] => api.project(id),
        _ => message(404, "404 Not Found"),
    }
}

/// Who asks; none for a credential that is not good.
///
/// Job tokens count only where the route takes them; in the header `JOB-TOKEN` they are overlooked elsewhere, so that a private
/// project seems missing (404), while as a bearer they are refused (401). Deploy tokens never count: `DEPLOY-TOKEN` is overlooked.
/// Sources: <https://docs.gitlab.com/ci/jobs/ci_job_token/> (commits and raw files are listed, projects and archives are not),
/// <https://gitlab.com/gitlab-org/gitlab/-/issues/410309> (archive with a job token: 404),
/// <https://docs.gitlab.com/user/project/deploy_tokens/> (git and registries only), `lib/gitlab/auth/auth_finders.rb`.
fn caller(state: &State, request: &Request, job_token_allowed: bool) -> Option<Caller> {
    const JOB: [TokenKind; 1] = [TokenKind::GitlabJob];
    let bearer = request.authorization(&["bearer"]);
    let job = request.header("job-token");
    if job_token_allowed && let Some(secret) = job {
        return state.tokens.check(secret, &JOB).map(Caller::Known);
    }
    if job_token_allowed && let Some(token) = bearer.and_then(|s| state.tokens.check(s, &JOB)) {
        return Some(Caller::Known(token));
    }
    let query = request.parameter("private_token");
    let secret = request.header("private-token").or(bearer).or(query.as_deref());
    match secret {
        Some(secret) => state.tokens.check(secret, &USERS).map(Caller::Known),
        None => Some(Caller::Anonymous),
    }
}

fn job_token_allowed(rest: &[&str]) -> bool {
    matches!(rest, ["repository", "commits", _] | ["repository", "files", _, "raw"])
}

impl Api<'_> {
    fn user(&self) -> Answer {
        match self.caller.token() {
            None => unauthorized(),
            Some(token) if token.access == Access::NoPermission => insufficient_scope(),
            Some(token) => {
                let bot = token.kind != TokenKind::GitlabPersonal;
                let name = if bot { "project_1_bot_f0f0" } else { "ada" };
                Answer::json(200, &json!({ "id": 1, "username": name, "name": name, "state": "active", "bot": bot }))
            }
        }
    }

    fn token(&self) -> Answer {
        match self.caller.token() {
            None => unauthorized(),
            Some(_) => Answer::json(
                200,
                &json!({ "id": 1, "name": "test", "active": true, "revoked": false, "scopes": ["read_api"] }),
            ),
        }
    }

    fn project(&self, id: &str) -> Answer {
        let id = plain(id);
        let found = match self.state.registry.by_id(&id) {
            Some(project) => Found::Here(project),
            None => self.state.registry.find(&id),
        };
        match found {
            Found::Here(project) if self.caller.reads(&project) => self.repository(&project),
            Found::Moved(project) if self.caller.reads(&project) => self.moved(&project),
            Found::Here(_) => refusal(self.caller.token()),
            _ => message(404, "404 Project Not Found"),
        }
    }

    fn moved(&self, project: &Project) -> Answer {
        let mut url = format!("{}/api/v4/projects/{}", self.instance, project.id);
        for segment in &self.rest {
            url = format!("{url}/{segment}");
        }
        if !self.request.query.is_empty() {
            url = format!("{url}?{}", self.request.query);
        }
        Answer::json(301, &json!({ "message": "This resource has been moved permanently to the new location." }))
            .header("location", url)
    }

    fn repository(&self, project: &Arc<Project>) -> Answer {
        match self.rest.as_slice() {
            [] => self.describe(project),
            ["repository", "commits", reference] => self.commit(project, &plain(reference)),
            ["repository", "tree"] => self.tree(project),
            ["repository", "blobs", id, "raw"] => match project.repository.blob(id) {
                Ok(bytes) => Answer::new(200, "application/octet-stream", bytes),
                Err(_) => message(404, "404 Blob Not Found"),
            },
            ["repository", "blobs", id] => match project.repository.blob(id) {
                Ok(bytes) => Answer::json(
                    200,
                    &json!({ "sha": id, "size": bytes.len(), "encoding": "base64", "content": STANDARD.encode(&bytes) }),
                ),
                Err(_) => message(404, "404 Blob Not Found"),
            },
            ["repository", "files", path, "raw"] => self.file(project, &decode(path)),
            ["repository", archive] if is_archive(archive) => self.archive(project),
            _ => message(404, "404 Not Found"),
        }
    }

    fn describe(&self, project: &Project) -> Answer {
        let full_name = project.full_name();
        let namespace = project.owner.rsplit('/').next().unwrap_or_default();
        Answer::json(
            200,
            &json!({
                "id": project.id,
                "name": project.name,
                "path": project.name,
                "path_with_namespace": full_name,
                "default_branch": crate::DEFAULT_BRANCH,
                "visibility": if project.private { "private" } else { "public" },
                "empty_repo": project.repository.is_empty(),
                "web_url": format!("{}/{full_name}", self.instance),
                "http_url_to_repo": format!("{}/{full_name}.git", self.instance),
                "namespace": { "path": namespace, "full_path": project.owner, "kind": "group" },
                "repository_access_level": "enabled",
            }),
        )
    }

    fn commit(&self, project: &Project, reference: &str) -> Answer {
        let repository = &project.repository;
        let Some(id) = repository.resolve(reference) else {
            return message(404, "404 Commit Not Found");
        };
        let Ok((time, text, parents)) = repository.describe(&id) else {
            return message(500, "500 Internal Server Error");
        };
        let date = timestamp::rfc3339(time);
        Answer::json(
            200,
            &json!({
                "id": id,
                "short_id": &id[..8],
                "title": text.lines().next().unwrap_or_default(),
                "message": text,
                "author_name": "Ada Example",
                "author_email": "ada@example.com",
                "authored_date": date,
                "committed_date": date,
                "created_at": date,
                "parent_ids": parents,
                "web_url": format!("{}/{}/-/commit/{id}", self.instance, project.full_name()),
            }),
        )
    }

    /// A tree in pages, by number or by key; entries carry no size.
    fn tree(&self, project: &Project) -> Answer {
        let request = self.request;
        let reference = self.reference();
        let repository = &project.repository;
        if repository.resolve(&reference).is_none() {
            return message(404, "404 Tree Not Found");
        }
        let recursive = request.parameter("recursive").is_some_and(|v| v == "true");
        let path = request.parameter("path").unwrap_or_default();
        let path = path.trim_matches('/');
        let listing = repository.tree_at(&reference, path).and_then(|tree| repository.entries(&tree, recursive).ok());
        let Some(entries) = listing else {
            return message(404, "404 invalid revision or path Not Found");
        };
        let size = request.number("per_page").unwrap_or(20).min(100);
        let keyset = request.parameter("pagination").is_some_and(|p| p == "keyset");
        let start = if keyset {
            let token = request.parameter("page_token").unwrap_or_default();
            entries.iter().position(|entry| token == page_token(entry)).map_or(0, |at| at + 1)
        } else {
            (request.number("page").unwrap_or(1) - 1).saturating_mul(size)
        };
        let page: Vec<&Entry> = entries.iter().skip(start).take(size).collect();
        let body: Vec<Value> = page.iter().map(|entry| tree_entry(entry, path)).collect();
        let answer = Answer::json(200, &body.into());
        let more = start + page.len() < entries.len();
        let next = match page.last() {
            Some(last) if more && keyset => ("page_token", page_token(last)),
            Some(_) if more => ("page", (start / size + 2).to_string()),
            _ => return answer,
        };
        let link = self.with_parameter(next.0, &next.1);
        answer.header("link", format!("<{link}>; rel=\"next\""))
    }

    /// This request's URL with one parameter replaced.
    fn with_parameter(&self, name: &str, value: &str) -> String {
        let mut query: Vec<String> = self
            .request
            .query
            .split('&')
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name))
            .map(str::to_owned)
            .collect();
        query.push(format!("{name}={}", encode(value)));
        format!("{}{}?{}", self.request.origin, self.request.path, query.join("&"))
    }

    fn file(&self, project: &Project, path: &[u8]) -> Answer {
        let repository = &project.repository;
        let file = repository
            .tree_of(&self.reference())
            .and_then(|tree| repository.entries(&tree, true).ok())
            .and_then(|entries| {
                let entry = entries.iter().find(|entry| entry.path == path)?;
                repository.blob(&entry.id).ok()
            });
        match file {
            Some(bytes) => Answer::new(200, "application/octet-stream", bytes),
            None => message(404, "404 File Not Found"),
        }
    }

    /// The archive, named and rooted as `Gitlab::Git::Repository#archive_prefix` does.
    fn archive(&self, project: &Project) -> Answer {
        let request = self.request;
        // GitLab's defence against hotlinks.
        if request.header("sec-fetch-mode") == Some("cors") {
            return message(406, "406 Not Acceptable");
        }
        let reference = match request.parameter("sha") {
            Some(given) => given,
            None => crate::DEFAULT_BRANCH.to_owned(),
        };
        let Some(commit) = project.repository.resolve(&reference) else {
            return message(404, "404 File Not Found");
        };
        let path = request.parameter("path").filter(|path| !path.is_empty());
        let mut stem = format!("{}-{}-{commit}", project.name, reference.replace('/', "-"));
        if let Some(path) = &path {
            stem = format!("{stem}-{}", path.trim_matches('/').replace('/', "-"));
        }
        let large_files = request.parameter("include_lfs_blobs");
        let key = ArchiveKey {
            commit,
            root: format!("{stem}/"),
            path: path.map(|path| path.trim_matches('/').into()),
            large_files: large_files.is_none_or(|given| given != "false"),
        };
        match project.repository.archive_file(&key) {
            Ok(file) => Answer::archive("application/octet-stream", &format!("\"{stem}.tar.gz\""), file),
            Err(_) => message(404, "404 File Not Found"),
        }
    }

    fn reference(&self) -> String {
        self.request.parameter("ref").unwrap_or_else(|| crate::DEFAULT_BRANCH.to_owned())
    }
}

fn is_archive(segment: &str) -> bool {
    matches!(segment, "archive" | "archive.tar.gz" | "archive.tgz")
}

fn plain(segment: &str) -> String {
    String::from_utf8_lossy(&decode(segment)).into_owned()
}

/// Names that are not UTF-8 come with replacement characters: JSON has no other way.
fn tree_entry(entry: &Entry, below: &str) -> Value {
    let path = String::from_utf8_lossy(&entry.path);
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let path = match below {
        "" => path.into_owned(),
        below => format!("{below}/{path}"),
    };
    json!({ "id": entry.id, "name": name, "type": entry.kind, "path": path, "mode": entry.mode })
}

/// Opaque to clients. Paths are unique where ids are not.
fn page_token(entry: &Entry) -> String {
    entry.path.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refusal(token: Option<&Token>) -> Answer {
    match token {
        Some(token) if token.access == Access::NoPermission => insufficient_scope(),
        _ => message(404, "404 Project Not Found"),
    }
}

fn insufficient_scope() -> Answer {
    Answer::json(
        403,
        &json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": "api read_api",
        }),
    )
}

pub(crate) fn unauthorized() -> Answer {
    message(401, "401 Unauthorized")
}

fn message(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({ "message": text }))
}
