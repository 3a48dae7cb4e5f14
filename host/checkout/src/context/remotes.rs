//! The remotes, by the URL that git really uses, and which of their refs hold the commit. Nothing here goes to the network.

use std::collections::{BTreeMap, HashSet};

use forgeport_grants::RemoteUrl;
use git2::{Config, Direction, ErrorCode, Oid, ReferenceType, Repository, Sort};

use super::foreign::Foreign;
use super::{Address, Pushed, Remote, short_name};

/// Every remote, in the order of their names.
pub fn remotes(repository: &Repository, commit: Option<Oid>) -> Result<Vec<Remote>, git2::Error> {
    let config = repository.config()?;
    let mut names: Vec<String> = repository.remotes()?.iter_bytes().map(lossy).collect();
    names.sort();
    let tracking = tracking_refs(repository, &names)?;
    let mut pushed = pushed(repository, commit, &tracking);
    names
        .into_iter()
        .map(|name| {
            Ok(Remote {
                address: address(repository, &config, &name)?,
                pushed: pushed.remove(&name).unwrap_or_else(|| unknown("it has never been fetched")),
                name,
            })
        })
        .collect()
}

fn address(repository: &Repository, config: &Config, name: &str) -> Result<Address, git2::Error> {
    let why = |why: &str| Address::Other { why: why.to_owned() };
    let Some(configured) = first_url(config, name)? else {
        return Ok(why("the remote has no URL"));
    };
    let Ok(configured) = String::from_utf8(configured) else {
        return Ok(why("the remote's URL is not UTF-8"));
    };
    // A remote without a name is where libgit2 applies `insteadOf` to a URL of ours.
    let remote = match repository.remote_anonymous(&configured) {
        Ok(remote) => remote,
        // Its text might repeat the URL, and that a password.
        Err(_) => return Ok(why("git cannot use the remote's URL")),
    };
    Ok(match remote.url().map(RemoteUrl::parse) {
        Ok(Ok(url)) => Address::Forge(url),
        Ok(Err(error)) => why(&error.to_string()),
        Err(_) => why("the remote's URL is not UTF-8"),
    })
}

/// Git fetches from the first of several URLs; an empty value starts the list anew.
fn first_url(config: &Config, name: &str) -> Result<Option<Vec<u8>>, git2::Error> {
    let entries = match config.multivar(&format!("remote.{name}.url"), None) {
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
            return Ok(None);
        }
        entries => entries?,
    };
    let mut first: Option<Vec<u8>> = None;
    entries.for_each(|entry| match entry.value_bytes() {
        b"" => first = None,
        url => first = first.take().or_else(|| Some(url.to_vec())),
    })?;
    Ok(first)
}

/// A ref that stands for one of a remote's, and the commit it points to.
struct TrackingRef {
    name: String,
    tip: Oid,
}

/// Each remote's refs, told by the right sides of its fetch refspecs: `refs/remotes/origin/*`, but also the tag of a clone of one tag.
fn tracking_refs(repository: &Repository, names: &[String]) -> Result<BTreeMap<String, Vec<TrackingRef>>, git2::Error> {
    // A remote whose configuration libgit2 refuses has no refs that could be told.
    let remotes: Vec<_> = names.iter().filter_map(|name| repository.find_remote(name).ok()).collect();
    let specs: Vec<_> =
        remotes.iter().flat_map(|remote| remote.refspecs().filter(is_fetch).map(move |spec| (remote, spec))).collect();
    let mut found = BTreeMap::<String, Vec<TrackingRef>>::new();
    for reference in repository.references()? {
        let Ok(reference) = reference else { continue };
        // `origin/HEAD` only repeats another.
        let Ok(name) = reference.name() else { continue };
        if reference.kind() != Some(ReferenceType::Direct) || is_local_branch(repository, name) {
            continue;
        }
        let owners: HashSet<_> =
            specs.iter().filter(|(_, spec)| spec.dst_matches(name)).map(|(remote, _)| remote.name_bytes()).collect();
        if owners.is_empty() {
            continue;
        }
        // What points to no commit that is here cannot hold ours.
        let Ok(commit) = reference.peel_to_commit() else {
            continue;
        };
        for owner in owners.into_iter().flatten() {
            let name = short_name(name.as_bytes(), "refs/remotes/");
            found.entry(lossy(owner)).or_default().push(TrackingRef { name, tip: commit.id() });
        }
    }
    Ok(found)
}

fn is_fetch(spec: &git2::Refspec) -> bool {
    spec.direction() == Direction::Fetch
}

/// A refspec of a mirror covers local branches too. Beside a work tree they move with each commit and prove nothing.
fn is_local_branch(repository: &Repository, name: &str) -> bool {
    !repository.is_bare() && name.starts_with("refs/heads/")
}

fn pushed(
    repository: &Repository,
    commit: Option<Oid>,
    tracking: &BTreeMap<String, Vec<TrackingRef>>,
) -> BTreeMap<String, Pushed> {
    let each = |answer: &dyn Fn(&[TrackingRef]) -> Pushed| {
        tracking.iter().map(|(remote, refs)| (remote.clone(), answer(refs))).collect()
    };
    let Some(commit) = commit else {
        return each(&|_| unknown("there is no commit yet"));
    };
    let tips = tracking.values().flatten().map(|reference| reference.tip).collect();
    match holders(repository, commit, &tips) {
        Ok(holders) => each(&|refs| pushed_to(refs, &holders)),
        Err(error) => each(&|_| unknown(&format!("the history is incomplete: {}", Foreign::of(&error)))),
    }
}

fn pushed_to(refs: &[TrackingRef], holders: &HashSet<Oid>) -> Pushed {
    let mut refs: Vec<_> = refs
        .iter()
        .filter(|reference| holders.contains(&reference.tip))
        .map(|reference| reference.name.clone())
        .collect();
    refs.sort();
    if refs.is_empty() { Pushed::NotPushed } else { Pushed::Pushed { refs } }
}

/// The commits between `commit` and the tips, both included, that have `commit` in their history. One walk for all tips: it visits what
/// they have and `commit` has not, parents first.
fn holders(repository: &Repository, commit: Oid, tips: &HashSet<Oid>) -> Result<HashSet<Oid>, git2::Error> {
    let mut holders = HashSet::from([commit]);
    if tips.iter().all(|tip| *tip == commit) {
        return Ok(holders);
    }
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    for tip in tips {
        walk.push(*tip)?;
    }
    walk.hide(commit)?;
    for id in walk {
        let id = id?;
        if repository.find_commit(id)?.parent_ids().any(|parent| holders.contains(&parent)) {
            holders.insert(id);
        }
    }
    Ok(holders)
}

fn unknown(why: &str) -> Pushed {
    Pushed::Unknown { why: why.to_owned() }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
