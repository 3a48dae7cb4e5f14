//! Gitea and Forgejo, also under a path of their host.

use forgeport_provider::{
    Archive, Asked, Base, Commit, Credential, Description, Entry, Error, GitUrl, Hosting, Identity, Need, Placement,
    Provider, Remote, Request, Response, Setting, Settings, Trees, Url, below, http,
};
use serde::Deserialize;

/// Which token will do.
const TOKEN: &str = "one with the scope read:repository";

/// A repository on Gitea or Forgejo.
#[derive(Debug)]
pub struct Gitea {
    instance: Base,
    hosting: Hosting,
    owner: String,
    repository: String,
    trees: Trees,
    /// The repository.
    asked: Asked,
}

forgeport_provider::export!(Gitea);

// Gitea's schema promises none of these fields, and an empty list may be null.

#[derive(Deserialize)]
struct RepositoryAnswer {
    full_name: Option<String>,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct CommitAnswer {
    sha: Option<String>,
}

#[derive(Deserialize)]
struct TreeAnswer {
    tree: Option<Vec<TreeItem>>,
    /// There are more pages.
    truncated: Option<bool>,
}

#[derive(Deserialize)]
struct TreeItem {
    path: String,
    mode: String,
    sha: String,
}

impl Provider for Gitea {
    fn describe() -> Description {
        Description {
            name: "gitea".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Gitea and Forgejo, such as Codeberg".into(),
            settings: vec![
                Setting::required("owner", "The user or organization that owns the repository"),
                Setting::required("repository", "The repository's name"),
                Setting::secret("token", "A token with the scope read:repository; none for a public one"),
                Setting::optional("instance_url", "Where Gitea or Forgejo is").default("https://codeberg.org"),
                Setting::optional(
                    "host",
                    "The host in remote URLs, if another than the instance's; with the port that SSH has there",
                ),
            ],
            needs: vec![
                Need::get("{instance_url}"),
                Need::git("{instance_url}").below("{instance_url.path}/{owner}/{repository}.git"),
            ],
            credentials: vec![Credential::bearer("token", "{instance_url}")],
            remote_hosts: ["{host.host}", "{instance_url.host}"].map(Into::into).into(),
        }
    }

    fn open(settings: &Settings) -> Result<Self, Error> {
        let instance = settings.base("instance_url")?;
        let (owner, repository) = (settings.name("owner")?, settings.name("repository")?);
        let asked = Asked::new(format!("repository {owner}/{repository}")).with(settings, "token", TOKEN);
        Ok(Self {
            hosting: Hosting::with_option(settings, "host", &instance)?,
            owner,
            repository,
            asked,
            trees: Trees::default(),
            instance,
        })
    }

    fn login(&self) -> Result<Identity, Error> {
        let request = Request::get(self.url(&[]));
        let found: RepositoryAnswer = http::json(&request, &self.asked)?;
        let own = || format!("{}/{}", self.owner, self.repository);
        Ok(Identity::of_repository(found.full_name.unwrap_or_else(own), found.default_branch))
    }

    fn resolve(&self, revision: &str) -> Result<Commit, Error> {
        let asked = self.asked.part(&format!("the commit {revision}"));
        // What costs the forge most and is not needed here.
        let url = ["stat", "verification", "files"]
            .iter()
            .fold(self.url(&["git", "commits", revision]), |url, part| url.query(part, "false"));
        let found: CommitAnswer = http::json(&Request::get(url), &asked)?;
        // It tells a tree too, but that is the commit's own id.
        found.sha.map(Commit::new).ok_or_else(|| asked.untold("id"))
    }

    fn owns_remote(&self, remote: &Remote) -> bool {
        let own = format!("{}/{}", self.owner, self.repository);
        self.hosting.owns(remote, &own)
    }

    fn archive(&self, commit: &str, _subdirectory: &str) -> Archive {
        let file = format!("{commit}.tar.gz");
        Archive::tar_gzip(Request::get(self.url(&["archive", &file])))
    }

    fn entries(&self, commit: &str, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        self.trees.entries(commit, path, &|id, path| {
            let asked = self.asked.part(&format!("the tree {id}"));
            let mut entries = Vec::new();
            for page in 1.. {
                let url = self.url(&["git", "trees", id]).query("per_page", "1000");
                let request = Request::get(url.query("page", &page.to_string()));
                let found: TreeAnswer = http::json(&request, &asked)?;
                let items = found.tree.unwrap_or_default();
                let more = found.truncated == Some(true) && !items.is_empty();
                for item in items {
                    entries.push(Entry::from_mode(below(path, &item.path), &item.mode, item.sha)?);
                }
                if !more {
                    break;
                }
            }
            Ok(Some(entries))
        })
    }

    fn file(&self, commit: &str, entry: &Entry) -> Result<Request, Error> {
        let path: Vec<&str> = ["raw"].into_iter().chain(entry.path.split('/')).collect();
        Ok(Request::get(self.url(&path).query("ref", commit)))
    }

    fn git(&self) -> Option<GitUrl> {
        let url = GitUrl::new(self.instance.join([&self.owner, &format!("{}.git", self.repository)]));
        // For git a token is a password, whoever the user is.
        Some(if self.asked.has_token() == Some(true) {
            url.secret("token", Placement::Basic("token".into()))
        } else {
            url
        })
    }

    fn meaning(&self, response: &Response) -> Error {
        response.error(&self.asked.part("the archive"))
    }

    fn commit_url(&self, commit: &str) -> Option<String> {
        let path = [&self.owner, &self.repository, "commit", commit];
        Some(self.instance.join(path).into())
    }
}

impl Gitea {
    fn url(&self, rest: &[&str]) -> Url {
        let start = ["api", "v1", "repos", &self.owner, &self.repository];
        self.instance.join(start.iter().chain(rest))
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod answers;
#[cfg(test)]
mod tests;
