//! The remotes, with the URL that git really uses, and which of their refs contain the commit. The network is not used.

use std::collections::{BTreeMap, HashMap, HashSet};

use forgeport_model::RemoteUrl;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::refs::TargetRef;
use gix::remote::Direction;
use gix::{ObjectId, Repository};

use crate::graph::{self, HistoryError};
use crate::inspection::Inspection;
use crate::mask::MaskedText;
use crate::refs::{mapped, short_name};
use crate::{Pushed, Remote, RemoteAddress};

/// The reason for a remote without refs here: it may have been fetched by a refspec that is not configured, as CI does it.
const NO_REFS: &str =
    "no branch that git keeps of the remote is here; `forgeport status --fetch` asks the remote itself";

/// Every remote, in the order of their names.
pub fn remotes(
    repository: &Repository,
    commit: Option<ObjectId>,
    inspection: &Inspection,
) -> Result<Vec<Remote>, MaskedText> {
    let names: Vec<BString> = repository.remote_names().into_iter().collect();
    let tracking = tracking_refs(repository, &names).map_err(|error| MaskedText::of(&error))?;
    let mut pushed = pushed(repository, commit, &tracking, inspection);
    let config = repository.config_snapshot();
    let remotes = names.iter().map(|name| Remote {
        address: address(config.plumbing(), name.as_bstr()),
        pushed: pushed.remove(name).unwrap_or_else(|| unknown(NO_REFS)),
        name: name.to_string(),
    });
    Ok(remotes.collect())
}

fn address(config: &gix::config::File, name: &BStr) -> RemoteAddress {
    let why = |why: &str| RemoteAddress::Other { why: why.to_owned() };
    let Some(configured) = first_url(config, name) else {
        return why("the remote has no URL");
    };
    match std::str::from_utf8(&instead_of(config, configured)).map(RemoteUrl::parse) {
        Ok(Ok(url)) => RemoteAddress::Forge(url),
        Ok(Err(error)) => why(&error.to_string()),
        Err(_) => why("the remote's URL is not UTF-8"),
    }
}

/// Git fetches from the first of several URLs; an empty value starts the list anew.
fn first_url(config: &gix::config::File, name: &BStr) -> Option<BString> {
    let mut first: Option<BString> = None;
    for url in config.strings_by("remote", Some(name), "url").unwrap_or_default() {
        first = if url.is_empty() { None } else { first.or(Some(url)) };
    }
    first
}

/// The URL with the longest beginning replaced that a `url.<base>.insteadOf` names.
fn instead_of(config: &gix::config::File, url: BString) -> BString {
    let mut best: Option<(BString, BString)> = None;
    for section in config.sections_by_name("url").into_iter().flatten() {
        let Some(base) = section.header().subsection_name() else { continue };
        for beginning in section.values("insteadOf") {
            let longer = best.as_ref().is_none_or(|(best, _)| beginning.len() > best.len());
            if longer && url.starts_with(&beginning) {
                best = Some((beginning, base.to_owned()));
            }
        }
    }
    match best {
        Some((beginning, base)) => [&base[..], &url[beginning.len()..]].concat().into(),
        None => url,
    }
}

/// A remote-tracking ref, and the commit that it points to.
struct TrackingRef {
    name: String,
    tip: ObjectId,
}

/// Each remote's refs, recognised by the destinations of its fetch refspecs: `refs/remotes/origin/*`, but also the tag of a clone of one
/// tag.
fn tracking_refs(repository: &Repository, names: &[BString]) -> gix::Result<BTreeMap<BString, Vec<TrackingRef>>> {
    let mut specs = Vec::new();
    for name in names {
        // A remote whose configuration cannot be read has no refspecs.
        let Ok(remote) = repository.find_remote(name) else { continue };
        let fetched = remote.refspecs(Direction::Fetch).iter();
        specs.extend(fetched.filter_map(|spec| Some((name, spec.to_ref().destination()?.to_owned()))));
    }
    let mut found = BTreeMap::<BString, Vec<TrackingRef>>::new();
    let references = repository.references()?;
    for reference in references.all()? {
        let Ok(mut reference) = reference else { continue };
        // `origin/HEAD` only repeats another.
        let name = reference.name().as_bstr().to_owned();
        if matches!(reference.target(), TargetRef::Symbolic(_)) || is_local_branch(repository, name.as_bstr()) {
            continue;
        }
        let owners: HashSet<_> =
            specs.iter().filter(|(_, spec)| covers(spec.as_bstr(), &name)).map(|(name, _)| name).collect();
        if owners.is_empty() {
            continue;
        }
        // A ref to a commit that is not here cannot contain ours.
        let Ok(commit) = reference.peel_to_commit() else { continue };
        for owner in owners {
            let name = short_name(&name, "refs/remotes/");
            found.entry((*owner).clone()).or_default().push(TrackingRef { name, tip: commit.id });
        }
    }
    Ok(found)
}

fn covers(pattern: &BStr, name: &[u8]) -> bool {
    mapped(pattern, pattern, name).is_some()
}

/// A refspec of a mirror covers local branches too. In a repository with a work tree they move with each commit and prove nothing.
fn is_local_branch(repository: &Repository, name: &BStr) -> bool {
    repository.workdir().is_some() && name.starts_with(b"refs/heads/")
}

fn pushed(
    repository: &Repository,
    commit: Option<ObjectId>,
    tracking: &BTreeMap<BString, Vec<TrackingRef>>,
    inspection: &Inspection,
) -> BTreeMap<BString, Pushed> {
    let each = |answer: &dyn Fn(&[TrackingRef]) -> Pushed| {
        tracking.iter().map(|(remote, refs)| (remote.clone(), answer(refs))).collect()
    };
    let Some(commit) = commit else {
        return each(&|_| unknown("there is no commit yet"));
    };
    let tips: HashSet<_> = tracking.values().flatten().map(|reference| reference.tip).collect();
    match descendants(repository, commit, tips, inspection) {
        Ok(descendants) => each(&|refs| pushed_to(refs, &descendants)),
        Err(broken) => {
            let why = format!("the history is incomplete: {}", MaskedText::from(broken));
            each(&|_| unknown(&why))
        }
    }
}

fn pushed_to(refs: &[TrackingRef], descendants: &HashSet<ObjectId>) -> Pushed {
    let mut refs: Vec<_> = refs
        .iter()
        .filter(|reference| descendants.contains(&reference.tip))
        .map(|reference| reference.name.clone())
        .collect();
    refs.sort();
    if refs.is_empty() { Pushed::NotPushed } else { Pushed::Pushed { refs } }
}

/// The commits between `commit` and the tips, both included, that have `commit` in their history.
fn descendants(
    repository: &Repository,
    commit: ObjectId,
    tips: HashSet<ObjectId>,
    inspection: &Inspection,
) -> Result<HashSet<ObjectId>, HistoryError> {
    let mut descendants = HashSet::from([commit]);
    let others: Vec<_> = tips.into_iter().filter(|tip| *tip != commit).collect();
    if others.is_empty() {
        return Ok(descendants);
    }
    let mut children = HashMap::<ObjectId, Vec<ObjectId>>::new();
    for (child, parents) in graph::difference(repository, &others, &[commit], inspection)?.left {
        parents.into_iter().for_each(|parent| children.entry(parent).or_default().push(child));
    }
    let mut pending = vec![commit];
    while let Some(id) = pending.pop() {
        pending.extend(children.remove(&id).unwrap_or_default().into_iter().filter(|child| descendants.insert(*child)));
    }
    Ok(descendants)
}

fn unknown(why: &str) -> Pushed {
    Pushed::Unknown { why: why.to_owned() }
}
