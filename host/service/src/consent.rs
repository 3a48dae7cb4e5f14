//! What a registration is held to: the options that its component named and the access that a person agreed to, as they were stored.
//!
//! A custom component is not asked again before it is changed: it could say something else. A built-in one is trusted, and asked anew
//! when another Forgeport brings another of its kind.

use crate::{Result, Service, ServiceError, provider::Described};
use forgeport_components::built_in;
use forgeport_model::{Access, AuditAction, ComponentSource, OptionDefinition, OptionValue, Options};
use forgeport_store::{CodeRepository, Consent, StoreError, StoredOption};
use zeroize::Zeroizing;

/// Stands for the value of a secret where only counts that there is one.
const UNREAD: &str = "(not read)";

impl Service {
    /// A registration that can be used, and what it is held to.
    ///
    /// # Errors
    /// When nothing was stored that it could be held to, or a built-in provider has another component now and this cannot have what is
    /// stored.
    pub(crate) async fn consented(&self, repository: CodeRepository) -> Result<(CodeRepository, Consent)> {
        let Some(consent) = repository.consent.clone() else {
            return Err(ServiceError::NoConsent(repository.name));
        };
        let is_another = match &repository.provider.source {
            ComponentSource::File(_) => false,
            ComponentSource::BuiltIn(name) => *built_in(name)?.digest() != repository.provider.digest,
        };
        if is_another { self.asked_anew(repository).await } else { Ok((repository, consent)) }
    }

    async fn asked_anew(&self, mut repository: CodeRepository) -> Result<(CodeRepository, Consent)> {
        let described = self.describe_registered(&repository).await?;
        let Described { description, .. } = &described;
        check_still_secret(&repository, &description.options)?;
        let options = Options::check(&description.options, unread(&repository))?;
        for (name, text) in now_secret(&repository, &description.options) {
            let sealed = self.store().code_repositories().seal(&repository, &name, &text).await?;
            repository.options.insert(name, sealed);
        }
        let access = Access::of(description, &options)?;
        let consent = Consent { settings: description.options.clone(), access };
        repository.provider = described.reference(&repository.provider.source);
        repository.consent = Some(consent.clone());
        match self.store().code_repositories().update(&repository, None).await {
            Ok(stored) => {
                self.record(&stored, AuditAction::Updated, "component of this version of Forgeport".to_owned()).await;
                Ok((stored, consent))
            }
            Err(error @ StoreError::ComponentContradicts(_)) => Err(error.into()),
            // Whoever comes next asks again.
            Err(error) => {
                tracing::debug!(%error, "what the built-in provider says now could not be stored");
                Ok((repository, consent))
            }
        }
    }
}

/// The options of a registration without the values of secrets, for what follows from the others alone.
pub(crate) fn unread(repository: &CodeRepository) -> impl Iterator<Item = (String, OptionValue)> {
    repository.options.iter().map(|(name, stored)| {
        let value = match stored {
            StoredOption::Plain(text) => OptionValue::Typed(Zeroizing::new(text.clone())),
            StoredOption::Reference(_) | StoredOption::Sealed(_) => {
                OptionValue::Hidden(Zeroizing::new(UNREAD.to_owned()))
            }
        };
        (name.clone(), value)
    })
}

/// A stored secret stays one: an option that is no longer secret has to be set again.
pub(crate) fn check_still_secret(repository: &CodeRepository, settings: &[OptionDefinition]) -> Result<()> {
    let hidden = |name: &str| !matches!(repository.options.get(name), None | Some(StoredOption::Plain(_)));
    match settings.iter().find(|setting| !setting.secret && hidden(&setting.name)) {
        Some(OptionDefinition { name: option, .. }) => {
            Err(ServiceError::NoLongerSecret { name: repository.name.clone(), option: option.clone() })
        }
        None => Ok(()),
    }
}

/// Options that were stored as they are and are secrets now.
pub(crate) fn now_secret(
    repository: &CodeRepository,
    settings: &[OptionDefinition],
) -> Vec<(String, Zeroizing<String>)> {
    let plain = |setting: &OptionDefinition| match repository.options.get(&setting.name) {
        Some(StoredOption::Plain(text)) => Some((setting.name.clone(), Zeroizing::new(text.clone()))),
        _ => None,
    };
    settings.iter().filter(|setting| setting.secret).filter_map(plain).collect()
}
