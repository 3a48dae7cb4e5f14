//! The stored consent of a registration: the options that its component declared, and the access that a person agreed to.
//!
//! A custom component is not called for its description again until it is replaced, since it could give another one. A built-in component
//! is trusted, and described again when another version of Forgeport contains another version of it.

use crate::{Result, Service, ServiceError, provider::Described};
use forgeport_components::built_in;
use forgeport_model::{Access, AuditAction, ComponentSource, OptionDefinition, OptionValue, Options};
use forgeport_store::{CodeRepository, Consent, StoreError, StoredOption};
use zeroize::Zeroizing;

/// Stands for the value of a secret where it only matters that there is one.
const UNREAD: &str = "(not read)";

impl Service {
    /// A registration that can be used, with its consent.
    ///
    /// # Errors
    /// When no consent is stored, or a built-in provider has another component now that does not accept the stored options.
    pub(crate) async fn consented(&self, repository: CodeRepository) -> Result<(CodeRepository, Consent)> {
        let Some(consent) = repository.consent.clone() else {
            return Err(ServiceError::NoConsent(repository.name));
        };
        let is_another = match &repository.provider.source {
            ComponentSource::File(_) => false,
            ComponentSource::BuiltIn(name) => *built_in(name)?.digest() != repository.provider.digest,
        };
        if is_another { self.described_anew(repository).await } else { Ok((repository, consent)) }
    }

    async fn described_anew(&self, mut repository: CodeRepository) -> Result<(CodeRepository, Consent)> {
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
            // The next command describes it again.
            Err(error) => {
                tracing::debug!(%error, "what the built-in provider says now could not be stored");
                Ok((repository, consent))
            }
        }
    }
}

/// The options of a registration without the values of secrets, for decisions that do not need them.
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

/// Options that were stored in clear and are secret now.
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
