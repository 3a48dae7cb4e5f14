//! The index from a checkout's remote to registrations, so that only a few of many providers are called with the remote.
//!
//! | registration | found by |
//! | --- | --- |
//! | of a built-in provider | the repository's name in its options: it owns no remote whose last part is another name |
//! | of a custom component | the hosts whose remotes it may be given |
//! | of neither kind of clue | every remote |

use crate::{
    code_repository::{CodeRepository, StoredOption},
    db::{Tx, values},
    error::Result,
};
use forgeport_model::RemoteUrl;
use std::collections::BTreeSet;

/// The clue of a registration that is always found.
const ALWAYS: &str = "";

/// Keeps the clues of a registration, in the place of those that it had.
pub(crate) async fn keep(tx: &Tx<'_>, workspace: &str, repository: &CodeRepository) -> Result<()> {
    let id = &repository.id;
    let all = "DELETE FROM remote_clue WHERE workspace = $1 AND code_repository_id = $2";
    tx.execute(all, values![workspace, id]).await?;
    let clues = of_registration(repository).into_iter().map(|clue| values![workspace, clue, id]).collect();
    let one = "INSERT INTO remote_clue (workspace, clue, code_repository_id) VALUES ($1, $2, $3)";
    tx.execute_each(one, clues).await.map(drop)
}

/// The ids of the registrations that may be one of these remotes.
pub(crate) async fn find(tx: &Tx<'_>, workspace: &str, remotes: &[RemoteUrl]) -> Result<BTreeSet<String>> {
    let clues: BTreeSet<String> =
        remotes.iter().flat_map(|remote| [remote.host().to_owned(), of_name(remote.path())]).collect();
    let query = "SELECT code_repository_id FROM remote_clue WHERE workspace = $1 AND clue = $2";
    let mut found = BTreeSet::new();
    for clue in clues.iter().map(String::as_str).chain([ALWAYS]) {
        for row in tx.query(query, values![workspace, clue]).await? {
            found.insert(row.get("code_repository_id")?);
        }
    }
    Ok(found)
}

fn of_registration(repository: &CodeRepository) -> BTreeSet<String> {
    let Some(consent) = &repository.consent else { return BTreeSet::from([ALWAYS.to_owned()]) };
    if !repository.provider.source.is_built_in() {
        return consent.access.remote_hosts.iter().cloned().collect();
    }
    let plain = |option: &StoredOption| match option {
        StoredOption::Plain(text) if !text.contains("://") => Some(of_name(text)),
        _ => None,
    };
    repository.options.values().filter_map(plain).collect()
}

/// The last part of a path; forges take it in any case. No host has a slash in it.
fn of_name(path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    format!("/{}", name.to_ascii_lowercase())
}
