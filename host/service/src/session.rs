//! What a call of a provider acts with, put together from a registration.

use crate::{Result, Service, provider::Loaded};
use forgeport_egress::{Credential, Notices, Permit, Secret};
use forgeport_grants::{Description, Grants, Needs, Options};
use forgeport_runtime::{Repository, Session};
use forgeport_store::CodeRepository;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// How long one call may last, waits included; a download, which may be long, has its own.
pub(crate) const CALL: Duration = Duration::from_secs(60);
/// How long a download may last, waits for rate limits included.
pub(crate) const DOWNLOAD: Duration = Duration::from_secs(30 * 60);
/// Longest answer that is held in memory, in bytes. A listing of 100,000 entries, which is GitHub's largest, has about 30 million.
const BODY: usize = 64 << 20;

impl Service {
    /// The values of all options, credentials too.
    pub(crate) fn options(&self, repository: &CodeRepository, description: &Description) -> Result<Options> {
        let mut given = Vec::new();
        for name in repository.options.keys() {
            let value = self.store.code_repositories().value(repository, name)?;
            given.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(Options::check(description, given)?)
    }

    /// A registered repository, ready to be called.
    pub(crate) fn connect(
        &self,
        repository: &CodeRepository,
        loaded: &Loaded,
        time: Duration,
        notices: Arc<dyn Notices>,
    ) -> Result<Repository> {
        let options = self.options(repository, &loaded.description)?;
        let needs = Needs::of(&loaded.description, &options)?;
        // A built-in provider is granted what this version of it asks; another one what was consented to.
        let grants = match repository.provider.source {
            None => needs.grants.clone(),
            Some(_) => repository.grants.clone(),
        };
        self.session(loaded, &options, needs, grants, time, notices)
    }

    pub(crate) fn session(
        &self,
        loaded: &Loaded,
        options: &Options,
        needs: Needs,
        grants: Grants,
        time: Duration,
        notices: Arc<dyn Notices>,
    ) -> Result<Repository> {
        let credential = |plan: forgeport_grants::CredentialPlan| {
            let secret: Zeroizing<String> = options.secret(&plan.setting)?.clone();
            Some(Credential { origin: plan.origin, placement: plan.placement, secret: Secret::new(secret) })
        };
        let permit = Permit {
            grants,
            credentials: needs.credentials.into_iter().filter_map(credential).collect(),
            deadline: Instant::now() + time,
            body: BODY,
            notices,
        };
        let values = options.plain_values().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let secrets = options.secrets_given().map(str::to_owned).collect();
        Ok(loaded.provider.repository(Session { gate: self.gate()?, permit, values, secrets }))
    }
}
