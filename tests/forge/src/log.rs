//! What was asked of the servers.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Method};

use crate::message::Request;
use crate::server::Server;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Which of the servers it came to.
    pub server: Server,
    /// The method.
    pub method: Method,
    /// Path and query as sent, still percent-encoded.
    pub target: String,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// The status that was answered; none while there is no answer, or when the connection was closed without one.
    pub status: Option<u16>,
}

impl Logged {
    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the request carries a credential in any header that a forge knows.
    #[must_use]
    pub fn has_credential(&self) -> bool {
        const HEADERS: [&str; 5] = ["authorization", "private-token", "job-token", "deploy-token", "cookie"];
        HEADERS.iter().any(|name| self.headers.contains_key(*name))
    }

    /// Whether it asks for the bytes of an archive; GitHub's redirect to them does not count.
    #[must_use]
    pub fn is_archive(&self) -> bool {
        let path = self.target.split('?').next().unwrap_or_default();
        match self.server {
            Server::GithubApi => path.starts_with("/_codeload/"),
            Server::GithubWeb => path.contains("/legacy.tar.gz/"),
            Server::Gitlab => path.contains("/repository/archive") || path.contains("/-/archive/"),
            Server::BitbucketWeb => path.contains("/get/"),
            Server::Gitea => path.contains("/archive/"),
            Server::BitbucketApi | Server::Elsewhere => false,
        }
    }
}

#[derive(Default)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// Changes when the log is cleared, so that a late answer does not fill in another's status.
    generation: u64,
    requests: Vec<Logged>,
}

/// Where the status of a request belongs.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    generation: u64,
    index: usize,
}

impl Log {
    pub fn add(&self, request: &Request) -> Place {
        let mut target = request.path.clone();
        if !request.query.is_empty() {
            target = format!("{target}?{}", request.query);
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.requests.push(Logged {
            server: request.server,
            method: request.method.clone(),
            target,
            headers: request.headers.clone(),
            status: None,
        });
        Place { generation: entries.generation, index: entries.requests.len() - 1 }
    }

    pub fn answered(&self, place: Place, status: u16) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.generation == place.generation {
            entries.requests[place.index].status = Some(status);
        }
    }

    pub fn all(&self) -> Vec<Logged> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.requests.clone()
    }

    pub fn clear(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.generation += 1;
        entries.requests.clear();
    }
}
