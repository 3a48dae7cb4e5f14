//! The audit log: every request that a provider made or tried to make, and every change that a person made.
//!
//! A provider controls the number of its requests: one that repeated a refused request once displaced the records of all other providers,
//! in two calls. So equal refusals are one record with a count, and each registration has its own bound, with refusals apart from sent
//! requests: refusals displace only older refusals of the same registration.

mod filter;
mod intents;
mod records;

pub use filter::AuditFilter;
pub use intents::Intents;

use crate::{
    db::{Scope, off_thread},
    error::{Result, StoreError},
    names::LOCAL,
    parts::Parts,
    view::View,
};
use forgeport_model::AuditRecord;
use records::{append, listed, without_known};
use std::{collections::BTreeMap, fs};

/// Adds records, for any workspace.
pub struct AuditLog<'a>(pub(crate) &'a Parts);

/// The audit log of one workspace.
pub struct Audit<'a>(pub(crate) View<'a>);

impl AuditLog<'_> {
    /// Adds records, each to its workspace, which gives them their sequence: all of a workspace's or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn append(&self, records: &[AuditRecord]) -> Result<()> {
        self.add(records, false).await
    }

    /// The file of requests in flight.
    pub fn intents(&self) -> Intents {
        Intents::new(&self.0.directory)
    }

    /// Adds what processes that have ended left behind; see intents.rs.
    ///
    /// # Errors
    /// When the database cannot be written. It is still there then.
    pub async fn recover(&self) -> Result<()> {
        let directory = self.0.directory.clone();
        for (path, locked) in off_thread(move || Ok(intents::abandoned(&directory))).await? {
            let of = path.clone();
            let left = off_thread(move || intents::records_of(&of)).await?;
            self.add(&left, true).await?;
            off_thread(move || fs::remove_file(&path).map_err(StoreError::io("remove", &path))).await?;
            drop(locked);
        }
        Ok(())
    }

    /// Adds records; of those that may be `known` already, the others.
    async fn add(&self, records: &[AuditRecord], known: bool) -> Result<()> {
        let mut by_workspace: BTreeMap<&str, Vec<&AuditRecord>> = BTreeMap::new();
        for record in records {
            by_workspace.entry(&record.context.workspace).or_default().push(record);
        }
        if records.is_empty() {
            // Whoever adds none finds out whether any could be added.
            self.0.log().write(Scope::Workspace(LOCAL)).await?.commit().await?;
        }
        for (workspace, mut records) in by_workspace {
            let tx = self.0.log().write(Scope::Workspace(workspace)).await?;
            if known {
                records = without_known(&tx, workspace, records).await?;
            }
            append(&tx, workspace, &records).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

impl Audit<'_> {
    /// The records that are wanted, the oldest first, with those of requests that are on their way.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>> {
        let workspace = self.0.workspace;
        let directory = self.0.parts.directory.clone();
        // First, as what has ended meanwhile is in the log by then.
        let mut on_their_way = off_thread(move || intents::all(&directory)).await?;
        on_their_way.retain(|record| record.context.workspace == workspace && filter.takes(record));
        let tx = self.0.parts.log().read(Scope::Workspace(workspace)).await?;
        let mut records = listed(&tx, workspace, filter).await?;
        let more = without_known(&tx, workspace, on_their_way.iter().collect()).await?;
        if !more.is_empty() {
            records.extend(more.into_iter().cloned());
            records.sort_by_key(|record| record.at);
        }
        let most = filter.last.map_or(usize::MAX, |last| last as usize);
        Ok(records.split_off(records.len().saturating_sub(most)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
