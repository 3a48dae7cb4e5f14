//! The change to a new key.

use crate::{
    KeyPlace, Result, Store, StoreError, code_repositories,
    key::{Key, KeyId, NEW_VARIABLE},
    seal, secrets,
};
use rusqlite::Transaction;
use std::sync::Arc;

/// What a rotation has done.
#[derive(Debug)]
pub struct Rotated {
    /// Where the new key is; none when that is the environment, whose variable has to be changed now.
    pub kept_in: Option<KeyPlace>,
    /// How many values were encrypted anew.
    pub values: usize,
    /// Why something of the old key is left. The store is whole and has its new key; another rotation tries again.
    pub leftovers: Vec<StoreError>,
}

/// The moments of a rotation between which a process may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The new key is kept beside the old one.
    Staged,
    /// The values are encrypted anew, and not committed.
    Resealed,
    /// The values are committed.
    Committed,
    /// The old key is gone from the keyring, if it was there.
    Forgotten,
    /// The new key is in the place of the old one.
    Settled,
    /// What the old key has encrypted is gone from the files.
    Erased,
}

/// Rotates the key; `reached` is told of every step.
pub(crate) fn rotate(
    store: &Store,
    keep_in: Option<KeyPlace>,
    given: Option<&str>,
    reached: &dyn Fn(Step),
) -> Result<Rotated> {
    let committed = store.write(|tx| {
        store.keys.settle(tx, None, &|_| {})?;
        reseal(store, tx, keep_in, given, reached)
    });
    let (key, kept_in, values) = match committed {
        Ok(committed) => committed,
        Err(error) => {
            // What is left of a key that is not in use goes; where that fails, the next rotation does it.
            let _ = store.write(|tx| store.keys.settle(tx, None, &|_| {}));
            return Err(error);
        }
    };
    reached(Step::Committed);
    store.keys.follow(&key, kept_in);
    let settled = store.write(|tx| store.keys.settle(tx, Some(key.id), reached));
    reached(Step::Settled);
    // What the old key has encrypted goes from the database's free pages.
    let erased = store.database.compact();
    reached(Step::Erased);
    Ok(Rotated { kept_in, values, leftovers: [settled, erased].into_iter().filter_map(Result::err).collect() })
}

/// Encrypts everything anew with the new key, in the transaction.
fn reseal(
    store: &Store,
    tx: &Transaction<'_>,
    keep_in: Option<KeyPlace>,
    given: Option<&str>,
    reached: &dyn Fn(Step),
) -> Result<(Arc<Key>, Option<KeyPlace>, usize)> {
    let keys = &store.keys;
    let in_use = seal::key_in_use(tx)?;
    let given = match keep_in.is_none() && keys.is_given() {
        true => Some(parse_given(given, in_use)?),
        false => None,
    };
    // A missing or wrong key is told before anything is written.
    in_use.map(|id| keys.get(id)).transpose()?;
    let (key, kept_in) = match given {
        Some(key) => (keys.remember(key), None),
        None => {
            let place = keep_in.map_or_else(|| keys.place(), Ok)?;
            (keys.stage(place)?, Some(place))
        }
    };
    reached(Step::Staged);
    let values = secrets::reseal(tx, keys, &key)? + code_repositories::reseal(tx, keys, &key)?;
    reached(Step::Resealed);
    if in_use.is_none() && kept_in.is_some() {
        // No value will name the key, so it counts from when it is in its place, which must be while nobody else can seal.
        keys.promote(key.id, reached)?;
    }
    Ok((key, kept_in, values))
}

fn parse_given(given: Option<&str>, in_use: Option<KeyId>) -> Result<Key> {
    let key = Key::parse(given.ok_or(StoreError::NoNewKey)?, NEW_VARIABLE.to_owned())?;
    match Some(key.id) == in_use {
        true => Err(StoreError::SameKey),
        false => Ok(key),
    }
}

#[cfg(test)]
mod crash;
