//! One download, from its target to its receipt: a staged directory is filled in one or several ways, verified, and moved to the target.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use forgeport_blobs::UnfinishedBlob;
use forgeport_model::{FileKind, ObjectId, RepoPath};

use crate::claims::TreeCheck;
use crate::deadline::Deadline;
use crate::error::{FinishError, TargetError, UnpackError};
use crate::layout::Layout;
use crate::listing::{self, ListedEntry};
use crate::pack::{self, Missing};
use crate::progress::Progress;
use crate::receipt::{Receipt, Verification};
use crate::single;
use crate::source::ArchiveFormat;
use crate::spec::DownloadSpec;
use crate::staging::Staging;
use crate::target;
use crate::tree::Found;
use crate::unpack;

/// A download while it is being written: content goes into a directory that nobody sees, and every object is hashed on its way. Dropped
/// before [`finish`](Self::finish), it leaves nothing behind.
pub struct StagedDownload {
    pub(crate) staging: Staging,
    /// The file that receives a copy of the plain archive while it is unpacked.
    copy: Option<UnfinishedBlob>,
}

impl StagedDownload {
    /// Prepares a directory from which `target` can be filled.
    ///
    /// # Errors
    /// When the target is not free, or cannot be written to.
    pub fn new(target: &Path, spec: DownloadSpec) -> Result<Self, TargetError> {
        Ok(Self { staging: Staging::new(target, spec)?, copy: None })
    }

    /// Checks whether a download could take this place, before anything costs time.
    ///
    /// # Errors
    /// Why it could not.
    pub fn check_target(target: &Path, force: bool) -> Result<(), TargetError> {
        target::check(target, force)
    }

    /// Everything that is done with it stops then.
    pub fn until(self, deadline: Deadline) -> Self {
        Self { staging: self.staging.until(deadline), ..self }
    }

    /// When everything that is done with it stops.
    pub fn deadline(&self) -> &Deadline {
        self.staging.deadline()
    }

    /// Copies the plain archive into a file, from which it can be kept.
    pub fn with_copy(self, copy: Option<UnfinishedBlob>) -> Self {
        Self { copy, ..self }
    }

    /// The specification of the download.
    pub fn spec(&self) -> &DownloadSpec {
        self.staging.spec()
    }

    /// Unpacks an archive while it comes. `layout` is of no matter to [`ArchiveFormat::GitPack`].
    ///
    /// # Errors
    /// When the transfer breaks off, the content is refused, or the disk fails. Then parts of it are here: start again, or drop it.
    pub fn unpack(
        &self,
        source: impl Read,
        format: ArchiveFormat,
        layout: &Layout,
        progress: &dyn Progress,
    ) -> Result<(), UnpackError> {
        match format {
            ArchiveFormat::GitPack => pack::unpack(&self.staging, source, progress),
            ArchiveFormat::Tar | ArchiveFormat::TarGzip => {
                unpack::unpack(&self.staging, source, format, layout, self.copy_file(), progress)
            }
        }
    }

    /// Writes one file or link, in the place of what may be there.
    ///
    /// # Errors
    /// As for [`unpack`](Self::unpack).
    pub fn write(&self, path: &RepoPath, kind: FileKind, source: &mut dyn Read) -> Result<(), UnpackError> {
        single::write(&self.staging, path, kind, source)
    }

    /// Takes the forge's whole listing of one directory; returns what of it is missing or different. What the listing does not have is
    /// removed, submodules are noted.
    ///
    /// # Errors
    /// When an entry does not lie directly in the directory, or something cannot be removed.
    pub fn compare(&self, path: &RepoPath, entries: Vec<ListedEntry>) -> Result<Vec<ListedEntry>, UnpackError> {
        listing::compare(&self.staging, path, entries)
    }

    /// Compares with the commit and its trees, which are in the pack of this answer; returns what is missing, each content once. What the
    /// commit does not have is removed.
    ///
    /// # Errors
    /// [`Unsupported`](UnpackError::Unsupported) where the forge refuses; else as for [`unpack`](Self::unpack).
    pub fn compare_with_commit(&self, answer: impl Read) -> Result<Vec<Missing>, UnpackError> {
        pack::compare_with_commit(&self.staging, answer)
    }

    /// Puts the files and links in their places whose content is in the pack of this answer. The rest of it is ignored.
    ///
    /// # Errors
    /// When one of them is not in it, and as for [`compare_with_commit`](Self::compare_with_commit).
    pub fn put_missing(
        &self,
        answer: impl Read,
        missing: &[Missing],
        progress: &dyn Progress,
    ) -> Result<(), UnpackError> {
        pack::put_missing(&self.staging, answer, missing, progress)
    }

    /// The forge says that the directory at `path` has this tree.
    ///
    /// # Errors
    /// When it named more directories than the limits have room for.
    pub fn expect_tree(&self, path: &RepoPath, id: ObjectId) -> Result<(), UnpackError> {
        Ok(self.staging.expect_tree(path, id)?)
    }

    /// True if the written content is known to be the commit's.
    ///
    /// # Errors
    /// When its time is up.
    pub fn verified(&self) -> Result<bool, UnpackError> {
        self.deadline().check()?;
        Ok(matches!(self.staging.ledger().check(&self.spec().subdirectory), TreeCheck::Matches))
    }

    /// True if it is still empty, so that an archive could be unpacked again.
    pub fn is_empty(&self) -> bool {
        self.staging.ledger().tree.is_empty()
    }

    /// Removes all that was written, after a transfer broke off; what the forge claimed is kept.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn start_again(&self) -> Result<(), UnpackError> {
        self.staging.clear()
    }

    /// True if the archive of this name was unpacked completely by an earlier attempt. If that try began with another
    /// one, what it brought is of no use, and is removed.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn has_archive(&self, name: &str) -> Result<bool, UnpackError> {
        let mut ledger = self.staging.ledger();
        if ledger.tries.archives.iter().any(|known| known == name) {
            ledger.tries.earlier = false;
            return Ok(true);
        }
        let useless = ledger.tries.earlier;
        drop(ledger);
        if useless {
            self.start_again()?;
        }
        self.staging.ledger().tries.torn = true;
        Ok(false)
    }

    /// The archive of this name has been unpacked, all of it.
    pub fn archive_came(&self, name: &str) {
        let tries = &mut self.staging.ledger().tries;
        tries.torn = false;
        tries.archives.push(name.to_owned());
    }

    /// Judges what came and puts it in its place.
    ///
    /// # Errors
    /// When it is not what the forge said, a link leads out of it, the subdirectory does not exist, or the disk fails. The target is as
    /// it was then, unless the error says that it is marked as unfinished.
    pub fn finish(self) -> Result<Receipt, FinishError> {
        self.finish_after(|_, _| {})
    }

    /// As [`finish`](Self::finish), with something to do with the whole content before anybody else sees it.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn finish_after(mut self, last: impl FnOnce(&mut Self, &Verification)) -> Result<Receipt, FinishError> {
        self.deadline().check().map_err(UnpackError::from)?;
        let verification = self.judge()?;
        last(&mut self, &verification);
        self.staging.write_links()?;
        // From here on it is the target's: nobody who gave up waiting is to find it filled, and nobody stops it half-way.
        self.deadline().pass().map_err(UnpackError::from)?;
        let (target, mut ledger, spec) = self.staging.into_parts();
        let directory = target.path();
        let arrival = target.publish()?;
        Ok(Receipt::of(&mut ledger, directory, arrival, &spec.subdirectory, verification))
    }

    fn judge(&self) -> Result<Verification, FinishError> {
        let wanted = &self.spec().subdirectory;
        let mut ledger = self.staging.ledger();
        match ledger.tree.get(wanted) {
            Some(Found::Directory { .. }) => {}
            Some(Found::Leaf(_)) => return Err(FinishError::NoDirectory(wanted.to_string())),
            None => return Err(FinishError::Missing(wanted.to_string())),
        }
        match ledger.check(wanted) {
            TreeCheck::Matches => Ok(Verification::Verified),
            TreeCheck::Unknown => {
                Ok(Verification::NotVerified("the forge does not report the commit's tree".to_owned()))
            }
            TreeCheck::Differs { path, told, found } => Err(FinishError::Mismatch { path, told, found }),
            TreeCheck::Contradiction(claims) => {
                Err(FinishError::Contradiction { path: claims.path, one: claims.one, other: claims.other })
            }
        }
    }

    pub(crate) fn take_copy(&mut self) -> Option<UnfinishedBlob> {
        self.copy.take()
    }

    /// The file for the copy, emptied; none once there is an archive.
    fn copy_file(&self) -> Option<File> {
        if !self.is_empty() {
            return None;
        }
        let mut file = self.copy.as_ref()?.as_file().try_clone().ok()?;
        file.set_len(0).and_then(|()| file.rewind()).ok().map(|()| file)
    }
}
