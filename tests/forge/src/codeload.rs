//! GitHub's codeload: the bytes of archives, behind links that live for five minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::message::{Answer, Request};
use crate::registry::Found;
use crate::repository::ArchiveKey;
use crate::server::State;

/// How long a link to a private archive works.
/// Source: <https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar>.
const LINK_LIFE: Duration = Duration::from_secs(300);

/// The short-lived links to private archives.
#[derive(Default)]
pub(crate) struct Links {
    issued: Mutex<HashMap<String, (u64, Instant)>>,
}

impl Links {
    pub fn issue(&self, project: u64) -> String {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("AAFORGE{:024}", issued.len() + 1);
        let now = Instant::now();
        issued.insert(token.clone(), (project, now.checked_add(LINK_LIFE).unwrap_or(now)));
        token
    }

    fn opens(&self, token: &str, project: u64) -> bool {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.get(token).is_some_and(|(id, until)| *id == project && Instant::now() < *until)
    }

    /// As if five minutes had passed.
    pub fn expire(&self) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.clear();
    }
}

/// Answers a request to codeload's origin.
pub(crate) fn web(state: &State, request: &Request) -> Answer {
    // The real one takes a credential here; ours refuses, as whoever sends it did not mean to.
    if request.header("authorization").is_some() {
        return Answer::text(400, "400: a credential was sent to codeload\n");
    }
    answer(state, request, &request.segments())
}

/// Answers a path below codeload's root.
pub(crate) fn answer(state: &State, request: &Request, segments: &[String]) -> Answer {
    let missing = || Answer::text(404, "404: Not Found");
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let [owner, name, "legacy.tar.gz", reference @ ..] = words.as_slice() else {
        return missing();
    };
    let Found::Here(project) = state.registry.find(&format!("{owner}/{name}")) else {
        return missing();
    };
    let open =
        !project.private || request.parameter("token").is_some_and(|token| state.links.opens(&token, project.id));
    let commit = project.repository.resolve(&reference.join("/"));
    let (true, Some(commit)) = (open, commit) else {
        return missing();
    };
    let stem = format!("{}-{}-{}", project.owner, project.name, &commit[..7]);
    let key = ArchiveKey { root: format!("{stem}/"), path: None, large_files: false, commit: commit.clone() };
    match project.repository.archive_file(&key) {
        Ok(file) => Answer::archive("application/x-gzip", &format!("{stem}.tar.gz"), file)
            .header("etag", format!("W/\"{commit}\""))
            .header("vary", "Authorization,Accept-Encoding,Origin"),
        Err(error) => Answer::text(500, &error.to_string()),
    }
}
