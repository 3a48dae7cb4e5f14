//! The rotation of the master key: the data key of each workspace is wrapped with the new one, and no value is touched. The vault stores the
//! new key in such a way that a killed process leaves the key in use (forgeport-vault, staging.rs).

use crate::{
    db::{Row, Scope, Tx, off_thread, values},
    error::{Result, StoreError},
    home,
    parts::Parts,
};
use forgeport_vault::{KeyId, KeyPlace, MasterKey, Vault, WrappedKey};
use std::sync::Arc;

/// The result of a rotation.
#[derive(Debug)]
pub struct Rotated {
    /// The place of the new key; none if that is the environment, whose variable has to be changed now.
    pub kept_in: Option<KeyPlace>,
    /// How many workspaces' data keys were wrapped anew.
    pub workspaces: usize,
    /// Why something of the old key is left. The store is whole and has its new key; another rotation tries again.
    pub leftovers: Vec<StoreError>,
}

/// A data key as it is kept.
#[derive(Clone)]
pub(crate) struct Kept {
    workspace: String,
    id: String,
    wrapped: WrappedKey,
}

/// The new master key, and the data keys that are wrapped with it, before they are committed.
struct Prepared {
    key: Arc<MasterKey>,
    kept_in: Option<KeyPlace>,
    wrapped: Vec<Kept>,
}

/// Rotates the master key.
pub(crate) async fn rotate(store: &Parts, keep_in: Option<KeyPlace>, given: Option<&str>) -> Result<Rotated> {
    let directory = store.directory.clone();
    off_thread(move || home::make(&directory)).await?;
    let (key, kept_in, workspaces) = match commit(store, keep_in, given).await {
        Ok(committed) => committed,
        Err(error) => {
            // What is left of a key that is not in use goes; where that fails, the next rotation does it.
            let _ = settle(store, None).await;
            return Err(error);
        }
    };
    store.keys.vault.follow(&key, kept_in);
    let settled = settle(store, Some(key.id())).await;
    // What the old key has wrapped goes from the database's free pages.
    let erased = store.database.compact().await;
    let leftovers = [settled, erased].into_iter().filter_map(Result::err).collect();
    Ok(Rotated { kept_in, workspaces, leftovers })
}

/// The data keys of all workspaces as they are kept.
pub(crate) async fn wrapped(tx: &Tx<'_>) -> Result<Vec<Kept>> {
    let query = "SELECT workspace, id, wrapped FROM workspace_key ORDER BY workspace, id";
    let rows = tx.query(query, values![]).await?;
    let kept = |row: &Row| {
        let wrapped = WrappedKey::from_bytes(row.get("wrapped")?);
        Ok(Kept { workspace: row.get("workspace")?, id: row.get("id")?, wrapped })
    };
    rows.iter().map(kept).collect()
}

/// The master key that the data keys are wrapped with; all of them are with the same one.
pub(crate) fn in_use(wrapped: &[Kept]) -> Option<KeyId> {
    wrapped.iter().find_map(|kept| kept.wrapped.master_id())
}

/// The workspaces that have data keys.
async fn workspaces(tx: &Tx<'_>) -> Result<Vec<String>> {
    let mut names: Vec<String> = wrapped(tx).await?.into_iter().map(|kept| kept.workspace).collect();
    names.dedup();
    Ok(names)
}

async fn commit(
    store: &Parts,
    keep_in: Option<KeyPlace>,
    given: Option<&str>,
) -> Result<(Arc<MasterKey>, Option<KeyPlace>, usize)> {
    forget_unused(store).await?;
    let tx = store.database.write(Scope::EveryKey).await?;
    let before = wrapped(&tx).await?;
    let (vault, given) = (store.keys.vault.clone(), given.map(|text| zeroize::Zeroizing::new(text.to_owned())));
    let prepared =
        off_thread(move || prepare(&vault, keep_in, given.as_ref().map(|text| text.as_str()), before)).await?;
    let Prepared { key, kept_in, wrapped } = prepared;
    for Kept { workspace, id, wrapped } in &wrapped {
        tx.execute(
            "UPDATE workspace_key SET wrapped = $3 WHERE workspace = $1 AND id = $2",
            values![workspace, id, wrapped.as_bytes()],
        )
        .await?;
    }
    if wrapped.is_empty() && kept_in.is_some() {
        // No data key will name it, so it counts from when it is in its place, which must be while nobody else can seal.
        let (vault, id) = (store.keys.vault.clone(), key.id());
        off_thread(move || Ok(vault.promote(id)?)).await?;
    }
    tx.commit().await?;
    let mut workspaces: Vec<&String> = wrapped.iter().map(|kept| &kept.workspace).collect();
    workspaces.dedup();
    Ok((key, kept_in, workspaces.len()))
}

/// Makes the new master key, and wraps all data keys with it. A missing or wrong old one is told before anything is written.
fn prepare(vault: &Vault, keep_in: Option<KeyPlace>, given: Option<&str>, before: Vec<Kept>) -> Result<Prepared> {
    let in_use = in_use(&before);
    vault.settle(in_use)?;
    let given = if keep_in.is_none() && vault.is_given() { Some(vault.accept(given, in_use)?) } else { None };
    let old = in_use.map(|id| vault.get(id)).transpose()?;
    let (key, kept_in) = match given {
        Some(key) => (key, None),
        None => {
            let place = keep_in.map_or_else(|| vault.place(), Ok)?;
            (vault.stage(place)?, Some(place))
        }
    };
    let anew = |kept: Kept| {
        let Some(old) = &old else { return Err(StoreError::Corrupt("a data key".to_owned())) };
        let data_key = old.unwrap(&kept.workspace, &kept.wrapped)?;
        Ok(Kept { wrapped: key.wrap(&kept.workspace, &data_key)?, ..kept })
    };
    let wrapped = before.into_iter().map(anew).collect::<Result<_>>()?;
    Ok(Prepared { key, kept_in, wrapped })
}

/// Deletes the data keys of workspaces without sealed values: nobody needs the master key that has wrapped them.
pub(crate) async fn forget_unused(store: &Parts) -> Result<()> {
    let workspaces = workspaces(&store.database.read(Scope::EveryKey).await?).await?;
    for workspace in workspaces {
        let tx = store.database.write(Scope::Workspace(&workspace)).await?;
        if store.keys.forget_unused(&tx, &workspace).await? {
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Finishes what rotations have left, while nobody else writes. `done` is the key of one that was just committed.
async fn settle(store: &Parts, done: Option<KeyId>) -> Result<()> {
    let tx = store.database.write(Scope::EveryKey).await?;
    let wanted = in_use(&wrapped(&tx).await?).or(done);
    let vault = store.keys.vault.clone();
    off_thread(move || Ok(vault.settle(wanted)?)).await
}
