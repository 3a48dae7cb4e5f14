//! The use cases: registering, describing and downloading code repositories, the status of checkouts, secrets, grants, and the audit log.
//! A command line or a server calls this crate and nothing below it.

mod advised;
mod api;
mod audit_writer;
mod audited;
mod blocking;
mod cache;
mod cached;
mod commit;
mod config;
mod consent;
mod download;
mod error;
mod grants;
mod host;
mod inspect;
mod mint;
mod options;
mod plan_digest;
mod policy;
mod provider;
mod register;
mod renamed;
mod secret_values;
mod secrets;
mod session;
mod source;
mod status;
mod update;

pub use api::{
    Arrival, AuditFilter, CacheUsage, CodeRepository, Consent, Downloaded, Inspection, KeyPlace, Match, Receipt,
    RegisteredOption, RegisteredProvider, RemoteState, Rotated, SecretInfo, Status, Verification, checkout,
};
pub use config::{Config, Home};
pub use download::{DownloadRequest, Observer};
pub use error::ServiceError;
pub use forgeport_components::built_in_names;
pub use forgeport_download::{Deadline, Progress};
pub use forgeport_egress::Notices;
pub use forgeport_model::{
    Access, AuditAction, AuditContext, AuditEvent, AuditRecord, AuditedChange, AuditedRequest, ComponentSource,
    Condition, CredentialPlan, Description, Digest, Grant, Grants, Identity, Limit, Limits, OptionDefinition,
    OptionValue, OriginPattern, Placement, Policy, RemoteUrl, RepoPath, Scheme, SecretReference, Workspace, deceives,
    escape_untrusted, nearest, normalise_name, some_of,
};
pub use forgeport_runtime::serve_as_child;
pub use forgeport_store::KeySource;
pub use grants::{AccessReport, Explanation};
pub use host::Host;
pub use options::ProviderOptions;
pub use register::{GrantOptions, Plan, Registered, Registration, Replaced};
pub use renamed::Renamed;
pub use secret_values::SecretValues;
pub use source::component_source;
pub use update::{Changes, Update};

use forgeport_download::Cache;
use forgeport_store::WorkspaceStore;
use std::sync::Arc;

type Result<T> = std::result::Result<T, ServiceError>;

/// The use cases in one workspace. It is cheap: a server makes one for each request.
pub struct Service {
    host: Arc<Host>,
    workspace: Workspace,
    notices: Arc<dyn Notices>,
}

impl Service {
    /// Reports waits in every use case, except those that have an observer of their own.
    #[must_use]
    pub fn telling(self, notices: Arc<dyn Notices>) -> Service {
        Service { notices, ..self }
    }

    /// The audit records of requests and changes, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(&self, filter: AuditFilter) -> Result<Vec<AuditRecord>> {
        Ok(self.store().audit().list(&filter.into()).await?)
    }

    /// All code repositories, ordered by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self) -> Result<Vec<CodeRepository>> {
        let stored = self.store().code_repositories().list().await?;
        Ok(stored.into_iter().map(CodeRepository::from).collect())
    }

    /// The code repository that a person means by its name, its id, or the beginning of either.
    ///
    /// # Errors
    /// When there is none, or several.
    pub async fn find(&self, text: &str) -> Result<CodeRepository> {
        Ok(self.find_stored(text).await?.into())
    }

    /// As [`Service::find`], as it is stored.
    pub(crate) async fn find_stored(&self, text: &str) -> Result<forgeport_store::CodeRepository> {
        Ok(self.store().code_repositories().find(text).await?)
    }

    /// Deletes a code repository by its exact name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete(&self, name: &str) -> Result<()> {
        // One that cannot be read can be deleted all the same.
        let known = self.store().code_repositories().get(name).await.ok();
        self.store().code_repositories().delete(name).await?;
        let context = match &known {
            Some(repository) => self.audit_context(repository),
            None => AuditContext { repository: name.to_owned(), ..self.audit_context_of_none() },
        };
        self.record_of(context, AuditAction::Deleted, name, String::new()).await;
        Ok(())
    }

    pub(crate) fn store(&self) -> WorkspaceStore<'_> {
        self.host.store.in_workspace(self.workspace.id())
    }

    pub(crate) fn cache(&self) -> Cache {
        self.host.home.downloads(&self.workspace)
    }
}
