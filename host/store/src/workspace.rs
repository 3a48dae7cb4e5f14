//! A workspace of a store: its registrations, secrets, components and audit records, and no other's.

use crate::{
    audit::Audit,
    code_repositories::CodeRepositories,
    components,
    db::values,
    error::{Result, StoreError},
    secrets::Secrets,
    view::View,
};
use forgeport_model::{Digest, OptionDefinition};

/// A store as one workspace sees it. It costs nothing to make one for each request.
#[derive(Clone, Copy)]
pub struct WorkspaceStore<'a>(pub(crate) View<'a>);

impl<'a> WorkspaceStore<'a> {
    /// The registrations.
    pub fn code_repositories(self) -> CodeRepositories<'a> {
        CodeRepositories(self.0)
    }

    /// The audit log.
    pub fn audit(self) -> Audit<'a> {
        Audit(self.0)
    }

    /// The secrets.
    pub fn secrets(self) -> Secrets<'a> {
        Secrets(self.0)
    }

    /// The bytes of a custom provider's component, checked against its digest.
    ///
    /// # Errors
    /// When no registration of this workspace has it, it is not there, or is not what it was.
    pub async fn component(self, digest: Digest) -> Result<Vec<u8>> {
        let View { parts, workspace } = self.0;
        let query = "SELECT 1 AS found FROM code_repository WHERE workspace = $1 AND provider_digest = $2 LIMIT 1";
        let found = self.0.read().await?.first(query, values![workspace, digest.to_string()]).await?;
        found.ok_or(StoreError::ComponentMissing(digest))?;
        parts.components.of(workspace).read(digest).await
    }

    /// The options that a component declared, if there is a registration of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn component_settings(self, digest: Digest) -> Result<Option<Vec<OptionDefinition>>> {
        components::settings(&self.0.read().await?, self.0.workspace, digest).await
    }
}
