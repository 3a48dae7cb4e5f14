//! Gitea (and Forgejo).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::message::{Answer, Request, decode};
use crate::registry::{Found, Project};
use crate::repository::{ArchiveKey, Entry};
use crate::server::State;
use crate::timestamp;
use crate::tokens::{Access, Caller, TokenKind};

/// The API's part of one request.
struct Api<'a> {
    state: &'a State,
    request: &'a Request,
    caller: Caller,
}

/// Answers any request but git's.
pub(crate) fn answer(state: &State, request: &Request) -> Answer {
    let Some(path) = request.path.strip_prefix("/api/v1/") else {
        return Answer::html(404, "<h1>404 Page Not Found</h1>");
    };
    let Some(caller) = caller(state, request) else {
        return unauthorized(request);
    };
    let api = Api { state, request, caller };
    let segments: Vec<String> =
        path.split('/').map(|segment| String::from_utf8_lossy(&decode(segment)).into_owned()).collect();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["user"] => api.user(),
        ["version"] => Answer::json(200, &json!({ "version": "1.26.0" })),
        ["repos", owner, name, rest @ ..] => match state.registry.find(&format!("{owner}/{name}")) {
            Found::Here(project) if api.caller.reads(&project) => api.project(&project, rest),
            Found::Here(_) => api.refusal(),
            Found::Moved(project) if api.caller.reads(&project) => api.moved(&project),
            _ => not_found(request),
        },
        _ => not_found(request),
    }
}

/// `token`, `Bearer`, and Basic with the token as the password or as the user name; none for a credential that is not good.
fn caller(state: &State, request: &Request) -> Option<Caller> {
    if request.header("authorization").is_none() {
        return Some(Caller::Anonymous);
    }
    let secrets = match request.authorization(&["token", "bearer"]) {
        Some(secret) => vec![secret.to_owned()],
        None => request.basic().map(|(user, password)| vec![password, user])?,
    };
    secrets.iter().find_map(|secret| state.tokens.check(secret, &[TokenKind::Gitea])).map(Caller::Known)
}

impl Api<'_> {
    fn user(&self) -> Answer {
        match self.caller.token() {
            None => unauthorized(self.request),
            Some(token) if token.access == Access::NoPermission => self.refusal(),
            Some(_) => Answer::json(200, &json!({ "id": 1, "login": "ada", "username": "ada" })),
        }
    }

    fn refusal(&self) -> Answer {
        match self.caller.token() {
            Some(token) if token.access == Access::NoPermission => message(
                403,
                "token does not have at least one of required scope(s), required=[read:repository], token scope=",
                self.request,
            ),
            _ => not_found(self.request),
        }
    }

    /// The new place is told without the origin. Source: recorded from a real one.
    fn moved(&self, project: &Project) -> Answer {
        let rest: Vec<&str> = self.request.path.split('/').skip(6).collect();
        let mut location = format!("/api/v1/repos/{}", project.full_name());
        for segment in rest {
            location = format!("{location}/{segment}");
        }
        if !self.request.query.is_empty() {
            location = format!("{location}?{}", self.request.query);
        }
        Answer::redirect(302, &location)
    }

    fn project(&self, project: &Arc<Project>, rest: &[&str]) -> Answer {
        match rest {
            [] => self.describe(project),
            ["git", "commits", reference @ ..] => self.commit(project, &reference.join("/")),
            ["git", "trees", reference @ ..] => self.tree(project, &reference.join("/")),
            ["git", "blobs", id] => self.blob(project, id),
            ["archive", name @ ..] => self.archive(project, &name.join("/")),
            ["raw", path @ ..] => self.file(project, &path.join("/")),
            _ => not_found(self.request),
        }
    }

    fn describe(&self, project: &Project) -> Answer {
        let origin = &self.request.origin;
        let full_name = project.full_name();
        Answer::json(
            200,
            &json!({
                "id": project.id,
                "name": project.name,
                "full_name": full_name,
                "owner": { "id": 1, "login": project.owner, "username": project.owner },
                "private": project.private,
                "empty": project.repository.is_empty(),
                "html_url": format!("{origin}/{full_name}"),
                "clone_url": format!("{origin}/{full_name}.git"),
                "default_branch": crate::DEFAULT_BRANCH,
                "permissions": { "admin": false, "push": false, "pull": true },
            }),
        )
    }

    fn commit(&self, project: &Project, reference: &str) -> Answer {
        let repository = &project.repository;
        let Some(id) = repository.resolve(reference) else {
            return message(404, reference, self.request);
        };
        let Ok((time, text, parents)) = repository.describe(&id) else {
            return message(500, "", self.request);
        };
        // Real ones tell the commit's id as the tree's too, recorded and in `ToCommit` of `services/convert/git_commit.go`.
        let tree = &id;
        let date = timestamp::rfc3339(time);
        let person = json!({ "name": "Ada Example", "email": "ada@example.com", "date": date });
        let url = self.url(project);
        let parents: Vec<Value> =
            parents.iter().map(|id| json!({ "sha": id, "url": format!("{url}/git/commits/{id}") })).collect();
        Answer::json(
            200,
            &json!({
                "sha": id,
                "url": format!("{url}/git/commits/{id}"),
                "created": date,
                "commit": {
                    "message": text,
                    "author": person,
                    "committer": person,
                    "tree": { "sha": tree, "url": format!("{url}/git/trees/{tree}"), "created": date },
                },
                "parents": parents,
            }),
        )
    }

    /// A tree in pages: `truncated` means that there are more.
    fn tree(&self, project: &Project, reference: &str) -> Answer {
        let request = self.request;
        let repository = &project.repository;
        let recursive = request.parameter("recursive").is_some_and(|given| matches!(given.as_str(), "1" | "true"));
        let listing =
            repository.tree_of(reference).and_then(|tree| Some((repository.entries(&tree, recursive).ok()?, tree)));
        let Some((entries, tree)) = listing else {
            return message(404, reference, request);
        };
        // Where a commit leads to the tree, real ones tell the commit's id; recorded.
        let id = repository.resolve(reference).unwrap_or(tree);
        let limit = self.state.settings.page_limit;
        let size = request.number("per_page").unwrap_or(limit).min(limit);
        let page = request.number("page").unwrap_or(1);
        let start = (page - 1).saturating_mul(size);
        let url = self.url(project);
        let tree: Vec<Value> = entries.iter().skip(start).take(size).map(|entry| tree_entry(entry, &url)).collect();
        Answer::json(
            200,
            &json!({
                "sha": id,
                "url": format!("{url}/git/trees/{id}"),
                "truncated": start.saturating_add(size) < entries.len(),
                "page": page,
                "total_count": entries.len(),
                "tree": tree,
            }),
        )
        .header("x-total-count", entries.len().to_string())
    }

    fn blob(&self, project: &Project, id: &str) -> Answer {
        match project.repository.blob(id) {
            Ok(bytes) => Answer::json(
                200,
                &json!({
                    "sha": id,
                    "size": bytes.len(),
                    "encoding": "base64",
                    "content": STANDARD.encode(&bytes),
                    "url": format!("{}/git/blobs/{id}", self.url(project)),
                }),
            ),
            Err(_) => message(404, "sha not found", self.request),
        }
    }

    /// The root folder is the repository's name in lower case. Source: recorded from a real one.
    fn archive(&self, project: &Project, name: &str) -> Answer {
        let Some(reference) = name.strip_suffix(".tar.gz") else {
            return message(400, &format!("Unknown archive type for: {name}"), self.request);
        };
        let Some(commit) = project.repository.resolve(reference) else {
            return not_found(self.request);
        };
        let key = ArchiveKey {
            commit: commit.clone(),
            root: format!("{}/", project.name.to_lowercase()),
            path: None,
            large_files: false,
        };
        match project.repository.archive_file(&key) {
            Ok(file) => {
                let file_name = format!("{}-{}.tar.gz", project.name, reference.replace('/', "-"));
                Answer::archive("application/octet-stream", &file_name, file).header(
                    "link",
                    format!("<{}/archive/{commit}.tar.gz?rev={commit}>; rel=\"immutable\"", self.url(project)),
                )
            }
            Err(error) => message(500, &error.to_string(), self.request),
        }
    }

    fn file(&self, project: &Project, path: &str) -> Answer {
        let repository = &project.repository;
        let reference = self.request.parameter("ref").unwrap_or_else(|| crate::DEFAULT_BRANCH.to_owned());
        let file =
            repository.tree_of(&reference).and_then(|tree| repository.entries(&tree, true).ok()).and_then(|entries| {
                let entry = entries.iter().find(|entry| entry.path == path.as_bytes())?;
                Some((repository.blob(&entry.id).ok()?, entry.id.clone()))
            });
        match file {
            Some((bytes, id)) => {
                Answer::new(200, "text/plain; charset=utf-8", bytes).header("etag", format!("\"{id}\""))
            }
            None => not_found(self.request),
        }
    }

    fn url(&self, project: &Project) -> String {
        format!("{}/api/v1/repos/{}", self.request.origin, project.full_name())
    }
}

/// Names that are not UTF-8 come with replacement characters: JSON has no other way.
fn tree_entry(entry: &Entry, url: &str) -> Value {
    json!({
        "path": String::from_utf8_lossy(&entry.path),
        "mode": entry.mode,
        "type": entry.kind,
        "size": entry.size.unwrap_or_default(),
        "sha": entry.id,
        "url": format!("{url}/git/{}s/{}", entry.kind, entry.id),
    })
}

pub(crate) fn unauthorized(request: &Request) -> Answer {
    message(401, "token is required", request)
}

fn not_found(request: &Request) -> Answer {
    let url = format!("{}/api/swagger", request.origin);
    Answer::json(404, &json!({ "errors": null, "message": "The target couldn't be found.", "url": url }))
}

fn message(status: u16, text: &str, request: &Request) -> Answer {
    let url = format!("{}/api/swagger", request.origin);
    Answer::json(status, &json!({ "message": text, "url": url }))
}
