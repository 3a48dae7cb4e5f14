//! The session of a provider's calls, made from a registration and its consent.

use crate::{Result, Service};
use forgeport_egress::{Credential, Notices, Placeholder, Secret, Session};
use forgeport_model::{Access, AuditContext, CredentialPlan, OptionDefinition, OptionValue, Options};
use forgeport_runtime::{Connection, Offline, Opening, Provider, Repository};
use forgeport_store::{CodeRepository, Consent, StoreError, StoredOption, VaultError};
use std::sync::Arc;
use zeroize::Zeroizing;

impl Service {
    /// The options of a registration with their values, including credentials, checked against what the provider declared.
    pub(crate) async fn options(&self, repository: &CodeRepository, settings: &[OptionDefinition]) -> Result<Options> {
        Ok(Options::check(settings, self.option_values(repository).await?)?)
    }

    /// The values of the options that a registration has, including credentials.
    pub(crate) async fn option_values(&self, repository: &CodeRepository) -> Result<Vec<(String, OptionValue)>> {
        let mut values = Vec::new();
        for (name, stored) in &repository.options {
            let value = match stored {
                StoredOption::Plain(text) => Some(OptionValue::Typed(Zeroizing::new(text.clone()))),
                StoredOption::Reference(to) => Some(OptionValue::Hidden(self.secret_value(to.name(), to.key()).await?)),
                StoredOption::Sealed(_) => {
                    self.store().code_repositories().value(repository, name).await?.map(OptionValue::Hidden)
                }
            };
            values.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(values)
    }

    /// A registered repository, ready to be called.
    pub(crate) async fn connect(
        &self,
        repository: &CodeRepository,
        consent: &Consent,
        provider: &Provider,
        notices: Arc<dyn Notices>,
    ) -> Result<Repository> {
        let options = self.options(repository, &consent.settings).await?;
        self.session(repository, &consent.access, provider, &options, notices).await
    }

    pub(crate) async fn session(
        &self,
        repository: &CodeRepository,
        access: &Access,
        provider: &Provider,
        options: &Options,
        notices: Arc<dyn Notices>,
    ) -> Result<Repository> {
        let Opening { values, placeholders } = opening(options)?;
        let session = Session {
            context: Arc::new(self.audit_context(repository)),
            credentials: access.credentials.iter().filter_map(|plan| credential(options, plan)).collect(),
            placeholders,
            auditor: self.host.audit_writer().auditor(),
            unauthorized: self.host.unauthorized(&repository.id),
            ..Session::new(self.authority(repository, &access.origins))
        };
        let limits = repository.limits.within(&self.host.policy.limits);
        let (gate, session) = (self.host.gate().await?.clone(), Arc::new(session));
        Ok(provider.repository(Connection { gate, session, values, limits, notices }))
    }

    /// The context of audit records of calls and changes.
    pub(crate) fn audit_context(&self, repository: &CodeRepository) -> AuditContext {
        AuditContext {
            registration: repository.id.clone(),
            repository: repository.name.clone(),
            provider: format!("{} {}", repository.provider.name, repository.provider.version),
            digest: Some(repository.provider.digest),
            ..self.audit_context_of_none()
        }
    }

    /// As [`Service::audit_context`], where no code repository is concerned.
    pub(crate) fn audit_context_of_none(&self) -> AuditContext {
        AuditContext { workspace: self.workspace.id().to_owned(), ..AuditContext::default() }
    }

    /// A registered repository, for calls that need neither network nor secrets; no secret is read.
    pub(crate) fn offline(
        &self,
        repository: &CodeRepository,
        consent: &Consent,
        provider: &Provider,
    ) -> Result<Offline> {
        let options = Options::check(&consent.settings, crate::consent::unread(repository))?;
        Ok(provider.offline(opening(&options)?, repository.limits.within(&self.host.policy.limits)))
    }
}

fn opening(options: &Options) -> Result<Opening> {
    Ok(Opening {
        values: options.plain_values().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        placeholders: options.secrets_given().map(placeholder).collect::<Result<_>>()?,
    })
}

fn credential(options: &Options, plan: &CredentialPlan) -> Option<Credential> {
    let CredentialPlan { option: setting, origin, placement, beginnings } = plan.clone();
    let secret = Secret::new(options.secret(&setting)?.clone());
    Some(Credential { setting, origin, placement, beginnings, secret })
}

fn placeholder(setting: &str) -> Result<Placeholder> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StoreError::from(VaultError::NoRandomness(error.to_string())))?;
    Ok(Placeholder::new(setting.to_owned(), random))
}
