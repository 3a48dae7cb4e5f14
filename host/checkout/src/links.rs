//! Symbolic links: they are written last, and only if following them cannot lead out of the directory.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{At, Reason, Rejected, UnpackError};
use crate::paths::{RepoPath, neutral};

/// The longest target, in bytes, without the NUL that `PATH_MAX` of Linux counts.
const LONGEST_TARGET: usize = 4095;
/// Links that the system follows on one way (path_resolution(7)); a longer way ends in an error and leads nowhere.
const FOLLOWED: usize = 40;

/// The links of a download, by their paths below the directory that is written.
pub(crate) type Links = BTreeMap<RepoPath, Vec<u8>>;

/// Check what can be known of a link alone.
pub(crate) fn check_target(target: &[u8]) -> Result<(), Reason> {
    match target.is_empty() || target.len() > LONGEST_TARGET || target.contains(&0) {
        true => Err(Reason::Target),
        false => Ok(()),
    }
}

/// Write all links into `directory`, or none if one of them leads out of it.
pub(crate) fn write(links: &Links, directory: &Path) -> Result<(), UnpackError> {
    for (path, target) in links {
        if leaves(path, target, links) {
            return Err(Rejected::new(path.as_bytes(), Reason::Leaves(neutral(target))).into());
        }
    }
    for (path, target) in links {
        let place = directory.join(path.as_path());
        let make = || std::os::unix::fs::symlink(OsStr::from_bytes(target), &place);
        let made = match (make(), place.parent()) {
            (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(parent).at("create", parent)?;
                make()
            }
            (made, _) => made,
        };
        made.at("create the link", &place)?;
    }
    Ok(())
}

/// Follows a link as the system would, where every name that is no link could be a directory.
fn leaves(link: &RepoPath, target: &[u8], links: &Links) -> bool {
    let mut here: Vec<Vec<u8>> = link.components().map(<[u8]>::to_vec).collect();
    here.pop();
    let mut ahead = VecDeque::new();
    let mut next = Some(target);
    for _ in 0..FOLLOWED {
        if let Some(target) = next.take() {
            if target.starts_with(b"/") {
                return true;
            }
            for name in target.split(|byte| *byte == b'/').rev() {
                ahead.push_front(name.to_vec());
            }
        }
        while let Some(name) = ahead.pop_front() {
            match &name[..] {
                b"" | b"." => {}
                b".." if here.pop().is_none() => return true,
                b".." => {}
                _ => {
                    here.push(name);
                    let path = RepoPath::parse(here.join(&b'/')).ok();
                    next = path.and_then(|path| links.get(&path)).map(Vec::as_slice);
                }
            }
            if next.is_some() {
                here.pop();
                break;
            }
        }
        if next.is_none() {
            return false;
        }
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn links(pairs: &[(&str, &str)]) -> Links {
        pairs.iter().map(|(path, target)| (RepoPath::parse(path).unwrap(), target.as_bytes().to_vec())).collect()
    }

    fn leaving(pairs: &[(&str, &str)]) -> bool {
        let links = links(pairs);
        links.iter().any(|(path, target)| leaves(path, target, &links))
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
    fn a_target_is_a_path() {
        for target in [&b""[..], b"a\0b", &[b'x'; 4096]] {
            assert!(matches!(check_target(target), Err(Reason::Target)));
        }
        assert!(check_target(b"\xff/x y").is_ok());
    }
}
