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
use forgeport_model::OptionDefinition;
use forgeport_platform::private;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The digest that a component is known by: its SHA-256 in lower-case hex.
pub fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder of a workspace's components. That of a command line is where it was before there were workspaces.
pub(crate) fn directory(store: &Path, workspace: &str) -> PathBuf {
    let all = store.join("providers");
    // An id may have any characters.
    if workspace == LOCAL { all } else { all.join(digest_of(workspace.as_bytes())) }
}

pub(crate) fn read(directory: &Path, digest: &str) -> Result<Vec<u8>> {
    let bytes = private::read(&path(directory, digest)?)?;
    let bytes = bytes.ok_or_else(|| StoreError::ComponentMissing(digest.to_owned()))?;
    if digest_of(&bytes) == digest { Ok(bytes) } else { Err(StoreError::ComponentAltered(digest.to_owned())) }
}

/// Sees to it that a component is there, from its bytes where they are given. Needs the write lock.
pub(crate) fn ensure(directory: &Path, digest: &str, bytes: Option<&[u8]>) -> Result<()> {
    let path = path(directory, digest)?;
    let Some(bytes) = bytes else {
        return if path.is_file() { Ok(()) } else { Err(StoreError::ComponentMissing(digest.to_owned())) };
    };
    if digest_of(bytes) != digest {
        return Err(StoreError::ComponentAltered(digest.to_owned()));
    }
    home::make(directory)?;
    Ok(private::write(&path, bytes)?)
}

/// Keeps what a component says of its options. One that says something else than before has lied once.
pub(crate) async fn describe(tx: &Tx<'_>, workspace: &str, digest: &str, settings: &[OptionDefinition]) -> Result<()> {
    tx.execute(
        "INSERT INTO component (workspace, digest, settings) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        values![workspace, digest, json(&settings)?],
    )
    .await?;
    if self::settings(tx, workspace, digest).await?.as_deref() == Some(settings) {
        return Ok(());
    }
    Err(StoreError::ComponentContradicts(digest.to_owned()))
}

/// What a component said of its options, if anybody has consented to it.
pub(crate) async fn settings(tx: &Tx<'_>, workspace: &str, digest: &str) -> Result<Option<Vec<OptionDefinition>>> {
    let query = "SELECT settings FROM component WHERE workspace = $1 AND digest = $2";
    let row = tx.first(query, values![workspace, digest]).await?;
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
    name.strip_suffix(".wasm").is_some_and(is_digest) || name.starts_with(private::UNFINISHED)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// Refuses what is no digest: no component has it.
pub(crate) fn check_digest(digest: &str) -> Result<()> {
    if is_digest(digest) { Ok(()) } else { Err(StoreError::ComponentMissing(digest.to_owned())) }
}

/// The file of a digest, which must be one: it becomes part of a path.
fn path(directory: &Path, digest: &str) -> Result<PathBuf> {
    check_digest(digest)?;
    Ok(directory.join(format!("{digest}.wasm")))
}
