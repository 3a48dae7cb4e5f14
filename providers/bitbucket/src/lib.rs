//! Bitbucket Cloud.

use forgeport_provider::{
    Archive, Base, Commit, Credential, Description, Error, Hosting, Identity, Need, Provider, Remote, Request,
    Response, Setting, Settings, Url, git, given, http,
};
use serde::Deserialize;

/// A repository on Bitbucket Cloud.
#[derive(Debug)]
pub struct Bitbucket {
    api: Base,
    web: Base,
    hosting: Hosting,
    workspace: String,
    repository: String,
}

forgeport_provider::export!(Bitbucket);

#[derive(Deserialize)]
struct RepositoryAnswer {
    full_name: String,
    mainbranch: Option<Branch>,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
}

#[derive(Deserialize)]
struct ReferenceAnswer {
    target: CommitAnswer,
}

#[derive(Deserialize)]
struct CommitAnswer {
    hash: String,
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
        Ok(Self {
            api: settings.base("api_url")?,
            hosting: Hosting::new(&web).alternative_ssh("bitbucket.org", "altssh.bitbucket.org", 443),
            workspace: settings.name("workspace")?,
            repository: settings.name("repository")?,
            web,
        })
    }

    // Access tokens of a repository may not ask who they are, so what is checked is the repository.
    fn login(&self) -> Result<Identity, Error> {
        let request = Request::get(self.url(&[]));
        let found: RepositoryAnswer = http::json(&request, &self.what())?;
        Ok(Identity::of_repository(found.full_name, found.mainbranch.map(|branch| branch.name)))
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
                Ok(found) => return Ok(Commit::new(found.target.hash)),
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
        response.error(&self.what())
    }

    fn commit_url(&self, commit: &str) -> Option<String> {
        let path = [&self.workspace, &self.repository, "commits", commit];
        Some(self.web.join(path).into())
    }
}

impl Bitbucket {
    fn what(&self) -> String {
        format!("repository {}/{}", self.workspace, self.repository)
    }

    fn commit_called(&self, revision: &str) -> String {
        format!("the commit {revision} of {}", self.what())
    }

    fn url(&self, rest: &[&str]) -> Url {
        let start = ["repositories", &self.workspace, &self.repository];
        self.api.join(start.iter().chain(rest))
    }

    fn commit(&self, revision: &str) -> Result<Commit, Error> {
        let request = Request::get(self.url(&["commit", revision]));
        let found: CommitAnswer = http::json(&request, &self.commit_called(revision))?;
        Ok(Commit::new(found.hash))
    }
}

#[cfg(test)]
mod tests;
