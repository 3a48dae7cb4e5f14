//! A folder of blobs: files that are known by their names, such as a digest, and that any number of processes may share.
//!
//! | promise | by |
//! | --- | --- |
//! | a blob is there whole or not at all | it is written under another name, and comes by rename |
//! | only its owner reads it | files have the mode 0600, the folder has 0700 |
//! | it is read without a copy | [`Folder::open`] gives the file itself; removing it does not disturb who reads it |
//! | what a killed process left is removed | an unfinished blob is locked while somebody writes it; the system gives the lock up |
//! | the folder stays within its limit | what was used least recently is removed when a blob comes |
//! | a folder that cannot be written to is read | that a blob was used is noted where that is possible |
//!
//! A blob is not believed because it is there: whoever opens one verifies it, by a MAC or by hashing it again.
//!
//! ```
//! use forgeport_blobs::Folder;
//! use std::io::{Read, Write};
//!
//! let place = tempfile::tempdir()?;
//! let folder = Folder::new(place.path().join("blobs"), 1 << 20);
//! let mut unfinished = folder.begin()?;
//! unfinished.write_all(b"content")?;
//! folder.keep(unfinished, "name")?;
//!
//! let mut content = String::new();
//! folder.open("name")?.expect("it was kept").read_to_string(&mut content)?;
//! assert_eq!(content, "content");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use forgeport_platform::open_regular;
use tempfile::{Builder, NamedTempFile};

/// How the names of unfinished blobs begin.
const UNFINISHED: &str = ".unfinished-";

/// A folder of blobs. It is made with the first blob.
#[derive(Clone, Debug)]
pub struct Folder {
    directory: PathBuf,
    /// In bytes on the disk.
    limit: u64,
}

/// A blob that is being written. Dropped, it is removed.
#[derive(Debug)]
pub struct Unfinished(NamedTempFile);

/// A blob, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub name: String,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// When it was last used, as far as that was noted.
    pub used: SystemTime,
}

impl Folder {
    /// The folder in a directory, for at most so many bytes.
    pub fn new(directory: PathBuf, limit: u64) -> Self {
        Self { directory, limit }
    }

    /// Where the folder is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes that it may take.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Opens a blob and notes that it was used; none where there is none.
    ///
    /// # Errors
    /// When there is something that is not a regular file ([`ErrorKind::InvalidData`]), or that cannot be read.
    pub fn open(&self, name: &str) -> io::Result<Option<File>> {
        let file = match open_regular(&self.path(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        // Where that cannot be noted, the blob is removed a little earlier than others.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(file))
    }

    /// Whether there is a blob of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Begins a blob, and removes what killed processes have left.
    ///
    /// # Errors
    /// When the disk does not give a file.
    pub fn begin(&self) -> io::Result<Unfinished> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        // Whoever sweeps must not see a file that is made and not locked yet.
        let _alone = self.sweep()?;
        let unfinished = Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        unfinished.as_file().lock()?;
        Ok(Unfinished(unfinished))
    }

    /// Keeps a blob under a name, in the place of one that has it, and removes what was used least recently until all that is left is
    /// within the limit. The new blob stays in any case: it would be made again each time.
    ///
    /// # Errors
    /// When the disk fails. What was there before is there still.
    pub fn keep(&self, unfinished: Unfinished, name: &str) -> io::Result<()> {
        let alone = self.alone()?;
        let bytes = taken(&unfinished.0.as_file().metadata()?);
        self.make_room(bytes, name)?;
        unfinished.0.persist(self.path(name))?;
        drop(alone);
        Ok(())
    }

    /// Removes a blob, if there is one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        remove(&self.path(name))
    }

    /// All blobs, in no order. What is not a file is none, and is left alone.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<Blob>> {
        let listing = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing?,
        };
        let mut blobs = Vec::new();
        for item in listing {
            let item = item?;
            // One that is gone again by now was removed by another process.
            let (Ok(name), Ok(metadata)) = (item.file_name().into_string(), item.metadata()) else { continue };
            if metadata.is_file() && !name.starts_with(UNFINISHED) {
                blobs.push(Blob { name, bytes: taken(&metadata), used: metadata.modified()? });
            }
        }
        Ok(blobs)
    }

    /// Removes all blobs and what killed processes have left.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        self.list()?.iter().try_for_each(|blob| self.remove(&blob.name))?;
        match self.sweep() {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes unfinished blobs that nobody writes any more. As long as what is returned lives, nobody else begins one.
    fn sweep(&self) -> io::Result<File> {
        let alone = self.alone()?;
        for item in fs::read_dir(&self.directory)?.flatten() {
            let is_unfinished = item.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
            if is_unfinished && !is_written(&item.path()) {
                remove(&item.path())?;
            }
        }
        Ok(alone)
    }

    fn make_room(&self, bytes: u64, name: &str) -> io::Result<()> {
        let mut others = self.list()?;
        others.retain(|blob| blob.name != name);
        others.sort_by_key(|blob| std::cmp::Reverse(blob.used));
        let mut sum = bytes;
        for blob in others {
            sum = sum.saturating_add(blob.bytes);
            if sum > self.limit {
                self.remove(&blob.name)?;
            }
        }
        Ok(())
    }

    fn alone(&self) -> io::Result<File> {
        let directory = File::open(&self.directory)?;
        directory.lock()?;
        Ok(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Unfinished {
    /// The file that is written.
    pub fn as_file(&self) -> &File {
        self.0.as_file()
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What is not a file is written by nobody.
fn is_written(path: &Path) -> bool {
    match open_regular(path) {
        Ok(file) => file.try_lock().is_err(),
        Err(error) => error.kind() != ErrorKind::InvalidData,
    }
}

/// Bytes on the disk, which a file with holes takes less of than it is long. A file system may not have given the last ones yet.
fn taken(metadata: &fs::Metadata) -> u64 {
    metadata.blocks() * 512
}

/// Another process may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::IsADirectory => fs::remove_dir_all(path),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
