//! A folder, and the object store behind it. Above [`crate::Folder`]; nothing here blocks the thread that polls it.
//!
//! | | only a folder | with an object store behind it |
//! | --- | --- | --- |
//! | opened | the file | the file; if there is none, the object is fetched into the folder first |
//! | kept | in the folder | in the folder, then in the object store |
//! | removed, listed | the folder's | both; the object store's |
//!
//! An object has the blob's name below a prefix. Nothing is ever read from the object store that the folder has, so a blob must not
//! change under its name, except from a damaged one to a whole one.

use std::fs::File;
use std::io::{self, ErrorKind, Seek};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

use crate::folder::{Folder, UnfinishedBlob};

/// Blobs of one kind.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: Folder,
    shared: Option<Shared>,
}

/// What several machines share.
#[derive(Clone, Debug)]
struct Shared {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl From<Folder> for Blobs {
    fn from(folder: Folder) -> Self {
        Self { folder, shared: None }
    }
}

impl Blobs {
    /// Puts an object store behind the folder, whose objects have names below a prefix.
    #[must_use]
    pub fn shared_in(self, objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { shared: Some(Shared { objects, prefix: Path::from(prefix) }), ..self }
    }

    /// Blobs of the same kind, in a directory of the folder and below its name in the object store.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let shared = self.shared.clone().map(|shared| Shared { prefix: shared.prefix.join(name), ..shared });
        Self { folder: self.folder.child(name), shared }
    }

    /// The folder, for work that is done where it may block.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Opens a blob; none where there is none.
    ///
    /// # Errors
    /// When what is there cannot be read, or the object store fails.
    pub async fn open(&self, name: &str) -> io::Result<Option<File>> {
        match (self.open_local(name).await?, &self.shared) {
            (None, Some(shared)) if self.fetch(shared, name).await? => self.open_local(name).await,
            (found, _) => Ok(found),
        }
    }

    /// True if there is a blob of this name.
    ///
    /// # Errors
    /// When the object store fails.
    pub async fn contains(&self, name: &str) -> io::Result<bool> {
        let (folder, local) = (self.folder.clone(), name.to_owned());
        let is_here = blocking(move || Ok(folder.contains(&local))).await?;
        match &self.shared {
            Some(shared) if !is_here => Ok(found(shared.objects.head(&shared.path(name)).await)?.is_some()),
            _ => Ok(is_here),
        }
    }

    /// Keeps what was begun in the folder.
    ///
    /// # Errors
    /// When the disk fails, or the object store does. In the latter case the folder has it.
    pub async fn keep(&self, unfinished: UnfinishedBlob, name: &str) -> io::Result<()> {
        let content = unfinished.as_file().try_clone()?;
        self.keep_local(unfinished, name).await?;
        match &self.shared {
            Some(shared) => shared.put(content, name).await,
            None => Ok(()),
        }
    }

    /// Removes a blob, if there is one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        let (folder, local) = (self.folder.clone(), name.to_owned());
        blocking(move || folder.remove(&local)).await?;
        match &self.shared {
            Some(shared) => found(shared.objects.delete(&shared.path(name)).await).map(drop),
            None => Ok(()),
        }
    }

    /// The names of all blobs, in no order.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn names(&self) -> io::Result<Vec<String>> {
        match &self.shared {
            Some(shared) => shared.names().await,
            None => {
                let folder = self.folder.clone();
                Ok(blocking(move || folder.list()).await?.into_iter().map(|blob| blob.name).collect())
            }
        }
    }

    async fn open_local(&self, name: &str) -> io::Result<Option<File>> {
        let (folder, name) = (self.folder.clone(), name.to_owned());
        blocking(move || folder.open(&name)).await
    }

    async fn keep_local(&self, unfinished: UnfinishedBlob, name: &str) -> io::Result<()> {
        let (folder, name) = (self.folder.clone(), name.to_owned());
        blocking(move || folder.keep(unfinished, &name)).await
    }

    /// Brings an object into the folder, if there is one.
    async fn fetch(&self, shared: &Shared, name: &str) -> io::Result<bool> {
        let Some(object) = found(shared.objects.get(&shared.path(name)).await)? else { return Ok(false) };
        // An attacker who can write to the object store must not fill the disk.
        if object.meta.size > self.folder.limit() {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("{name} has {} bytes", object.meta.size)));
        }
        let folder = self.folder.clone();
        let unfinished = blocking(move || folder.begin()).await?;
        let mut file = tokio::fs::File::from_std(unfinished.as_file().try_clone()?);
        let mut content = object.into_stream();
        while let Some(part) = content.next().await {
            file.write_all(&part?).await?;
        }
        file.flush().await?;
        self.keep_local(unfinished, name).await?;
        Ok(true)
    }
}

impl Shared {
    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// In parts, so that one that is large takes little memory.
    async fn put(&self, mut content: File, name: &str) -> io::Result<()> {
        content.rewind()?;
        let mut object = BufWriter::new(self.objects.clone(), self.path(name));
        match tokio::io::copy(&mut tokio::fs::File::from_std(content), &mut object).await {
            Ok(_) => object.shutdown().await,
            Err(error) => {
                // Parts that were sent would stay, and be paid for.
                let _ = object.abort().await;
                Err(error)
            }
        }
    }

    async fn names(&self) -> io::Result<Vec<String>> {
        let objects: Vec<_> = self.objects.list(Some(&self.prefix)).try_collect().await?;
        let below = objects.iter().filter_map(|object| {
            let mut parts = object.location.prefix_match(&self.prefix)?;
            // What is deeper is another kind's.
            parts.next().filter(|_| parts.next().is_none())
        });
        Ok(below.map(|name| name.as_ref().to_owned()).collect())
    }
}

/// None where there is no such object.
fn found<T>(answer: object_store::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        answer => Ok(Some(answer?)),
    }
}

/// Runs what may block on a thread where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
