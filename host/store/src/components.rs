//! The components of custom providers: their bytes, each a blob that is named by its SHA-256, and the options that each declares.
//!
//! Each workspace has its own folder: it cannot see, replace or remove the components of another. Blobs are written and removed only while
//! the workspace's write lock is held. So a component that no registration names is left over from a failure, and is removed.

use crate::{
    db::{Tx, off_thread, values},
    error::{Result, StoreError},
    home,
    names::LOCAL,
    rows::{from_json, json},
};
use forgeport_blobs::{Blobs, Folder, ObjectStore};
use forgeport_model::{Digest, OptionDefinition};
use std::{
    collections::HashSet,
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
};

/// The components of all workspaces.
pub(crate) struct Components(Blobs);

/// Those of one workspace.
pub(crate) struct WorkspaceComponents(Blobs);

impl Components {
    /// In the directory of a store.
    pub(crate) fn beside(store: &Path) -> Components {
        Components(Folder::durable(store.join("providers")).into())
    }

    /// Shares them with other machines.
    pub(crate) fn shared_in(self, objects: Arc<dyn ObjectStore>) -> Components {
        Components(self.0.shared_in(objects, "components"))
    }

    /// Those of a workspace. That of a command line is where it was before there were workspaces.
    pub(crate) fn of(&self, workspace: &str) -> WorkspaceComponents {
        // An id may have any characters.
        let folder = || Digest::of(workspace.as_bytes()).to_string();
        WorkspaceComponents(if workspace == LOCAL { self.0.clone() } else { self.0.child(&folder()) })
    }
}

impl WorkspaceComponents {
    /// The bytes of a component, checked against its digest.
    pub(crate) async fn read(&self, digest: Digest) -> Result<Vec<u8>> {
        let name = name(digest);
        let opened = self.0.open(&name).await.map_err(self.failed("read", &name))?;
        let mut file = opened.ok_or(StoreError::ComponentMissing(digest))?;
        let unreadable = self.failed("read", &name);
        off_thread(move || {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(unreadable)?;
            if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(StoreError::ComponentAltered(digest)) }
        })
        .await
    }

    /// Sees to it that a component is there, from its bytes where they are given. Needs the write lock.
    pub(crate) async fn ensure(&self, digest: Digest, bytes: Option<&[u8]>) -> Result<()> {
        let name = name(digest);
        let Some(bytes) = bytes.map(<[u8]>::to_vec) else {
            let is_there = self.0.contains(&name).await.map_err(self.failed("read", &name))?;
            return if is_there { Ok(()) } else { Err(StoreError::ComponentMissing(digest)) };
        };
        let (folder, failed) = (self.0.folder().clone(), self.failed("write", &name));
        let written = off_thread(move || {
            if Digest::of(&bytes) != digest {
                return Err(StoreError::ComponentAltered(digest));
            }
            home::make(folder.directory())?;
            let written = folder.begin().and_then(|mut blob| blob.write_all(&bytes).map(|()| blob));
            written.map_err(failed)
        })
        .await?;
        self.0.keep(written, &name).await.map_err(self.failed("write", &name))
    }

    /// Removes the components that are not named, and what killed processes have left. Needs the write lock.
    pub(crate) async fn sweep(&self, named: &HashSet<String>) -> Result<()> {
        let (folder, failed) = (self.0.folder().clone(), self.failed("read", ""));
        off_thread(move || folder.remove_left_over().map_err(failed)).await?;
        for name in self.0.names().await.map_err(self.failed("read", ""))? {
            // Whatever else somebody put there stays.
            let digest = name.strip_suffix(ENDING).filter(|digest| digest.parse::<Digest>().is_ok());
            if digest.is_some_and(|digest| !named.contains(digest)) {
                // One that cannot go must not keep the others.
                let _ = self.0.remove(&name).await;
            }
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> StoreError + Send + use<> {
        StoreError::io(doing, &self.0.folder().directory().join(name))
    }
}

/// How the names of components end.
const ENDING: &str = ".wasm";

fn name(digest: Digest) -> String {
    format!("{digest}{ENDING}")
}

/// Keeps what a component says of its options. One that says something else than before has lied once.
pub(crate) async fn describe(
    tx: &Tx<'_>,
    workspace: &str,
    digest: Digest,
    settings: &[OptionDefinition],
) -> Result<()> {
    tx.execute(
        "INSERT INTO component (workspace, digest, settings) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        values![workspace, digest.to_string(), json(&settings)?],
    )
    .await?;
    if self::settings(tx, workspace, digest).await?.as_deref() == Some(settings) {
        return Ok(());
    }
    Err(StoreError::ComponentContradicts(digest))
}

/// The options that a component declared, if a registration of it was consented to.
pub(crate) async fn settings(tx: &Tx<'_>, workspace: &str, digest: Digest) -> Result<Option<Vec<OptionDefinition>>> {
    let query = "SELECT settings FROM component WHERE workspace = $1 AND digest = $2";
    let row = tx.first(query, values![workspace, digest.to_string()]).await?;
    row.map(|row| from_json(&row, "settings")).transpose()
}

/// Forgets what components said that no registration names; returns the digests that some name.
pub(crate) async fn sweep_rows(tx: &Tx<'_>, workspace: &str) -> Result<HashSet<String>> {
    tx.execute(
        "DELETE FROM component WHERE workspace = $1
             AND digest NOT IN (SELECT provider_digest FROM code_repository WHERE workspace = $1)",
        values![workspace],
    )
    .await?;
    let query = "SELECT DISTINCT provider_digest FROM code_repository WHERE workspace = $1";
    tx.query(query, values![workspace]).await?.iter().map(|row| row.get("provider_digest")).collect()
}
