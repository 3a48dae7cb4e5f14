//! Bitbucket Cloud.

use forgeport_provider::{
    Archive, Asked, Base, Commit, Credential, Description, Error, Hosting, Identity, Need, Provider, Remote, Request,
    Response, Setting, Settings, Url, git, given, http,
};
use serde::Deserialize;

/// Which token will do.
const TOKEN: &str = "an access token that may read the repository, or an API token with the scope read:repository:bitbucket \
    together with --username";

/// A repository on Bitbucket Cloud.
#[derive(Debug)]
pub struct Bitbucket {
    api: Base,
    web: Base,
    hosting: Hosting,
    workspace: String,
    repository: String,
    asked: Asked,
}

forgeport_provider::export!(Bitbucket);

// Atlassian's schema promises none of these fields.

#[derive(Deserialize)]
struct RepositoryAnswer {
    full_name: Option<String>,
    mainbranch: Option<Branch>,
}

#[derive(Deserialize)]
struct Branch {
    name: Option<String>,
}

#[derive(Deserialize)]
struct ReferenceAnswer {
    target: Option<CommitAnswer>,
}

#[derive(Deserialize)]
struct CommitAnswer {
    hash: Option<String>,
}

impl Provider for Bitbucket {
    fn describe() -> Description {
        Description {
            name: "bitbucket".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Bitbucket Cloud".into(),
            settings: vec![
                Setting::required("workspace", "The workspace that the repository is in"),
                Setting::required("repository", "The repository's name in its URL"),
                Setting::secret(
                    "token",
                    "An access token, or an API token together with --username; none for a public one",
                ),
                Setting::optional(
                    "username",
                    "The e-mail address of the Atlassian account that an API token belongs to",
                ),
                Setting::optional("api_url", "The REST API").default("https://api.bitbucket.org/2.0"),
                Setting::optional("web_url", "Where people and git go").default("https://bitbucket.org"),
            ],
            needs: vec![Need::get("{api_url}"), Need::git("{web_url}")],
            credentials: vec![
                Credential::basic("token", "{api_url}", "{username}").when(given("username")),
                Credential::bearer("token", "{api_url}"),
                // Git does not ask who somebody is, only what kind of token it gets.
                Credential::basic("token", "{web_url}", "x-bitbucket-api-token-auth").when(given("username")),
                Credential::basic("token", "{web_url}", "x-token-auth"),
            ],
            remote_hosts: ["{web_url.host}", "altssh.bitbucket.org"].map(Into::into).into(),
        }
    }

    fn open(settings: &Settings) -> Result<Self, Error> {
        let web = settings.base("web_url")?;
        let (workspace, repository) = (settings.name("workspace")?, settings.name("repository")?);
        let asked = Asked::new(format!("repository {workspace}/{repository}")).with(settings, "token", TOKEN);
        Ok(Self {
            api: settings.base("api_url")?,
            hosting: Hosting::new(&web).alternative_ssh("bitbucket.org", "altssh.bitbucket.org", 443),
            workspace,
            repository,
            asked,
            web,
        })
    }

    // Access tokens of a repository may not ask who they are, so what is checked is the repository.
    fn login(&self) -> Result<Identity, Error> {
        let request = Request::get(self.url(&[]));
        let found: RepositoryAnswer = http::json(&request, &self.asked)?;
        let own = || format!("{}/{}", self.workspace, self.repository);
        let branch = found.mainbranch.and_then(|branch| branch.name);
        Ok(Identity::of_repository(found.full_name.unwrap_or_else(own), branch))
    }

    // The API's `commit` takes names too, but not those with a slash in them.
    fn resolve(&self, revision: &str) -> Result<Commit, Error> {
        let hex = revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex && revision.len() == 40 {
            return self.commit(revision);
        }
        for kind in ["branches", "tags"] {
            let request = Request::get(self.url(&["refs", kind, revision]));
            match http::json::<ReferenceAnswer>(&request, &self.commit_called(revision)) {
                Ok(found) => return self.commit_of(found.target, revision),
                Err(Error::NotFound(text)) if kind == "tags" && !hex => {
                    return Err(Error::NotFound(text));
                }
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.commit(revision)
    }

    fn owns_remote(&self, remote: &Remote) -> bool {
        let own = format!("{}/{}", self.workspace, self.repository);
        self.hosting.owns(remote, &own)
    }

    // Bitbucket tells the id of no file, so nothing could tell what an archive leaves out or alters. What git brings is exact.
    fn archive(&self, commit: &str, _subdirectory: &str) -> Archive {
        git::fetch(self.web.join([&self.workspace, &format!("{}.git", self.repository)]), commit)
    }

    fn meaning(&self, response: &Response) -> Error {
        response.error(&self.asked.part("the pack"))
    }

    fn commit_url(&self, commit: &str) -> Option<String> {
        let path = [&self.workspace, &self.repository, "commits", commit];
        Some(self.web.join(path).into())
    }
}

impl Bitbucket {
    fn commit_called(&self, revision: &str) -> Asked {
        self.asked.part(&format!("the commit {revision}"))
    }

    fn url(&self, rest: &[&str]) -> Url {
        let start = ["repositories", &self.workspace, &self.repository];
        self.api.join(start.iter().chain(rest))
    }

    fn commit(&self, revision: &str) -> Result<Commit, Error> {
        let request = Request::get(self.url(&["commit", revision]));
        let found: CommitAnswer = http::json(&request, &self.commit_called(revision))?;
        self.commit_of(Some(found), revision)
    }

    fn commit_of(&self, found: Option<CommitAnswer>, revision: &str) -> Result<Commit, Error> {
        let id = found.and_then(|commit| commit.hash);
        let untold = || self.commit_called(revision).untold("id");
        id.map(Commit::new).ok_or_else(untold)
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod answers;
#[cfg(test)]
mod tests;
