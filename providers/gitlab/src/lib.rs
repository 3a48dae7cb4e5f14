//! GitLab: gitlab.com, Dedicated and self-managed, also under a path of its host.

use forgeport_provider::{
    Archive, Asked, Base, Commit, Credential, Description, Entry, Error, GitUrl, Hosting, Identity, Need, Placement,
    Problem, Provider, Remote, Request, Response, Setting, Settings, Target, Url, check_no_submodule, download,
    explain, git, given, http, starts_with,
};
use serde::Deserialize;

/// Which token will do.
const TOKEN: &str =
    "a personal, project or group token with the scope read_api, or a deploy token together with --username";

/// GitLab's words where it shows the project.
const NO_COMMIT: &str = "404 Commit Not Found";

/// The API wants the project's path as one segment.
const DECODED: &str = "a proxy before GitLab has to pass on %2F as it is, which Apache does with `AllowEncodedSlashes NoDecode` and \
    `nocanon`, and nginx with a `proxy_pass` without a path";

/// A project on GitLab.
#[derive(Debug)]
pub struct GitLab {
    instance: Base,
    hosting: Hosting,
    /// With the groups that it is in.
    project: String,
    asked: Asked,
    /// Does the token belong to a deploy token's user?
    deploys: bool,
}

forgeport_provider::export!(GitLab);

#[derive(Deserialize)]
struct ProjectAnswer {
    path_with_namespace: Option<String>,
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
        let asked = Asked::new(format!("project {project}")).with(settings, "token", TOKEN).page_means(DECODED);
        let deploys = settings.get("username").is_some();
        Ok(Self { project, asked, deploys, instance, hosting })
    }

    fn login(&self) -> Result<Identity, Error> {
        let request = Request::get(self.url(&[]));
        let found = http::json::<ProjectAnswer>(&request, &self.asked);
        let own = || self.project.clone();
        let found = found
            .map(|found| Identity::of_repository(found.path_with_namespace.unwrap_or_else(own), found.default_branch));
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
        let entries = self.listed(commit, path)?;
        // What is not there was empty before 17.7; git itself has no empty directories.
        if entries.is_empty() {
            self.check_no_submodule_at(commit, path)?;
        }
        Ok(Some(entries))
    }

    fn file(&self, _commit: &str, entry: &Entry) -> Result<Request, Error> {
        Ok(Request::get(self.url(&["repository", "blobs", &entry.id, "raw"])))
    }

    fn download_files(&self, commit: &str, target: &dyn Target, subdirectory: Option<&str>) -> Result<(), Error> {
        let path = subdirectory.unwrap_or_default();
        match download(self, commit, target, path) {
            Err(Error::NotFound(text)) if !path.is_empty() && self.commit(commit).is_ok() => {
                self.check_no_submodule_at(commit, path)?;
                Err(Error::NotFound(text))
            }
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
        let password = self.asked.has_token() == Some(true) && !self.deploys;
        Some(if password { url.secret("token", Placement::Basic("oauth2".into())) } else { url })
    }

    fn meaning(&self, response: &Response) -> Error {
        response.error(&self.asked.part("the archive"))
    }

    fn commit_url(&self, commit: &str) -> Option<String> {
        let path = self.project.split('/').chain(["-", "commit", commit]);
        Some(self.instance.join(path).into())
    }
}

impl GitLab {
    fn url(&self, rest: &[&str]) -> Url {
        let start = ["api", "v4", "projects", &self.project];
        self.instance.join(start.iter().chain(rest))
    }

    /// Where git clones from.
    fn clone_url(&self) -> Url {
        self.instance.join(format!("{}.git", self.project).split('/'))
    }

    fn listed(&self, commit: &str, path: &str) -> Result<Vec<Entry>, Error> {
        let asked = self.asked.part(&format!("the directory {path:?}"));
        let start = self.url(&["repository", "tree"]);
        let mut url = start.clone().query("ref", commit).query("path", path);
        url = url.query("per_page", "100").query("pagination", "keyset");
        let mut entries = Vec::new();
        loop {
            let response = http::send(&Request::get(url)).map_err(|error| asked.limited(error))?;
            for item in response.json::<Vec<TreeItem>>(&asked)? {
                entries.push(Entry::from_mode(item.path, &item.mode, item.id)?);
            }
            // The link names the origin that GitLab believes to be at; a proxy may know better.
            match response.next_page().and_then(|next| next.split_once('?')) {
                Some((_, query)) => url = start.clone().raw_query(query),
                None => return Ok(entries),
            }
        }
    }

    /// A directory that is not there may be a submodule, or lie in one.
    fn check_no_submodule_at(&self, commit: &str, path: &str) -> Result<(), Error> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends.filter(|end| *end > 0) {
            let parent = path[..end].rsplit_once('/').map_or("", |(parent, _)| parent);
            check_no_submodule(&self.listed(commit, parent)?, &path[..end])?;
        }
        Ok(())
    }

    /// The API overlooks deploy and job tokens, so with one it answers like this.
    fn may_be_for_git(&self, error: &Error) -> bool {
        // Whoever is told of a commit that there is none sees the project.
        let sees = matches!(error, Error::NotFound(text) if text.contains(NO_COMMIT));
        let refused = matches!(error, Error::NotFound(_) | Error::Unauthorized(_) | Error::Forbidden(_));
        self.asked.has_token() == Some(true) && refused && !sees
    }

    fn or_by_git<T>(&self, found: Result<T, Error>, find: impl Fn(&git::References) -> Option<T>) -> Result<T, Error> {
        match found {
            Err(error) if self.may_be_for_git(&error) => {
                let references = git::references(self.clone_url(), &self.asked).ok();
                references.as_ref().and_then(find).ok_or(error)
            }
            found => found,
        }
    }

    fn commit(&self, revision: &str) -> Result<Commit, Error> {
        let asked = self.asked.part(&format!("the commit {revision}"));
        let url = self.url(&["repository", "commits", revision]).query("stats", "false");
        let found: CommitAnswer = http::json(&Request::get(url), &asked)?;
        Ok(Commit::new(found.id))
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod answers;
#[cfg(test)]
mod tests;
