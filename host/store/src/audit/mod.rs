//! What is remembered of every request that a provider made, or tried to make.
//!
//! A provider decides how much there is to remember: one that asked for what it may not, again and again, once pushed all that was known
//! of the others out of the log, in two calls. So equal refusals are one entry, and each registration has room of its own, for refusals
//! apart from what left: noise pushes out nothing but older noise.

mod records;

use crate::{LOCAL, Result, Store, StoreError, WorkspaceStore, data_keys::off_thread, db::Scope, intents};
use records::{REFUSED, append, listed, without_known};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs};

/// The outcome of a request that is on its way, or was when its process was killed.
pub const IN_FLIGHT: &str = "in-flight";

/// The outcome of an entry that stands for requests which could not be written down.
pub const UNRECORDED: &str = "unrecorded";

/// Where it is written down what providers do, for whichever workspace.
pub struct AuditLog<'a>(pub(crate) &'a Store);

/// What the audit log has of one workspace.
pub struct Audit<'a>(pub(crate) WorkspaceStore<'a>);

/// One request, or several that were refused alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was made, in milliseconds since 1970 (UTC); of several, the first one.
    pub at: i64,
    /// When the last one was made.
    pub until: i64,
    /// How many there were.
    pub count: u64,
    /// The workspace.
    pub tenant: String,
    /// The code repository's id, which no other has. Empty in entries from before Forgeport wrote it down.
    pub registration: String,
    /// The code repository's name at that time.
    pub repository: String,
    /// The provider's name and version.
    pub provider: String,
    /// The SHA-256 of its component.
    pub digest: String,
    /// The method.
    pub method: String,
    /// Where to.
    pub origin: String,
    /// The path; of a query the keys only.
    pub path: String,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// Bytes.
    pub sent: u64,
    /// Bytes.
    pub received: u64,
    /// The names of the secret options that went along.
    pub secrets: Vec<String>,
    /// `answered`, `failed`, `refused`, `in-flight` or `unrecorded`.
    pub outcome: String,
    /// The rule that let it out, or why it did not leave.
    pub rule: String,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this code repository only.
    pub repository: Option<String>,
    /// What there was from this time on, in milliseconds since 1970 (UTC).
    pub since: Option<i64>,
    /// Those that were refused only, and those of which nothing else is known.
    pub refused: bool,
    /// The newest so many.
    pub last: Option<u32>,
}

impl AuditLog<'_> {
    /// Adds entries, each to its workspace: all of a workspace's or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn append(&self, entries: &[AuditEntry]) -> Result<()> {
        self.add(entries, false).await
    }

    /// Where requests are written down before they leave.
    pub fn intents(&self) -> intents::Intents {
        intents::Intents::new(&self.0.directory)
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
        let directory = self.0.store.directory.clone();
        // First, as what has ended meanwhile is in the log by then.
        let mut on_their_way = off_thread(move || intents::all(&directory)).await?;
        on_their_way.retain(|entry| entry.tenant == workspace && filter.takes(entry));
        let tx = self.0.store.log().read(Scope::Workspace(workspace)).await?;
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

impl AuditFilter {
    /// As the database selects.
    fn takes(&self, entry: &AuditEntry) -> bool {
        self.repository.as_ref().is_none_or(|name| *name == entry.repository)
            && self.since.is_none_or(|since| entry.until >= since)
            && (!self.refused || [REFUSED, UNRECORDED].contains(&entry.outcome.as_str()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
