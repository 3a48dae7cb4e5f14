//! Symbolic links. They are written last, and only if following them cannot lead out of the directory.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::deadline::Deadline;
use crate::directory::Directory;
use crate::error::{RejectReason, Rejected, UnpackError};
use forgeport_model::{RepoPath, escape_untrusted_short};

/// The longest target, in bytes, without the NUL that `PATH_MAX` of Linux counts.
const LONGEST_TARGET: usize = 4095;

/// The links of a download, by their paths below the directory that is written.
pub(crate) type Links = BTreeMap<RepoPath, Vec<u8>>;

/// Checks what can be known of a link alone.
pub(crate) fn check_target(target: &[u8]) -> Result<(), RejectReason> {
    if target.is_empty() || target.len() > LONGEST_TARGET || target.contains(&0) {
        Err(RejectReason::Target)
    } else {
        Ok(())
    }
}

/// Removes the links at a path and below it.
pub(crate) fn remove(links: &mut Links, path: &RepoPath) {
    if path.is_root() {
        links.clear();
    } else {
        links.remove(path);
        // Each is looked for by where it lies: a look at all of them for each removed path took minutes with 100,000.
        links.extract_if(path.all_below(), |_, _| true).for_each(drop);
    }
}

/// Writes all links into `directory`, or none if one of them leads out of it.
pub(crate) fn write(links: &Links, directory: &Directory, deadline: &Deadline) -> Result<(), UnpackError> {
    if let Some((path, target)) = first_leaving(links, deadline)? {
        return Err(Rejected::new(path.as_bytes(), RejectReason::Leaves(escape_untrusted_short(target))).into());
    }
    for (path, target) in links {
        deadline.check()?;
        directory.link(path.as_path(), Path::new(OsStr::from_bytes(target)))?;
    }
    Ok(())
}

/// The first link that leads out, where every name that is no link could be a directory.
fn first_leaving<'a>(links: &'a Links, deadline: &Deadline) -> Result<Option<(&'a RepoPath, &'a [u8])>, UnpackError> {
    let mut resolver = LinkResolver::new(links);
    for (number, (path, target)) in links.iter().enumerate() {
        deadline.check()?;
        if resolver.follow(number) == Destination::Outside {
            return Ok(Some((path, target)));
        }
    }
    Ok(None)
}

/// The destination of every link, each found once.
///
/// Following each link anew, and those on its way again, took 96 s for 400 links whose targets named one another. Here each name of each
/// target is looked at once, whatever leads to it.
struct LinkResolver<'a> {
    /// The names on the ways to links, each below another; the root is the first.
    nodes: Vec<Node>,
    names: HashMap<(usize, &'a [u8]), usize>,
    links: Vec<Link<'a>>,
}

struct Node {
    parent: usize,
    /// The link that lies here.
    link: Option<usize>,
}

struct Link<'a> {
    target: &'a [u8],
    from: Position,
    end: Option<Destination>,
}

/// A directory: so many levels, on which no link lies, below a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    node: usize,
    below: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    At(Position),
    /// It leads to itself, and so nowhere.
    Nowhere,
    Outside,
}

/// A link whose target is being walked along.
struct PendingLink<'a> {
    link: usize,
    here: Position,
    ahead: std::slice::Split<'a, u8, fn(&u8) -> bool>,
}

const ROOT: Position = Position { node: 0, below: 0 };

impl<'a> LinkResolver<'a> {
    fn new(links: &'a Links) -> Self {
        let mut resolver = Self {
            nodes: vec![Node { parent: 0, link: None }],
            names: HashMap::new(),
            links: Vec::with_capacity(links.len()),
        };
        for (number, (path, target)) in links.iter().enumerate() {
            let mut node = ROOT.node;
            for name in path.components() {
                let next = *resolver.names.entry((node, name)).or_insert(resolver.nodes.len());
                if next == resolver.nodes.len() {
                    resolver.nodes.push(Node { parent: node, link: None });
                }
                node = next;
            }
            let from = Position { node: resolver.nodes[node].parent, below: 0 };
            resolver.nodes[node].link = Some(number);
            resolver.links.push(Link { target, from, end: None });
        }
        resolver
    }

    /// Follows a link as the system would, and others first that lie on its way. Links may name each other in a long chain, so what waits
    /// is held in a list and not on the stack.
    fn follow(&mut self, link: usize) -> Destination {
        let mut walking = Vec::new();
        let mut ended = self.begin(link, &mut walking);
        while let Some(mut walk) = walking.pop() {
            if let Some(end) = ended.take() {
                match end {
                    Destination::At(position) => walk.here = position,
                    end => {
                        ended = self.resolved(walk.link, end);
                        continue;
                    }
                }
            }
            match self.walk(&mut walk) {
                Ok(end) => ended = self.resolved(walk.link, end),
                Err(next) => {
                    walking.push(walk);
                    ended = self.begin(next, &mut walking);
                }
            }
        }
        ended.unwrap_or(Destination::Nowhere)
    }

    /// The destination of the link, if it is known; otherwise the search for it is begun.
    fn begin(&mut self, link: usize, walking: &mut Vec<PendingLink<'a>>) -> Option<Destination> {
        let Link { target, from, end } = &mut self.links[link];
        if end.is_none() {
            if target.starts_with(b"/") {
                *end = Some(Destination::Outside);
            } else {
                // Who comes back to it before it has an end goes round in a circle.
                *end = Some(Destination::Nowhere);
                let is_slash: fn(&u8) -> bool = |byte| *byte == b'/';
                walking.push(PendingLink { link, here: *from, ahead: target.split(is_slash) });
                return None;
            }
        }
        *end
    }

    fn resolved(&mut self, link: usize, end: Destination) -> Option<Destination> {
        self.links[link].end = Some(end);
        Some(end)
    }

    /// Goes on to the end, or to the next link on the way.
    fn walk(&self, walk: &mut PendingLink<'a>) -> Result<Destination, usize> {
        for name in walk.ahead.by_ref() {
            match (name, &mut walk.here) {
                (b"" | b".", _) => {}
                (b"..", Position { below: below @ 1.., .. }) => *below -= 1,
                (b"..", Position { node: 0, .. }) => return Ok(Destination::Outside),
                (b"..", Position { node, .. }) => *node = self.nodes[*node].parent,
                (name, Position { node, below: below @ 0 }) => match self.names.get(&(*node, name)) {
                    Some(next) => match self.nodes[*next].link {
                        Some(link) => return Err(link),
                        None => *node = *next,
                    },
                    None => *below = 1,
                },
                (_, Position { below, .. }) => *below += 1,
            }
        }
        Ok(Destination::At(walk.here))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn links(pairs: &[(&str, &str)]) -> Links {
        pairs.iter().map(|(path, target)| (RepoPath::parse(path).unwrap(), target.as_bytes().to_vec())).collect()
    }

    fn leaving(pairs: &[(&str, &str)]) -> bool {
        first_leaving(&links(pairs), &Deadline::never()).unwrap().is_some()
    }

    #[test]
    fn links_within_the_directory_stay() {
        assert!(!leaving(&[
            ("a", "b"),
            ("d/up", "../b"),
            ("d/e/here", "."),
            ("dangling", "no/such"),
            ("d/deep", "./x/../y")
        ]));
        assert!(!leaving(&[("loop", "loop"), ("one", "two"), ("two", "one")]));
        assert!(!leaving(&[("a", "d"), ("d/x", "../a/y")]));
    }

    #[test]
    fn links_that_lead_out_are_found_also_by_way_of_others() {
        assert!(leaving(&[("a", "/etc/passwd")]));
        assert!(leaving(&[("a", "..")]));
        assert!(leaving(&[("d/a", "../../x")]));
        assert!(leaving(&[("d/a", "x/../../../y")]));
        assert!(leaving(&[("d/e/up", "../.."), ("x", "d/e/up/../y")]));
        assert!(leaving(&[("d/e/f/up", "../../.."), ("x", "d/e/f/up/.."), ("y", "x")]));
    }

    #[test]
    fn many_links_that_name_each_other_are_each_followed_once() {
        let over = (0..2000).map(|number| (format!("l{number}"), format!("l{}/../", number + 1).repeat(300) + "d"));
        let chain = (0..100_000).map(|number| (format!("c{number}"), format!("c{}", number + 1)));
        let last = ("l2000".to_owned(), "d".to_owned());
        let links: Links = over
            .chain(chain)
            .chain([last])
            .map(|(path, target)| (RepoPath::parse(path).unwrap(), target.into()))
            .collect();
        let start = std::time::Instant::now();
        assert!(first_leaving(&links, &Deadline::never()).unwrap().is_none());
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }

    #[test]
    fn a_long_chain_that_leads_out_is_found() {
        let mut links = links(&[("c100000", "..")]);
        for number in 0..100_000 {
            links.insert(RepoPath::parse(format!("c{number}")).unwrap(), format!("c{}", number + 1).into());
        }
        assert!(first_leaving(&links, &Deadline::never()).unwrap().is_some());
    }

    #[test]
    fn links_go_with_the_directory_that_they_lie_in() {
        let mut all = links(&[("a", "x"), ("a-b", "x"), ("d/a", "x"), ("d/e/f", "x"), ("d0", "x"), ("e", "x")]);
        remove(&mut all, &RepoPath::parse("d").unwrap());
        assert!(all.keys().map(ToString::to_string).eq(["a", "a-b", "d0", "e"]));
        remove(&mut all, &RepoPath::parse("a").unwrap());
        assert!(all.keys().map(ToString::to_string).eq(["a-b", "d0", "e"]));
        remove(&mut all, &RepoPath::root());
        assert!(all.is_empty());
    }

    #[test]
    fn a_target_is_a_path() {
        for target in [&b""[..], b"a\0b", &[b'x'; 4096]] {
            assert!(matches!(check_target(target), Err(RejectReason::Target)));
        }
        assert!(check_target(b"\xff/x y").is_ok());
    }
}
