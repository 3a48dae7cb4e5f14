//! GitLab: gitlab.com, Dedicated and self-managed, also under a path of its host.

use forgeport_provider::{
    Archive, Base, Commit, Credential, Description, Entry, Error, GitUrl, Hosting, Identity, Need, Placement, Problem,
    Provider, Remote, Request, Response, Setting, Settings, Target, Url, download, explain, git, given, http,
    starts_with,
};
use serde::Deserialize;

/// GitLab's own words are `404 Project Not Found`, whatever the reason.
const HINT: &str = "a private project wants a personal, project or group token with the scope read_api, \
    or a deploy token together with --username";

/// A project on GitLab.
#[derive(Debug)]
pub struct GitLab {
    instance: Base,
    hosting: Hosting,
    /// With the groups that it is in.
    project: String,
    /// Was one given?
    token: bool,
    /// Does it belong to a deploy token's user?
    deploys: bool,
}

forgeport_provider::export!(GitLab);

#[derive(Deserialize)]
struct ProjectAnswer {
    path_with_namespace: String,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct CommitAnswer {
    id: String,
}

#[derive(Deserialize)]
struct TreeItem {
    id: String,
    path: String,
    mode: String,
}

impl Provider for GitLab {
    fn describe() -> Description {
        Description {
            name: "gitlab".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "GitLab.com, GitLab Dedicated and GitLab Self-Managed".into(),
            settings: vec![
                Setting::required("group", "The group or user that the project is in; subgroups as group/subgroup"),
                Setting::required("project", "The project's name in its URL"),
                Setting::secret("token", "A token with the scope read_api; none for a public project"),
                Setting::optional("username", "The user name that belongs to a deploy token"),
                Setting::optional("instance_url", "Where GitLab is").default("https://gitlab.com"),
                Setting::optional("host", "The host in remote URLs, if another than the instance's"),
            ],
            needs: vec![
                Need::get("{instance_url}"),
                Need::git("{instance_url}").below("{instance_url.path}{group.path}/{project}.git"),
            ],
            // The API takes neither deploy nor job tokens; git takes them as passwords.
            credentials: vec![
                Credential::basic("token", "{instance_url}", "{username}").when(given("username")),
                Credential::basic("token", "{instance_url}", "gitlab-ci-token").when(starts_with("token", "glcbt-")),
                Credential::bearer("token", "{instance_url}"),
            ],
            remote_hosts: ["{host.host}", "{instance_url.host}", "altssh.gitlab.com"].map(Into::into).into(),
        }
    }

    fn open(settings: &Settings) -> Result<Self, Error> {
        let instance = settings.base("instance_url")?;
        let hosting =
            Hosting::with_option(settings, "host", &instance)?.alternative_ssh("gitlab.com", "altssh.gitlab.com", 443);
        let project = format!("{}/{}", settings.path("group")?, settings.name("project")?);
        let deploys = settings.get("username").is_some();
        Ok(Self { project, token: settings.has_secret("token"), deploys, instance, hosting })
    }

    fn login(&self) -> Result<Identity, Error> {
        let request = Request::get(self.url(&[]));
        let found = http::json::<ProjectAnswer>(&request, &self.what());
        let found = found.map(|found| Identity::of_repository(found.path_with_namespace, found.default_branch));
        self.or_by_git(found, |references| {
            Some(Identity::of_repository(self.project.clone(), references.default_branch.clone()))
        })
    }

    fn resolve(&self, revision: &str) -> Result<Commit, Error> {
        self.or_by_git(self.commit(revision), |references| references.resolve(revision))
    }

    fn owns_remote(&self, remote: &Remote) -> bool {
        self.hosting.owns(remote, &self.project)
    }

    fn archive(&self, commit: &str, subdirectory: &str) -> Archive {
        let mut url = self.url(&["repository", "archive.tar.gz"]).query("sha", commit);
        if !subdirectory.is_empty() {
            url = url.query("path", subdirectory);
        }
        // By default GitLab puts what LFS stores in place of what the commit holds.
        Archive::tar_gzip(Request::get(url.query("include_lfs_blobs", "false")))
    }

    fn entries(&self, commit: &str, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        let what = format!("the directory {path:?} of {}", self.what());
        let start = self.url(&["repository", "tree"]);
        let mut url = start.clone().query("ref", commit).query("path", path);
        url = url.query("per_page", "100").query("pagination", "keyset");
        let mut entries = Vec::new();
        loop {
            let response = http::send(&Request::get(url))?;
            for item in response.json::<Vec<TreeItem>>(&what)? {
                entries.push(Entry::from_mode(item.path, &item.mode, item.id)?);
            }
            // The link names the origin that GitLab believes to be at; a proxy may know better.
            match response.next_page().and_then(|next| next.split_once('?')) {
                Some((_, query)) => url = start.clone().raw_query(query),
                None => return Ok(Some(entries)),
            }
        }
    }

    fn file(&self, _commit: &str, entry: &Entry) -> Result<Request, Error> {
        Ok(Request::get(self.url(&["repository", "blobs", &entry.id, "raw"])))
    }

    fn download_files(&self, commit: &str, target: &dyn Target, subdirectory: Option<&str>) -> Result<(), Error> {
        match download(self, commit, target, subdirectory.unwrap_or_default()) {
            Err(error) if self.may_be_for_git(&error) => match target.unpack(&git::fetch(self.clone_url(), commit)) {
                Err(Problem::Answered(_)) => Err(error),
                fetched => fetched.map_err(|problem| explain(self, problem)),
            },
            downloaded => downloaded,
        }
    }

    fn git(&self) -> Option<GitUrl> {
        let url = GitUrl::new(self.clone_url());
        // What the API took is a bearer there, and a password for git.
        let password = self.token && !self.deploys;
        Some(if password { url.secret("token", Placement::Basic("oauth2".into())) } else { url })
    }

    fn meaning(&self, response: &Response) -> Error {
        hinted(response.error(&format!("the archive of {}", self.what())))
    }

    fn commit_url(&self, commit: &str) -> Option<String> {
        let path = self.project.split('/').chain(["-", "commit", commit]);
        Some(self.instance.join(path).into())
    }
}

impl GitLab {
    fn what(&self) -> String {
        format!("project {}", self.project)
    }

    fn url(&self, rest: &[&str]) -> Url {
        let start = ["api", "v4", "projects", &self.project];
        self.instance.join(start.iter().chain(rest))
    }

    /// Where git clones from.
    fn clone_url(&self) -> Url {
        self.instance.join(format!("{}.git", self.project).split('/'))
    }

    /// The API overlooks deploy and job tokens, so with one it answers like this.
    fn may_be_for_git(&self, error: &Error) -> bool {
        self.token && matches!(error, Error::NotFound(_) | Error::Unauthorized(_) | Error::Forbidden(_))
    }

    fn or_by_git<T>(&self, found: Result<T, Error>, find: impl Fn(&git::References) -> Option<T>) -> Result<T, Error> {
        match found {
            Err(error) if self.may_be_for_git(&error) => {
                let references = git::references(self.clone_url(), &self.what()).ok();
                references.as_ref().and_then(find).ok_or_else(|| hinted(error))
            }
            found => found.map_err(hinted),
        }
    }

    fn commit(&self, revision: &str) -> Result<Commit, Error> {
        let what = format!("the commit {revision} of {}", self.what());
        let url = self.url(&["repository", "commits", revision]).query("stats", "false");
        let found: CommitAnswer = http::json(&Request::get(url), &what)?;
        Ok(Commit::new(found.id))
    }
}

fn hinted(error: Error) -> Error {
    match error {
        Error::NotFound(text) => Error::NotFound(format!("{text}; {HINT}")),
        other => other,
    }
}

#[cfg(test)]
mod tests;
