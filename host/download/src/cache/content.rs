//! The content of a kept download: a plain tar archive, a JSON description of what the tree contains besides files, and the length of the
//! description in eight bytes.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Take, Write};

use serde::{Deserialize, Serialize};

use crate::download::StagedDownload;
use crate::error::UnpackError;
use crate::layout::Layout;
use crate::ledger::Tries;
use crate::progress::Progress;
use crate::source::ArchiveFormat;
use crate::tree::{Found, Leaf};
use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectId};

/// The longest description, in bytes; it has the links and submodules of a tree.
const LONGEST: u64 = 64 << 20;

/// The parts of a tree that are not files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct About {
    /// How the archive's paths become those of the repository.
    layout: Layout,
    /// Those that are not in the archive: `tar` would write their targets in another spelling.
    links: Vec<(Vec<u8>, Vec<u8>)>,
    submodules: Vec<(Vec<u8>, String)>,
    /// The archives that a failed download was filled from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    archives: Vec<String>,
}

impl About {
    /// Unpacks the archive into a staged directory, which has to be this tree then.
    pub(super) fn fill(
        &self,
        staged: &StagedDownload,
        tree: ObjectId,
        archive: impl Read,
        progress: &dyn Progress,
    ) -> Result<(), UnpackError> {
        self.unpack(staged, archive, progress)?;
        staged.expect_tree(&staged.spec().subdirectory, tree)
    }

    /// Unpacks the archive of a failed download, from which the next try goes on.
    pub(super) fn resume(
        self,
        staged: &StagedDownload,
        archive: impl Read,
        progress: &dyn Progress,
    ) -> Result<(), UnpackError> {
        self.unpack(staged, archive, progress)?;
        let mut ledger = staged.staging.ledger();
        // No copy of what the forge sent is here.
        ledger.copied = None;
        ledger.tries = Tries { archives: self.archives, earlier: true, torn: false };
        Ok(())
    }

    fn unpack(&self, staged: &StagedDownload, archive: impl Read, progress: &dyn Progress) -> Result<(), UnpackError> {
        let base = staged.spec().subdirectory.clone();
        let damaged = |_| UnpackError::transfer("the description of a kept download is damaged");
        // The same tree may have been kept as another directory of another commit.
        let here = |path: &RepoPath| base.join(path).map_err(|_| damaged(()));
        let Layout { strip, base: below } = &self.layout;
        let layout = Layout { strip: *strip, base: here(below)? };
        staged.unpack(archive, ArchiveFormat::Tar, &layout, progress)?;
        for (path, target) in &self.links {
            let path = here(&RepoPath::parse(path).map_err(|_| damaged(()))?)?;
            staged.staging.add_symlink(&path, target.clone())?;
        }
        for (path, id) in &self.submodules {
            let path = here(&RepoPath::parse(path).map_err(|_| damaged(()))?)?;
            let id = id.parse().map_err(|_| damaged(()))?;
            staged.staging.add_submodule(&path, id)?;
        }
        Ok(())
    }
}

/// Writes what a staged directory contains behind the archive that was copied, and returns the tree's id; none for one without content.
pub(super) fn write(staged: &StagedDownload, mut file: &File) -> io::Result<Option<ObjectId>> {
    let Some(tree) = staged.staging.ledger().tree.id(&staged.spec().subdirectory) else { return Ok(None) };
    let mut about = about(staged);
    // An archive of more than what is wanted would keep the rest for nothing.
    let copied = staged.staging.ledger().copied.clone().filter(|_| staged.spec().subdirectory.is_root());
    match copied {
        Some(layout) => {
            about.layout = layout;
            about.links.clear();
        }
        None => {
            file.set_len(0)?;
            file.rewind()?;
            write_archive(staged, file)?;
        }
    }
    describe(file, &about)?;
    Ok(Some(tree))
}

/// Writes what a failed download brought; files of which a part has come are left out.
pub(super) fn write_partial(staged: &StagedDownload, file: &File) -> io::Result<()> {
    write_archive(staged, file)?;
    describe(file, &About { archives: staged.staging.archives(), ..about(staged) })
}

/// Behind the archive.
fn describe(mut file: &File, about: &About) -> io::Result<()> {
    let about = serde_json::to_vec(about)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(&[&about, &(about.len() as u64).to_le_bytes()[..]].concat())
}

/// The description of the content.
fn about(staged: &StagedDownload) -> About {
    let base = &staged.spec().subdirectory;
    let ledger = staged.staging.ledger();
    let links = ledger.links.iter().map(|(path, target)| (path.as_bytes().to_vec(), target.clone())).collect();
    let mut submodules = Vec::new();
    ledger.tree.visit(base, &mut |path, found| {
        if let Found::Leaf(Leaf { kind: FileKind::Submodule, id: Some(id), .. }) = found {
            submodules.extend(path.below(base).map(|below| (below.as_bytes().to_vec(), id.to_string())));
        }
    });
    let layout = Layout { strip: 0, base: RepoPath::root() };
    About { layout, links, submodules, archives: Vec::new() }
}

fn write_archive(staged: &StagedDownload, file: &File) -> io::Result<()> {
    let mut archive = tar::Builder::new(BufWriter::with_capacity(256 << 10, file));
    for (path, found) in contents(staged) {
        let mut header = tar::Header::new_ustar();
        match found {
            Found::Directory { .. } => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                archive.append_data(&mut header, path.as_path(), io::empty())?;
            }
            Found::Leaf(leaf) => {
                let file = staged.staging.directory().read(path.as_path()).map_err(UnpackError::from)?;
                header.set_size(file.metadata()?.len());
                header.set_mode(if leaf.kind == FileKind::Executable { 0o755 } else { 0o644 });
                archive.append_data(&mut header, path.as_path(), staged.deadline().reading(file))?;
            }
        }
    }
    archive.into_inner()?.flush()
}

/// Directories and files, by their paths below the subdirectory.
fn contents(staged: &StagedDownload) -> Vec<(RepoPath, Found)> {
    let base = &staged.spec().subdirectory;
    let mut contents = Vec::new();
    staged.staging.ledger().tree.visit(base, &mut |path, found| {
        let written = match found {
            Found::Directory { .. } => true,
            Found::Leaf(leaf) => leaf.id.is_some() && matches!(leaf.kind, FileKind::Regular | FileKind::Executable),
        };
        if let Some(below) = path.below(base).filter(|_| written) {
            contents.push((below, found));
        }
    });
    contents
}

/// From the end of the file, and the archive before it.
pub(super) fn read(mut file: File) -> io::Result<(About, Take<File>)> {
    let mut length = [0; 8];
    let end = file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST || length > end {
        return Err(io::Error::other("its description has no sensible length"));
    }
    file.seek(SeekFrom::Start(end - length))?;
    let mut about = Vec::new();
    (&mut file).take(length).read_to_end(&mut about)?;
    file.rewind()?;
    Ok((serde_json::from_slice(&about)?, file.take(end - length)))
}
