//! Components: the bytes of custom providers', each in a file that is named by its SHA-256, and what each component says of its options.
//!
//! Each workspace has a folder of its own: none sees, replaces or removes what is another's. Files are written and removed only while
//! the workspace's write lock is held. So whatever file no registration names is left over from something that failed, and can go.

use crate::{
    db::{Tx, values},
    error::{Result, StoreError},
    home,
    names::LOCAL,
    rows::{from_json, json},
};
use forgeport_model::{Digest, OptionDefinition};
use forgeport_platform::private;
use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The folder of a workspace's components. That of a command line is where it was before there were workspaces.
pub(crate) fn directory(store: &Path, workspace: &str) -> PathBuf {
    let all = store.join("providers");
    // An id may have any characters.
    if workspace == LOCAL { all } else { all.join(Digest::of(workspace.as_bytes()).to_string()) }
}

pub(crate) fn read(directory: &Path, digest: Digest) -> Result<Vec<u8>> {
    let bytes = private::read(&path(directory, digest))?.ok_or(StoreError::ComponentMissing(digest))?;
    if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(StoreError::ComponentAltered(digest)) }
}

/// Sees to it that a component is there, from its bytes where they are given. Needs the write lock.
pub(crate) fn ensure(directory: &Path, digest: Digest, bytes: Option<&[u8]>) -> Result<()> {
    let path = path(directory, digest);
    let Some(bytes) = bytes else {
        return if path.is_file() { Ok(()) } else { Err(StoreError::ComponentMissing(digest)) };
    };
    if Digest::of(bytes) != digest {
        return Err(StoreError::ComponentAltered(digest));
    }
    home::make(directory)?;
    Ok(private::write(&path, bytes)?)
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

/// What a component said of its options, if anybody has consented to it.
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

/// Removes the files of components that are not named. Needs the write lock.
pub(crate) fn sweep(directory: &Path, named: &HashSet<String>) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io("read", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", directory))?;
        let is_left_over = entry.file_name().to_str().is_some_and(|name| is_ours(name) && !is_named(name, named));
        if is_left_over {
            // One that cannot go must not keep the others.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn is_named(name: &str, named: &HashSet<String>) -> bool {
    name.strip_suffix(".wasm").is_some_and(|digest| named.contains(digest))
}

/// A component, or one that was never written to its end; whatever else somebody put there stays.
fn is_ours(name: &str) -> bool {
    name.strip_suffix(".wasm").is_some_and(|digest| digest.parse::<Digest>().is_ok())
        || name.starts_with(private::UNFINISHED)
}

fn path(directory: &Path, digest: Digest) -> PathBuf {
    directory.join(format!("{digest}.wasm"))
}
