//! GitHub: github.com, Enterprise Cloud with data residency (GHE.com) and Enterprise Server.

use forgeport_provider::{
    Archive, Asked, Base, Commit, Credential, Description, Entry, Error, GitUrl, Hosting, Identity, Need, Placement,
    Provider, Remote, Request, Response, Setting, Settings, Trees, Url, absent, below, given, http, starts_with,
};
use serde::Deserialize;

/// Whose password any token is, for git.
const GIT_USER: &str = "x-access-token";

/// Which token will do.
const TOKEN: &str = "one that may read the repository's contents";

/// A repository on GitHub.
#[derive(Debug)]
pub struct GitHub {
    api: Base,
    web: Base,
    hosting: Hosting,
    owner: String,
    repository: String,
    trees: Trees,
    /// The repository.
    asked: Asked,
}

forgeport_provider::export!(GitHub);

#[derive(Deserialize)]
struct RepositoryAnswer {
    full_name: String,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct CommitAnswer {
    sha: String,
    commit: CommitDetails,
}

#[derive(Deserialize)]
struct CommitDetails {
    tree: TreeReference,
}

#[derive(Deserialize)]
struct TreeReference {
    sha: String,
}

#[derive(Deserialize)]
struct TreeAnswer {
    tree: Vec<TreeItem>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct TreeItem {
    path: String,
    mode: String,
    sha: String,
}

impl Provider for GitHub {
    fn describe() -> Description {
        Description {
            name: "github".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "GitHub, GitHub Enterprise Cloud and GitHub Enterprise Server".into(),
            settings: vec![
                Setting::required("owner", "The user or organization that owns the repository"),
                Setting::required("repository", "The repository's name"),
                Setting::secret("token", "A token that may read the repository's contents; none for a public one"),
                Setting::optional("api_url", "The REST API; on Enterprise Server https://HOST/api/v3")
                    .default("https://api.github.com"),
                Setting::optional("host", "The host in remote URLs, if another than the API's"),
                Setting::optional(
                    "codeload_url",
                    "The origin that serves archives, if another than GitHub's usual ones",
                ),
            ],
            needs: vec![
                Need::get("{api_url}"),
                Need::get("{codeload_url}").when(given("codeload_url")),
                Need::get("https://codeload.github.com").when(absent("codeload_url")).when(absent("api_url")),
                // Enterprise Server with subdomain isolation; without, archives come from the API's own origin.
                Need::get("https://codeload.{api_url.host}").when(absent("codeload_url")).when(given("api_url")),
                Need::get("https://codeload.{api_url.parent}")
                    .when(absent("codeload_url"))
                    .when(given("api_url"))
                    .when(starts_with("api_url", "https://api.")),
                // Git is at the host of the website: github.com, and on Enterprise Server the API's own.
                Need::git("https://{api_url.parent}")
                    .below("/{owner}/{repository}.git")
                    .when(starts_with("api_url", "https://api.")),
                Need::git("{api_url}").below("/{owner}/{repository}.git").when(given("api_url")),
            ],
            credentials: vec![
                Credential::bearer("token", "{api_url}"),
                Credential::basic("token", "https://{api_url.parent}", GIT_USER)
                    .when(starts_with("api_url", "https://api.")),
            ],
            remote_hosts: ["{host.host}", "{api_url.host}", "{api_url.parent}", "ssh.github.com"]
                .map(Into::into)
                .into(),
        }
    }

    fn open(settings: &Settings) -> Result<Self, Error> {
        let api = settings.base("api_url")?;
        let web = web_of(&api);
        // GitHub itself also takes SSH at the port of https, which few firewalls close.
        let hosting =
            Hosting::with_option(settings, "host", &web)?.alternative_ssh("github.com", "ssh.github.com", 443);
        let (owner, repository) = (settings.name("owner")?, settings.name("repository")?);
        let asked = Asked::new(format!("repository {owner}/{repository}")).with(settings, "token", TOKEN);
        Ok(Self { owner, repository, trees: Trees::default(), asked, api, web, hosting })
    }

    // Tokens of Apps and of Actions may not ask who they are, so what is checked is the repository.
    fn login(&self) -> Result<Identity, Error> {
        let request = read(self.url(&[]));
        let found: RepositoryAnswer = http::json(&request, &self.asked)?;
        Ok(Identity::of_repository(found.full_name, found.default_branch))
    }

    fn resolve(&self, revision: &str) -> Result<Commit, Error> {
        let asked = self.asked.part(&format!("the commit {revision}"));
        let request = read(self.url(&["commits", revision]).query("per_page", "1"));
        let response = http::send(&request).map_err(|error| asked.limited(error))?;
        // An empty repository, and what stands for no commit.
        if matches!(response.status, 409 | 422) {
            return Err(asked.missing(&response));
        }
        let found: CommitAnswer = response.json(&asked)?;
        Ok(Commit::new(found.sha).with_tree(found.commit.tree.sha))
    }

    fn owns_remote(&self, remote: &Remote) -> bool {
        let own = format!("{}/{}", self.owner, self.repository);
        self.hosting.owns(remote, &own)
    }

    fn archive(&self, commit: &str, _subdirectory: &str) -> Archive {
        Archive::tar_gzip(Request::get(self.url(&["tarball", commit])))
    }

    fn entries(&self, commit: &str, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        self.trees.entries(commit, path, &|id, path| {
            let asked = self.asked.part(&format!("the tree {id}"));
            let found: TreeAnswer = http::json(&read(self.url(&["git", "trees", id])), &asked)?;
            if found.truncated {
                return Ok(None);
            }
            let entry = |item: TreeItem| Entry::from_mode(below(path, &item.path), &item.mode, item.sha);
            found.tree.into_iter().map(entry).collect::<Result<_, _>>().map(Some)
        })
    }

    fn file(&self, _commit: &str, entry: &Entry) -> Result<Request, Error> {
        let request = Request::get(self.url(&["git", "blobs", &entry.id]));
        Ok(request.header("accept", "application/vnd.github.raw+json"))
    }

    fn git(&self) -> Option<GitUrl> {
        let url = GitUrl::new(self.web.join([&self.owner, &format!("{}.git", self.repository)]));
        Some(if self.asked.has_token() == Some(true) {
            url.secret("token", Placement::Basic(GIT_USER.into()))
        } else {
            url
        })
    }

    fn meaning(&self, response: &Response) -> Error {
        response.error(&self.asked.part("the archive"))
    }

    fn commit_url(&self, commit: &str) -> Option<String> {
        let path = [&self.owner, &self.repository, "commit", commit];
        Some(self.web.join(path).into())
    }
}

impl GitHub {
    fn url(&self, rest: &[&str]) -> Url {
        let start = ["repos", &self.owner, &self.repository];
        self.api.join(start.iter().chain(rest))
    }
}

fn read(url: Url) -> Request {
    Request::get(url).header("accept", "application/vnd.github+json").header("x-github-api-version", "2022-11-28")
}

/// Where people and git go, for an API at `https://api.HOST` or `https://HOST/api/v3`.
fn web_of(api: &Base) -> Base {
    Base { host: api.host.strip_prefix("api.").unwrap_or(&api.host).into(), prefix: String::new(), ..api.clone() }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod answers;
#[cfg(test)]
mod tests;
