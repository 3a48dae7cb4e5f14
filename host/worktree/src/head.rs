//! The commit that is checked out, the branch and its upstream.

use gix::refs::TargetRef;
use gix::remote::Direction;
use gix::{Commit, Repository};

use crate::graph::{self, HistoryError};
use crate::inspection::Inspection;
use crate::refs::{mapped, short_name};
use crate::{Distance, Head, MaskedText, Upstream};

/// The commit that is checked out; none before the first commit.
pub fn commit(repository: &Repository) -> gix::Result<Option<Commit<'_>>> {
    let mut head = repository.head()?;
    if head.is_unborn() { Ok(None) } else { head.peel_to_commit().map(Some) }
}

pub fn head(repository: &Repository) -> gix::Result<Head> {
    let head = repository.find_reference("HEAD")?;
    Ok(match head.target() {
        TargetRef::Symbolic(name) => Head::Branch { name: short_name(name.as_bstr(), "refs/heads/") },
        TargetRef::Object(_) => Head::Detached,
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
    inspection: &Inspection,
) -> Result<Option<Upstream>, MaskedText> {
    let Head::Branch { name } = head else { return Ok(None) };
    let Some(full_name) = upstream_name(repository, name)? else { return Ok(None) };
    let tip = repository.try_find_reference(full_name.as_str()).ok().flatten();
    let tip = tip.and_then(|mut reference| Some(reference.peel_to_commit().ok()?.id));
    let distance = match (commit, tip) {
        (Some(commit), Some(tip)) => match graph::difference(repository, &[commit.id], &[tip], inspection) {
            Ok(difference) => Some(Distance { ahead: difference.left.len(), behind: difference.right }),
            Err(HistoryError::Missing(_) | HistoryError::Stopped(_)) => None,
        },
        _ => None,
    };
    let name = full_name.strip_prefix("refs/heads/").unwrap_or(&full_name);
    Ok(Some(Upstream { name: short_name(name.as_bytes(), "refs/remotes/"), distance }))
}

fn upstream_name(repository: &Repository, branch: &str) -> Result<Option<String>, MaskedText> {
    let config = repository.config_snapshot();
    let value = |name: &str| config.plumbing().string_by("branch", branch, name);
    let (Some(remote), Some(merge)) = (value("remote"), value("merge")) else { return Ok(None) };
    if remote == "." {
        return Ok(Some(merge.to_string()));
    }
    let Ok(remote) = repository.find_remote(&*remote) else { return Ok(None) };
    if remote.name().is_none_or(|name| name.as_symbol().is_none()) {
        return Ok(None);
    }
    let specs = remote.refspecs(Direction::Fetch).iter().map(|spec| spec.to_ref());
    let mut names = specs.filter_map(|spec| {
        let (source, destination) = (spec.source()?, spec.destination()?);
        mapped(source, destination, &merge)
    });
    names.next().map(|name| String::from_utf8(name).map_err(|_| MaskedText::new("its name is not UTF-8"))).transpose()
}
