//! The local folder: files that are known by their names, shared by any number of processes of one machine. It blocks; what may wait for
//! it is above it ([`crate::Blobs`]).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use forgeport_platform::{metadata::bytes_on_disk, open_regular, private};
use tempfile::{Builder, NamedTempFile};

/// How the names of unfinished blobs begin.
const UNFINISHED: &str = ".unfinished-";

/// A folder of blobs. It is made with the first blob.
#[derive(Clone, Debug)]
pub struct Folder {
    directory: PathBuf,
    keeping: Keeping,
}

/// What becomes of the blobs of a folder.
#[derive(Clone, Copy, Debug)]
enum Keeping {
    /// They can be made again: what was used least recently is removed beyond so many bytes on the disk.
    Cache(u64),
    /// They must not be lost: each is on the disk before it is kept, and none is removed but by name.
    Durable,
}

/// A blob that is being written. Dropped, it is removed.
#[derive(Debug)]
pub struct UnfinishedBlob(NamedTempFile);

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
    /// A folder of what can be made again, of at most so many bytes on the disk.
    pub fn cache(directory: PathBuf, limit: u64) -> Self {
        Self { directory, keeping: Keeping::Cache(limit) }
    }

    /// A folder of what must not be lost: a blob that was kept is there after a power cut.
    pub fn durable(directory: PathBuf) -> Self {
        Self { directory, keeping: Keeping::Durable }
    }

    /// A folder of the same kind in a directory of this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self { directory: self.directory.join(name), keeping: self.keeping }
    }

    /// Where the folder is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes that it may take on the disk.
    pub fn limit(&self) -> u64 {
        match self.keeping {
            Keeping::Cache(limit) => limit,
            Keeping::Durable => u64::MAX,
        }
    }

    /// Opens a blob and notes that it was used; none where there is none.
    ///
    /// # Errors
    /// When there is something that is not a regular file ([`ErrorKind::InvalidData`]), or that cannot be read.
    pub fn open(&self, name: &str) -> io::Result<Option<File>> {
        let file = match open_regular(&self.path(name)?) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if let Keeping::Cache(_) = self.keeping {
            // Where that cannot be noted, the blob is removed a little earlier than others.
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(Some(file))
    }

    /// True if there is a blob of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| path.exists())
    }

    /// Begins a blob, and removes what killed processes have left.
    ///
    /// # Errors
    /// When the disk does not give a file.
    pub fn begin(&self) -> io::Result<UnfinishedBlob> {
        private::directory(&self.directory).map_err(|error| error.source)?;
        // Whoever sweeps must not see a file that is made and not locked yet.
        let _alone = self.sweep()?;
        let unfinished = Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        unfinished.as_file().lock()?;
        Ok(UnfinishedBlob(unfinished))
    }

    /// Keeps a blob under a name, in the place of one that has it. In a cache, what was used least recently is removed until all that is
    /// left is within the limit; the new blob stays in any case, since it would be made again each time.
    ///
    /// # Errors
    /// When the disk fails. What was there before is there still.
    pub fn keep(&self, unfinished: UnfinishedBlob, name: &str) -> io::Result<()> {
        if let Keeping::Durable = self.keeping {
            unfinished.as_file().sync_all()?;
        }
        let alone = self.alone()?;
        if let Keeping::Cache(limit) = self.keeping {
            self.make_room(bytes_on_disk(&unfinished.as_file().metadata()?), limit, name)?;
        }
        unfinished.0.persist(self.path(name)?)?;
        if let Keeping::Durable = self.keeping {
            // The name, too.
            alone.sync_all()?;
        }
        Ok(())
    }

    /// Removes a blob, if there is one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        remove(&self.path(name)?)
    }

    /// All blobs, in no order. Other things that are not directories are listed too, since they take room.
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
            if !metadata.is_dir() && !name.starts_with(UNFINISHED) {
                blobs.push(Blob { name, bytes: bytes_on_disk(&metadata), used: metadata.modified()? });
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
        self.remove_left_over()
    }

    /// Removes what killed processes have left. To begin a blob does that as well.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove_left_over(&self) -> io::Result<()> {
        match self.sweep() {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes unfinished blobs whose writers have ended. While the returned lock is held, no other process begins a blob.
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

    fn make_room(&self, bytes: u64, limit: u64, name: &str) -> io::Result<()> {
        let mut others = self.list()?;
        others.retain(|blob| blob.name != name);
        others.sort_by_key(|blob| std::cmp::Reverse(blob.used));
        let mut sum = bytes;
        for blob in others {
            sum = sum.saturating_add(blob.bytes);
            if sum > limit {
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

    /// A name that would lead elsewhere, or to what is being written, is none.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_one = Path::new(name).file_name().is_some_and(|last| last == name) && !name.starts_with(UNFINISHED);
        if is_one {
            Ok(self.directory.join(name))
        } else {
            Err(io::Error::new(ErrorKind::InvalidInput, "no name of a blob"))
        }
    }
}

impl UnfinishedBlob {
    /// The file that is written.
    pub fn as_file(&self) -> &File {
        self.0.as_file()
    }
}

impl Write for UnfinishedBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// False for anything that is not a regular file.
fn is_written(path: &Path) -> bool {
    match open_regular(path) {
        Ok(file) => file.try_lock().is_err(),
        Err(error) => error.kind() != ErrorKind::InvalidData,
    }
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
