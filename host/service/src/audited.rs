//! Changes that people make are recorded in the audit log, each after it is stored, with names and never with a value of a secret.
//!
//! | use case | action | subject | detail |
//! | --- | --- | --- | --- |
//! | register, update, delete | `registered`, `updated`, `deleted` | the code repository | which options and other parts |
//! | with consent to what the provider requests | `consented` | the code repository | all that is granted |
//! | with other grants that are given | `granted` | the code repository | those |
//! | revoke | `revoked` | the code repository | the origin |
//! | secrets | `secret-created`, `-updated`, `-renamed`, `-deleted` | the secret | keys, the new name, who refers to it |
//! | rotation of the master key | `key-rotated` | the master key | how many data keys were wrapped anew |

use crate::{Service, blocking::blocking};
use forgeport_model::{AuditAction, AuditContext, AuditEvent, AuditRecord, AuditedChange, Grant, Grants};
use forgeport_store::CodeRepository;

/// The changes of a plan, as they are recorded when it is applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditedPlan {
    /// The options and other parts that are set or removed.
    pub(crate) parts: String,
    /// Origins that a person grants and that were not granted before.
    pub(crate) newly_granted: Vec<String>,
}

impl Service {
    /// Records a change of a code repository.
    pub(crate) async fn record(&self, repository: &CodeRepository, action: AuditAction, detail: String) {
        self.record_of(self.audit_context(repository), action, &repository.name, detail).await;
    }

    /// Records a change of a secret.
    pub(crate) async fn record_secret(&self, action: AuditAction, name: &str, detail: String) {
        self.record_of(self.audit_context_of_none(), action, name, detail).await;
    }

    /// Records that a plan was applied, and what a person granted by that.
    pub(crate) async fn record_plan(
        &self,
        repository: &CodeRepository,
        action: AuditAction,
        plan: AuditedPlan,
        consent: bool,
    ) {
        let AuditedPlan { parts, newly_granted } = plan;
        self.record(repository, action, parts).await;
        if consent {
            let all: Vec<String> = repository.grants.iter().map(shown).collect();
            self.record(repository, AuditAction::Consented, all.join(", ")).await;
        } else if !newly_granted.is_empty() {
            self.record(repository, AuditAction::Granted, newly_granted.join(", ")).await;
        }
    }

    /// The change is stored already, so that it cannot fail any more: a record that the log does not take waits beside it.
    pub(crate) async fn record_of(&self, context: AuditContext, action: AuditAction, subject: &str, detail: String) {
        let change = AuditedChange { action, subject: subject.to_owned(), detail };
        let record = AuditRecord::now(context, AuditEvent::Change(change));
        let records = [record];
        let Err(error) = self.host.store.audit().append(&records).await else { return };
        tracing::warn!(%error, "a change is not in the audit log yet; the next command that makes requests puts it there");
        let intents = self.host.store.audit().intents();
        match blocking(move || intents.postpone(&records)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a change is missing from the audit log"),
            Err(error) => tracing::warn!(%error, "a change is missing from the audit log"),
        }
    }
}

/// What a person grants: all of a custom provider's that is new, and of a built-in one what may be private.
pub(crate) fn newly_granted(before: &Grants, after: &Grants, is_built_in: bool) -> Vec<String> {
    let is_new = |grant: &&Grant| {
        let same = |other: &Grant| Grant { private: grant.private, ..other.clone() } == **grant;
        let was_private = before.iter().any(|other| other.origin == grant.origin && other.private);
        (!is_built_in && !before.iter().any(same)) || (grant.private && !was_private)
    };
    after.iter().filter(is_new).map(shown).collect()
}

fn shown(grant: &Grant) -> String {
    let private = if grant.private { " (also private)" } else { "" };
    format!("{}{private}", grant.origin)
}

/// Some names with what was done to them; none where there are no names.
pub(crate) fn named<'n>(done: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() { None } else { Some(format!("{done} {}", names.join(", "))) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
