//! What is checked out: the commit, the branch and its upstream.

use git2::{Commit, ErrorCode, Repository};

use super::{Distance, Head, Upstream, short_name};

/// The commit that is checked out; nothing before the first one.
pub fn commit(repository: &Repository) -> Result<Option<Commit<'_>>, git2::Error> {
    match repository.head() {
        // `peel_to_commit` of a reference does not tell that the commit is missing.
        Ok(head) => match head.target() {
            Some(id) => repository.find_object(id, None)?.peel_to_commit().map(Some),
            None => head.peel_to_commit().map(Some),
        },
        Err(error) if error.code() == ErrorCode::UnbornBranch => Ok(None),
        Err(error) => Err(error),
    }
}

pub fn head(repository: &Repository) -> Result<Head, git2::Error> {
    let head = repository.find_reference("HEAD")?;
    Ok(match head.symbolic_target_bytes() {
        Some(target) => Head::Branch { name: short_name(target, "refs/heads/") },
        None => Head::Detached,
    })
}

/// The upstream that is configured for the branch, and how far `commit` is from it.
///
/// There is none, also for git, where the branch has a URL for its remote, as `gh pr checkout` writes it for a fork, or a remote that
/// does not exist: neither has a ref here.
pub fn upstream(
    repository: &Repository,
    head: &Head,
    commit: Option<&Commit>,
) -> Result<Option<Upstream>, git2::Error> {
    let Head::Branch { name } = head else {
        return Ok(None);
    };
    let full_name = match repository.branch_upstream_name(&format!("refs/heads/{name}")) {
        Ok(full_name) => full_name,
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => return Ok(None),
        Err(error) => return Err(error),
    };
    let tip = std::str::from_utf8(&full_name).ok().and_then(|name| repository.refname_to_id(name).ok());
    let distance = match (commit, tip) {
        (Some(commit), Some(tip)) => repository.graph_ahead_behind(commit.id(), tip).ok(),
        _ => None,
    };
    let distance = distance.map(|(ahead, behind)| Distance { ahead, behind });
    let name = short_name(&full_name, "refs/remotes/");
    Ok(Some(Upstream { name, distance }))
}
