//! The mapping of an archive's paths to paths of the repository.
//!
//! | layout | path in the archive | path in the repository |
//! | --- | --- | --- |
//! | `strip: 0, base: ""` | `src/main.rs` | `src/main.rs` |
//! | `strip: 1, base: ""` | `demo-4ad2109/src/main.rs` | `src/main.rs` |
//! | `strip: 1, base: "src"` | `src-4ad2109/main.rs` | `src/main.rs` |

use serde::{Deserialize, Serialize};

use crate::archive::{Member, MemberKind};
use crate::error::{RejectReason, Rejected};
use forgeport_model::RepoPath;

/// How the paths of an archive become paths of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How many leading names of each path are not the repository's: 1 where there is a root folder.
    pub strip: usize,
    /// The directory of the repository that the rest of the path starts from.
    pub base: RepoPath,
}

/// Turns the paths of members into those of the repository.
pub(crate) struct Paths<'a> {
    layout: &'a Layout,
    /// The leading names that are stripped, once they are known: they are the same for all members.
    folder: Option<Vec<u8>>,
}

impl<'a> Paths<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        Self { layout, folder: None }
    }

    /// The member's path in the repository; none for a directory above the repository's root.
    pub(crate) fn path_of(&mut self, member: &Member) -> Result<Option<RepoPath>, Rejected> {
        let rejected = |why: RejectReason| Rejected::new(&member.path, why);
        let raw = match member.kind {
            MemberKind::Directory => member.path.strip_suffix(b"/").unwrap_or(&member.path),
            _ => &member.path,
        };
        let path = RepoPath::parse(raw).map_err(|error| rejected(error.into()))?;
        let names: Vec<&[u8]> = path.components().collect();
        if names.is_empty() {
            return Err(rejected(RejectReason::Malformed("a path is empty")));
        }
        let (front, rest) = names.split_at(self.layout.strip.min(names.len()));
        let full = front.len() == self.layout.strip;
        if !full && member.kind != MemberKind::Directory {
            return Err(rejected(RejectReason::Root));
        }
        if full {
            let front = front.join(&b'/');
            match &self.folder {
                Some(folder) if *folder != front => return Err(rejected(RejectReason::Root)),
                Some(_) => {}
                None => self.folder = Some(front),
            }
        }
        if rest.is_empty() {
            return if member.kind == MemberKind::Directory { Ok(None) } else { Err(rejected(RejectReason::Root)) };
        }
        let rest = RepoPath::parse(rest.join(&b'/')).map_err(|error| rejected(error.into()))?;
        self.layout.base.join(&rest).map(Some).map_err(|error| rejected(error.into()))
    }
}
