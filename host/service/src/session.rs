//! What a call of a provider acts with, put together from a registration.

use crate::{Result, Service, mint::Mint, provider::Loaded};
use forgeport_egress::{Caller, Credential, Notices, Permit, Placeholder, Secret};
use forgeport_grants::{Description, Limit, Needs, Options};
use forgeport_runtime::{Repository, Session};
use forgeport_store::{CodeRepository, StoreError, StoredOption};
use std::{sync::Arc, time::Instant};
use zeroize::Zeroizing;

/// The only workspace of a command line.
pub(crate) const TENANT: &str = "local";

impl Service {
    /// The values of all options, credentials too.
    pub(crate) async fn options(
        &self,
        repository: &CodeRepository,
        description: &Description,
        mint: Mint,
    ) -> Result<Options> {
        let mut given = Vec::new();
        for name in repository.options.keys() {
            let value = self.option_value(repository, name, mint).await?;
            given.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(Options::check(description, given)?)
    }

    pub(crate) async fn option_value(
        &self,
        repository: &CodeRepository,
        name: &str,
        mint: Mint,
    ) -> Result<Option<Zeroizing<String>>> {
        match repository.options.get(name) {
            Some(StoredOption::Reference(to)) => Ok(Some(self.secret_value(to.name(), to.key(), mint).await?)),
            _ => Ok(self.store.code_repositories().value(repository, name)?),
        }
    }

    /// A registered repository, ready to be called; `time` is the limit on how long.
    pub(crate) async fn connect(
        &self,
        repository: &CodeRepository,
        loaded: &Loaded,
        time: Limit,
        notices: Arc<dyn Notices>,
    ) -> Result<Repository> {
        let options = self.options(repository, &loaded.description, Mint::Now).await?;
        let needs = Needs::of(&loaded.description, &options)?;
        self.session(repository, loaded, &options, needs, time, notices)
    }

    pub(crate) fn session(
        &self,
        repository: &CodeRepository,
        loaded: &Loaded,
        options: &Options,
        needs: Needs,
        time: Limit,
        notices: Arc<dyn Notices>,
    ) -> Result<Repository> {
        let limits = repository.limits.within(&self.policy.limits);
        let deadline = Instant::now() + limits.time(time);
        let authority = self.authority(repository, &needs.grants);
        let permit = Permit {
            caller: Arc::new(caller(repository, loaded)),
            credentials: needs.credentials.into_iter().filter_map(|plan| credential(options, plan)).collect(),
            placeholders: options.secrets_given().map(placeholder).collect::<Result<_>>()?,
            notices,
            auditor: self.journal().auditor(),
            ..Permit::new(authority, limits, deadline)
        };
        let values = options.plain_values().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(loaded.provider.repository(Session { gate: self.gate()?, permit, values, time }))
    }
}

fn caller(repository: &CodeRepository, loaded: &Loaded) -> Caller {
    Caller {
        tenant: TENANT.to_owned(),
        repository: repository.name.clone(),
        provider: format!("{} {}", loaded.description.name, loaded.description.version),
        digest: loaded.digest.clone(),
    }
}

fn credential(options: &Options, plan: forgeport_grants::CredentialPlan) -> Option<Credential> {
    let secret: Zeroizing<String> = options.secret(&plan.setting)?.clone();
    let secret = Secret::new(secret);
    Some(Credential { setting: plan.setting, origin: plan.origin, placement: plan.placement, secret })
}

fn placeholder(setting: &str) -> Result<Placeholder> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StoreError::NoRandomness(error.to_string()))?;
    Ok(Placeholder::new(setting.to_owned(), random))
}
