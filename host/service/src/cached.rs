//! When a kept download may be served: only while everything holds that it was brought by.
//!
//! A component that had filled the cache with code of its own was believed after it had been replaced, and private code went on being
//! served after its token was taken away. So the name of a kept download holds whatever decides what a forge would answer, and whether it
//! would be asked at all; when any of it changes, there is no such download. No value of a credential is in it: tokens that are minted
//! change each hour, and what they are made from counts in their place.

use crate::{Result, Service};
use forgeport_model::{Access, Digest, Grant, Grants, Options};
use forgeport_store::{CodeRepository, Consent, StoreError, StoredOption};
use serde::Serialize;

/// The way by which code comes.
#[derive(Serialize)]
struct Way<'a> {
    /// The registration's id.
    registration: &'a str,
    /// The component's digest.
    component: Digest,
    access: &'a Access,
    granted: &'a Grants,
    /// What the operator allows, as far as it is about what is asked; nothing where there is no policy.
    allowed: Option<Vec<&'a Grant>>,
    /// The options that are no secrets, with defaults.
    options: Vec<(&'a str, &'a str)>,
    credentials: Vec<Given>,
}

/// Which credential it was.
#[derive(Serialize)]
struct Given {
    option: String,
    /// Where it is kept: a reference, or nothing for one that was given as it is.
    reference: Option<String>,
    version: String,
}

impl Service {
    /// Names the way by which the code of a registration comes now. It needs no network, and decrypts nothing.
    ///
    /// # Errors
    /// When a secret is gone.
    pub(crate) async fn source_of(&self, repository: &CodeRepository, consent: &Consent) -> Result<String> {
        let options = Options::check(&consent.settings, crate::consent::unread(repository))?;
        let authority = self.authority(repository, &consent.access.origins);
        let about = |grant: &&Grant| authority.requested.iter().any(|requested| requested.origin.meets(&grant.origin));
        let way = Way {
            registration: &repository.id,
            component: repository.provider.digest,
            access: &consent.access,
            granted: &authority.granted,
            allowed: authority.policy.as_ref().map(|policy| policy.iter().filter(about).collect()),
            options: options.plain_values().collect(),
            credentials: self.given(repository).await?,
        };
        let written = serde_json::to_vec(&way).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Digest::of(&written).to_string())
    }

    async fn given(&self, repository: &CodeRepository) -> Result<Vec<Given>> {
        let mut all = Vec::new();
        for (option, stored) in &repository.options {
            let (reference, version) = match stored {
                StoredOption::Plain(_) => continue,
                StoredOption::Reference(to) => (Some(to.to_string()), self.secret_version(to.name(), to.key()).await?),
                StoredOption::Sealed(sealed) => (None, sealed.version()),
            };
            all.push(Given { option: option.clone(), reference, version });
        }
        Ok(all)
    }
}
