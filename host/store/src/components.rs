//! Components: the bytes of custom providers', each in a file that is named by its SHA-256, and what each component says of its options.
//!
//! Files are written and removed only while the database's write lock is held. So whatever file no registration names is left over
//! from something that failed, and can go.

use crate::{
    Result, StoreError, private,
    rows::{from_json, json},
};
use forgeport_model::OptionDefinition;
use rusqlite::{OptionalExtension, Transaction};
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

pub(crate) fn read(store: &Path, digest: &str) -> Result<Vec<u8>> {
    let path = path(store, digest)?;
    let bytes = private::read(&path).map_err(StoreError::io("read", &path))?;
    let bytes = bytes.ok_or_else(|| StoreError::ComponentMissing(digest.to_owned()))?;
    match digest_of(&bytes) == digest {
        true => Ok(bytes),
        false => Err(StoreError::ComponentAltered(digest.to_owned())),
    }
}

/// Sees to it that a component is there, from its bytes where they are given. Needs the write lock.
pub(crate) fn ensure(store: &Path, digest: &str, bytes: Option<&[u8]>) -> Result<()> {
    let path = path(store, digest)?;
    let Some(bytes) = bytes else {
        return match path.is_file() {
            true => Ok(()),
            false => Err(StoreError::ComponentMissing(digest.to_owned())),
        };
    };
    if digest_of(bytes) != digest {
        return Err(StoreError::ComponentAltered(digest.to_owned()));
    }
    private::directory(&directory(store))?;
    private::write(&path, bytes)
}

/// Keeps what a component says of its options. One that says something else than before has lied once.
pub(crate) fn describe(tx: &Transaction<'_>, digest: &str, settings: &[OptionDefinition]) -> Result<()> {
    tx.execute(
        "INSERT INTO component (digest, settings) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [digest, &json(&settings)?],
    )?;
    match self::settings(tx, digest)?.as_deref() == Some(settings) {
        true => Ok(()),
        false => Err(StoreError::ComponentContradicts(digest.to_owned())),
    }
}

/// What a component said of its options, if anybody has consented to it.
pub(crate) fn settings(tx: &Transaction<'_>, digest: &str) -> Result<Option<Vec<OptionDefinition>>> {
    let mut statement = tx.prepare("SELECT settings FROM component WHERE digest = ?1")?;
    statement.query_row([digest], |row| Ok(from_json(row, "settings"))).optional()?.transpose()
}

/// Removes what no registration names. Needs the write lock.
pub(crate) fn sweep(store: &Path, transaction: &Transaction<'_>) -> Result<()> {
    transaction
        .execute("DELETE FROM component WHERE digest NOT IN (SELECT provider_digest FROM code_repository)", ())?;
    let directory = directory(store);
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io("read", &directory))?,
    };
    let mut statement = transaction.prepare("SELECT DISTINCT provider_digest FROM code_repository")?;
    let named = statement.query_map((), |row| Ok(file_name(&row.get::<_, String>(0)?)))?;
    let named: HashSet<String> = named.collect::<rusqlite::Result<_>>()?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", &directory))?;
        let is_left_over = entry.file_name().to_str().is_some_and(|name| is_ours(name) && !named.contains(name));
        if is_left_over {
            // One that cannot go must not keep the others.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// A component, or one that was never written to its end; whatever else somebody put there stays.
fn is_ours(name: &str) -> bool {
    name.strip_suffix(".wasm").is_some_and(is_digest) || name.starts_with(private::UNFINISHED)
}

fn directory(store: &Path) -> PathBuf {
    store.join("providers")
}

fn file_name(digest: &str) -> String {
    format!("{digest}.wasm")
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// The file of a digest, which must be one: it becomes part of a path.
fn path(store: &Path, digest: &str) -> Result<PathBuf> {
    match is_digest(digest) {
        true => Ok(directory(store).join(file_name(digest))),
        false => Err(StoreError::ComponentMissing(digest.to_owned())),
    }
}
