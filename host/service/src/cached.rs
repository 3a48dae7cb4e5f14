//! The name of a kept download, which decides when it may be served.
//!
//! Two failures taught it: a component had filled the cache with code of its own, which was served after the component was replaced; and
//! private code was served after its token was deleted. So the name covers everything that decides whether a forge is contacted and what it
//! would answer; when any of it changes, no download has the new name. The name contains no credential. Minted tokens change every hour, so
//! the values that they are minted with count instead.

use crate::{Result, Service};
use forgeport_model::{Access, Digest, Grant, Grants, Options};
use forgeport_store::{CodeRepository, Consent, StoreError, StoredOption};
use serde::Serialize;

/// Everything that decides what a download would be.
#[derive(Serialize)]
struct Route<'a> {
    /// The registration's id.
    registration: &'a str,
    /// The component's digest.
    component: Digest,
    access: &'a Access,
    granted: &'a Grants,
    /// The part of the operator's policy that concerns what is requested; none without a policy.
    allowed: Option<Vec<&'a Grant>>,
    /// The options that are not secret, with defaults.
    options: Vec<(&'a str, &'a str)>,
    credentials: Vec<CredentialVersion>,
}

/// Which version of a credential is used.
#[derive(Serialize)]
struct CredentialVersion {
    option: String,
    /// The secret that it is in; none if the registration has it itself.
    reference: Option<String>,
    version: String,
}

impl Service {
    /// The name that downloads of a registration have now. It needs no network, and decrypts nothing.
    ///
    /// # Errors
    /// When a secret was deleted.
    pub(crate) async fn source_of(&self, repository: &CodeRepository, consent: &Consent) -> Result<String> {
        let options = Options::check(&consent.settings, crate::consent::unread(repository))?;
        let authority = self.authority(repository, &consent.access.origins);
        let about = |grant: &&Grant| authority.requested.iter().any(|requested| requested.origin.meets(&grant.origin));
        let route = Route {
            registration: &repository.id,
            component: repository.provider.digest,
            access: &consent.access,
            granted: &authority.granted,
            allowed: authority.policy.as_ref().map(|policy| policy.iter().filter(about).collect()),
            options: options.plain_values().collect(),
            credentials: self.credential_versions(repository).await?,
        };
        let written = serde_json::to_vec(&route).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Digest::of(&written).to_string())
    }

    async fn credential_versions(&self, repository: &CodeRepository) -> Result<Vec<CredentialVersion>> {
        let mut all = Vec::new();
        for (option, stored) in &repository.options {
            let (reference, version) = match stored {
                StoredOption::Plain(_) => continue,
                StoredOption::Reference(to) => (Some(to.to_string()), self.secret_version(to.name(), to.key()).await?),
                StoredOption::Sealed(sealed) => (None, sealed.version()),
            };
            all.push(CredentialVersion { option: option.clone(), reference, version });
        }
        Ok(all)
    }
}
