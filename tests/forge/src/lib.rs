//! A forge for tests: a real HTTP server on loopback, over real git repositories, that answers like GitHub, GitLab, Bitbucket
//! Cloud and Gitea, keeps a log of what it was asked, and goes wrong on demand.
//!
//! ```
//! use forgeport_forge::{Access, Fault, Forge, On, Server, TokenKind, samples};
//!
//! let forge = Forge::start();
//! let repository = samples::small();
//! forge.add_private("acme/Demo", &repository);
//! let token = forge.token(TokenKind::GithubClassic, Access::All);
//! forge.fault(On::server(Server::GithubWeb).path("legacy.tar.gz"), Fault::DropAfter(1000));
//! let api = forge.github().api_url; // ask it for /repos/acme/Demo with the token
//! assert_eq!(forge.archive_requests(), 0);
//! # let _ = (api, token);
//! ```

mod bitbucket;
mod builder;
mod codeload;
mod elsewhere;
mod fault;
mod gate;
mod git;
mod gitea;
mod github;
mod gitlab;
mod log;
mod message;
mod minting;
mod registry;
mod repository;
pub mod samples;
mod server;
mod smart_http;
mod timestamp;
mod tokens;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use builder::{Builder, Content, DEFAULT_BRANCH};
pub use fault::{Fault, On};
pub use gate::Gate;
pub use log::Logged;
pub use message::{Answer, Body, Request};
pub use minting::{APP_ID, APP_KEY, CLIENT_ID, CLIENT_SECRET, INSTALLATION_ID};
pub use repository::{Entry, Repository};
pub use server::{Server, Settings};
pub use tokens::{Access, BITBUCKET_EMAIL, GITLAB_DEPLOY_USER, TokenKind};

/// How long the end of running handlers is waited for.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Where a GitHub is; no URL ends in a slash.
#[derive(Clone, Debug)]
pub struct GithubUrls {
    /// The API.
    pub api_url: String,
    /// The origin that serves archives; for an Enterprise server with a path, `/_codeload`.
    pub codeload_url: String,
    /// The origin of clone URLs.
    pub web_url: String,
    /// Host and port of `web_url`.
    pub host: String,
}

/// Where Bitbucket is; no URL ends in a slash.
#[derive(Clone, Debug)]
pub struct BitbucketUrls {
    /// The API, without `/2.0`.
    pub api_url: String,
    /// The origin of archives and clone URLs.
    pub web_url: String,
}

/// Where an instance of GitLab or Gitea is; no URL ends in a slash.
#[derive(Clone, Debug)]
pub struct InstanceUrls {
    /// The instance, without `/api/...`.
    pub instance_url: String,
}

/// The running servers. They stop, and all connections with them, when this is dropped.
pub struct Forge {
    state: Arc<server::State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Forge {
    /// Starts all servers on free ports of 127.0.0.1.
    ///
    /// # Panics
    /// When no port or thread can be had: no test can go on without.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// As [`Forge::start`], with other settings.
    ///
    /// # Panics
    /// As [`Forge::start`].
    #[must_use]
    pub fn with(settings: Settings) -> Self {
        Self::try_with(settings).expect("loopback ports and a thread are there for tests")
    }

    /// As [`Forge::with`].
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub fn try_with(settings: Settings) -> io::Result<Self> {
        let (state, listeners) = server::bind(settings)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("forge").enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = state.clone();
        let thread = std::thread::Builder::new().name("forge".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = server::serve(serving, listeners) => {}
                    _ = stopped => {}
                }
            });
            // Waits for handlers that wait for git, as they hold repositories that are to be gone from the disk.
            runtime.shutdown_timeout(SHUTDOWN);
        })?;
        Ok(Self { state, stop: Some(stop), thread: Some(thread) })
    }

    /// GitHub as at github.com: an origin for the API, another for archives and git.
    #[must_use]
    pub fn github(&self) -> GithubUrls {
        let web_url = self.state.origin(Server::GithubWeb);
        GithubUrls {
            api_url: self.state.origin(Server::GithubApi),
            codeload_url: web_url.clone(),
            host: host(&web_url),
            web_url,
        }
    }

    /// The same repositories as on an Enterprise server without subdomain isolation: `/api/v3` and `/_codeload` at one origin.
    #[must_use]
    pub fn github_enterprise(&self) -> GithubUrls {
        let origin = self.state.origin(Server::GithubApi);
        let web_url = self.state.origin(Server::GithubWeb);
        GithubUrls {
            api_url: format!("{origin}/api/v3"),
            codeload_url: format!("{origin}/_codeload"),
            host: host(&web_url),
            web_url,
        }
    }

    /// GitLab at the root of its origin.
    #[must_use]
    pub fn gitlab(&self) -> InstanceUrls {
        InstanceUrls { instance_url: self.state.origin(Server::Gitlab) }
    }

    /// The same GitLab under a path.
    #[must_use]
    pub fn gitlab_under_path(&self) -> InstanceUrls {
        InstanceUrls { instance_url: format!("{}/gitlab", self.state.origin(Server::Gitlab)) }
    }

    /// Bitbucket Cloud.
    #[must_use]
    pub fn bitbucket(&self) -> BitbucketUrls {
        BitbucketUrls {
            api_url: self.state.origin(Server::BitbucketApi),
            web_url: self.state.origin(Server::BitbucketWeb),
        }
    }

    /// Gitea.
    #[must_use]
    pub fn gitea(&self) -> InstanceUrls {
        InstanceUrls { instance_url: self.state.origin(Server::Gitea) }
    }

    /// An origin that belongs to no forge. Every path answers; `/echo` with what was sent.
    #[must_use]
    pub fn elsewhere(&self) -> String {
        self.state.origin(Server::Elsewhere)
    }

    /// Offers a repository to everyone, on all forges, under a full name such as `acme/Demo` (with groups in front, on GitLab:
    /// `acme/tools/Demo`). The answer is its number. A name that is taken goes to the new one.
    pub fn add(&self, full_name: &str, repository: &Repository) -> u64 {
        self.state.registry.add(full_name, false, repository.clone())
    }

    /// As [`Forge::add`], for those only who have a token that reads it.
    pub fn add_private(&self, full_name: &str, repository: &Repository) -> u64 {
        self.state.registry.add(full_name, true, repository.clone())
    }

    /// Gives a repository another full name; the former one then leads to it as on each forge. False if there is none.
    pub fn rename(&self, old: &str, new: &str) -> bool {
        self.state.registry.rename(old, new)
    }

    /// Takes a repository away. False if there is none.
    pub fn remove(&self, full_name: &str) -> bool {
        self.state.registry.remove(full_name)
    }

    /// Hands out a new token.
    #[must_use]
    pub fn token(&self, kind: TokenKind, access: Access) -> String {
        self.state.tokens.issue(kind, access)
    }

    /// Takes a token of any text for one that it handed out.
    pub fn know(&self, token: &str, kind: TokenKind, access: Access) {
        self.state.tokens.know(token, kind, access);
    }

    /// Makes a token unknown.
    pub fn revoke(&self, token: &str) {
        self.state.tokens.revoke(token);
    }

    /// Ends the five minutes of all of GitHub's links to private archives.
    pub fn expire_archive_links(&self) {
        self.state.links.expire();
    }

    /// How long tokens last that are given to an app or a consumer from now on.
    pub fn minted_tokens_last(&self, life: Duration) {
        self.state.life.set(life);
    }

    /// Plans a fault. Of several that concern a request, the one planned first happens.
    pub fn fault(&self, on: On, fault: Fault) {
        self.state.faults.plan(on, fault);
    }

    /// Forgets all planned faults.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Logged> {
        self.state.log.all()
    }

    /// How many requests asked for the bytes of an archive.
    #[must_use]
    pub fn archive_requests(&self) -> usize {
        self.requests().iter().filter(|r| r.is_archive()).count()
    }

    /// Forgets all requests.
    pub fn clear_requests(&self) {
        self.state.log.clear();
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn host(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}
