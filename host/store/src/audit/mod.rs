//! What is remembered of every request that a provider made, or tried to make.
//!
//! A provider decides how much there is to remember: one that asked for what it may not, again and again, once pushed all that was known
//! of the others out of the log, in two calls. So equal refusals are one entry, and each registration has room of its own, for refusals
//! apart from what left: noise pushes out nothing but older noise.

mod entry;
mod intents;
mod records;

pub use entry::{AuditEntry, AuditFilter, IN_FLIGHT, UNRECORDED};
pub use intents::Intents;

use crate::{
    db::{Scope, off_thread},
    error::{Result, StoreError},
    names::LOCAL,
    parts::Parts,
    view::View,
};
use records::{append, listed, without_known};
use std::{collections::BTreeMap, fs};

/// Where it is written down what providers do, for whichever workspace.
pub struct AuditLog<'a>(pub(crate) &'a Parts);

/// What the audit log has of one workspace.
pub struct Audit<'a>(pub(crate) View<'a>);

impl AuditLog<'_> {
    /// Adds entries, each to its workspace: all of a workspace's or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn append(&self, entries: &[AuditEntry]) -> Result<()> {
        self.add(entries, false).await
    }

    /// Where requests are written down before they leave.
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
            let left = off_thread(move || intents::entries_of(&of)).await?;
            self.add(&left, true).await?;
            off_thread(move || fs::remove_file(&path).map_err(StoreError::io("remove", &path))).await?;
            drop(locked);
        }
        Ok(())
    }

    /// Adds entries; of those that may be `known` already, the others.
    async fn add(&self, entries: &[AuditEntry], known: bool) -> Result<()> {
        let mut by_workspace: BTreeMap<&str, Vec<&AuditEntry>> = BTreeMap::new();
        for entry in entries {
            by_workspace.entry(&entry.tenant).or_default().push(entry);
        }
        if entries.is_empty() {
            // Whoever adds none finds out whether any could be added.
            self.0.log().write(Scope::Workspace(LOCAL)).await?.commit().await?;
        }
        for (workspace, mut entries) in by_workspace {
            let tx = self.0.log().write(Scope::Workspace(workspace)).await?;
            if known {
                entries = without_known(&tx, workspace, entries).await?;
            }
            append(&tx, workspace, &entries).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

impl Audit<'_> {
    /// The entries that are wanted, the oldest first, with those of requests that are on their way.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let workspace = self.0.workspace;
        let directory = self.0.parts.directory.clone();
        // First, as what has ended meanwhile is in the log by then.
        let mut on_their_way = off_thread(move || intents::all(&directory)).await?;
        on_their_way.retain(|entry| entry.tenant == workspace && filter.takes(entry));
        let tx = self.0.parts.log().read(Scope::Workspace(workspace)).await?;
        let mut entries = listed(&tx, workspace, filter).await?;
        let more = without_known(&tx, workspace, on_their_way.iter().collect()).await?;
        if !more.is_empty() {
            entries.extend(more.into_iter().cloned());
            entries.sort_by_key(|entry| entry.at);
        }
        let most = filter.last.map_or(usize::MAX, |last| last as usize);
        Ok(entries.split_off(entries.len().saturating_sub(most)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
