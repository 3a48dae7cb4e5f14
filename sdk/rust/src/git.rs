//! Git's own protocol over HTTPS, for what a forge's API does not give: one request brings a commit (gitprotocol-v2(5)), and another
//! tells the branches and tags (gitprotocol-http(5), "Discovering References").

use crate::{Archive, Asked, Commit, Error, Format, Layout, Placement, Request, Response, SecretUse, Url, http};

/// Where git clones from, and how the host proves who asks.
#[derive(Clone, Debug)]
pub struct GitUrl {
    /// Without `/info/refs` and the like.
    pub url: String,
    /// Nothing: the credential that the description names for the origin.
    pub secret: Option<SecretUse>,
}

impl GitUrl {
    /// A URL over HTTP; the provider has to ask for it, see [`Need::git`](crate::Need::git).
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), secret: None }
    }

    /// With this secret option in this place, as in [`Request::secret`].
    #[must_use]
    pub fn secret(self, setting: &str, placement: Placement) -> Self {
        Self { secret: Some(SecretUse { setting: setting.into(), placement }), ..self }
    }
}

/// The branches and tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The branch that the forge shows first.
    pub default_branch: Option<String>,
    /// Full names and ids; the name of a tag's commit ends in `^{}`.
    all: Vec<(String, String)>,
}

/// The request that brings a commit and nothing of its history. `repository` is where git clones from.
#[must_use]
pub fn fetch(repository: Url, commit: &str) -> Archive {
    // One of these goes to a stream of delta-compressed objects: `done` says that nothing is here to build on.
    let lines =
        ["command=fetch\n", "", "ofs-delta\n", "no-progress\n", &format!("want {commit}\n"), "deepen 1\n", "done\n"];
    let line = |line: &&str| if line.is_empty() { "0001".to_owned() } else { format!("{:04x}{line}", line.len() + 4) };
    let body = lines.iter().map(line).collect::<String>() + "0000";
    let request = Request::post(repository.join(["git-upload-pack"]), body)
        .header("content-type", "application/x-git-upload-pack-request")
        .header("accept", "application/x-git-upload-pack-result")
        .header("git-protocol", "version=2");
    Archive { request, format: Format::GitPack, layout: Layout { strip: 0, base: String::new() } }
}

/// Asks for the branches and tags of the repository that is asked for.
///
/// # Errors
/// What the answer's status means, and an answer that is none of git's.
pub fn references(repository: Url, asked: &Asked) -> Result<References, Error> {
    let url = repository.join(["info", "refs"]).query("service", "git-upload-pack");
    let response = http::send(&Request::get(url))?;
    if response.status != 200 {
        return Err(response.error(asked));
    }
    References::read(&response).ok_or_else(|| response.error(asked))
}

impl References {
    /// The commit that a branch, a tag or a full id stands for; whether there is a commit of such an id, git does not tell.
    #[must_use]
    pub fn resolve(&self, revision: &str) -> Option<Commit> {
        let names =
            [format!("refs/heads/{revision}"), format!("refs/tags/{revision}^{{}}"), format!("refs/tags/{revision}")];
        let known = |name: &String| self.all.iter().find(|(known, _)| known == name).map(|(_, id)| id.clone());
        let full = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        names.iter().find_map(known).or_else(|| full.then(|| revision.to_ascii_lowercase())).map(Commit::new)
    }

    fn read(response: &Response) -> Option<Self> {
        let mut references = Self::default();
        let mut rest = response.body.as_slice();
        while !rest.is_empty() {
            let length = usize::from_str_radix(std::str::from_utf8(rest.get(..4)?).ok()?, 16).ok()?;
            let line = rest.get(4..length.max(4))?;
            rest = &rest[length.max(4)..];
            references.take(&String::from_utf8_lossy(line));
        }
        (!references.all.is_empty()).then_some(references)
    }

    /// `<id> <name>`, in the first line followed by what the server can do.
    fn take(&mut self, line: &str) {
        let (reference, abilities) = line.trim_end().split_once('\0').unwrap_or((line.trim_end(), ""));
        let head = abilities.split(' ').find_map(|ability| ability.strip_prefix("symref=HEAD:refs/heads/"));
        self.default_branch = self.default_branch.take().or(head.map(str::to_owned));
        if let Some((id, name)) = reference.split_once(' ').filter(|(id, _)| id.len() == 40) {
            self.all.push((name.to_owned(), id.to_owned()));
        }
    }
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;
