//! Registering a code repository in two steps: a plan, so that a person can consent to it, and its application.

use crate::{
    Result, Service, ServiceError, api,
    audited::{AuditedPlan, named, newly_granted},
    consent::{check_still_secret, now_secret},
    provider::Described,
    renamed::Renamed,
};
use forgeport_model::{
    Access, AuditAction, CallOf, ComponentSource, Description, Digest, Grant, Grants, Identity, Limit, Limits,
    OptionValue, Options, OriginPattern, SecretReference, normalise_name,
};
use forgeport_runtime::Provider;
use forgeport_store::{CodeRepository, Consent, StoredOption, check_code_repository_name};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A code repository that is to be registered.
pub struct Registration {
    /// Unique.
    pub name: String,
    /// The source of the provider's component.
    pub source: ComponentSource,
    /// The options as given: values, or references to secrets.
    pub options: Vec<(String, OptionValue)>,
    /// A text for people.
    pub description: Option<String>,
    /// The grants and limits that the person gives.
    pub grant_options: GrantOptions,
}

/// `--grant`, `--allow-private` and `--limit`.
#[derive(Clone, Debug, Default)]
pub struct GrantOptions {
    /// Origins that are granted; an empty list grants everything that is requested, after consent.
    pub grant: Vec<String>,
    /// Origins that may be on this machine or in a private network; an empty text means all that are requested.
    pub allow_private: Vec<String>,
    /// Limits as `memory=512MiB`, or `memory=default`.
    pub limits: Vec<String>,
}

/// A registration or an update that was checked against the provider's description. Nothing was sent to the network or stored yet.
pub struct Plan {
    pub(crate) repository: CodeRepository,
    pub(crate) described: Described,
    /// The consent that is stored.
    pub(crate) agreed: Consent,
    pub(crate) options: Options,
    /// Literal credentials, to be encrypted.
    pub(crate) secrets: Vec<(String, Zeroizing<String>)>,
    pub(crate) consent: bool,
    pub(crate) exists: bool,
    pub(crate) replaced: Option<Replaced>,
    pub(crate) audited: AuditedPlan,
}

/// The component that is replaced, and its access.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// The component.
    pub provider: api::RegisteredProvider,
    /// Its grants.
    pub grants: Grants,
    /// The access that was consented to; none if that was not stored.
    pub access: Option<Access>,
}

/// A code repository that was registered or updated.
pub struct Registered {
    /// As it is registered now.
    pub repository: api::CodeRepository,
    /// The forge's answer to the login.
    pub identity: Identity,
    /// The new name, if the repository was renamed at the forge.
    pub renamed: Option<Renamed>,
}

impl Plan {
    /// The provider's description.
    pub fn description(&self) -> &Description {
        &self.described.description
    }

    /// The digest of the provider's component.
    pub fn digest(&self) -> &Digest {
        self.described.component.digest()
    }

    /// The access that it requests.
    pub fn access(&self) -> &Access {
        &self.agreed.access
    }

    /// The names of the options whose values the provider sees.
    pub fn seen(&self) -> impl Iterator<Item = &str> {
        self.options.plain_values().map(|(name, _)| name)
    }

    /// The access that will be granted.
    pub fn granted(&self) -> &Grants {
        &self.repository.grants
    }

    /// The component that is replaced, if there is one.
    pub fn replaced(&self) -> Option<&Replaced> {
        self.replaced.as_ref()
    }

    /// True if a person has to consent first.
    pub fn needs_consent(&self) -> bool {
        self.consent
    }
}

impl Service {
    /// Checks everything that can be checked without the network.
    ///
    /// # Errors
    /// When the name is taken, the component is not a provider, an option is wrong, or a secret is missing.
    pub async fn plan_registration(&self, registration: Registration) -> Result<Plan> {
        let Registration { name, source, options, description, grant_options } = registration;
        check_code_repository_name(&name)?;
        self.check_free(&name).await?;
        let limits = self.limited(Limits::default().of(CallOf::New), &grant_options.limits)?;
        let described = self.describe_source(&source, &limits).await?;
        let mut repository = CodeRepository::new(&name, source.kind(), described.reference(&source));
        repository.description = description;
        repository.limits = limits;
        let given = split(options)?;
        self.plan(repository, described, given, &grant_options, false).await
    }

    /// Checks the credentials and that the repository can be read, then stores it.
    ///
    /// # Errors
    /// The error of the provider or the forge; then nothing is stored.
    pub async fn apply(&self, plan: Plan) -> Result<Registered> {
        let Plan { mut repository, described, agreed, mut options, secrets, exists, consent, audited, .. } = plan;
        let provider = &described.provider;
        let identity = match self.tried(&repository, &agreed.access, provider, &options).await {
            Err(error) => {
                let made_anew = self.made_anew(&repository, &mut options).await?;
                if made_anew {
                    self.tried(&repository, &agreed.access, provider, &options).await?
                } else {
                    return Err(error);
                }
            }
            Ok(identity) => identity,
        };
        repository.consent = Some(agreed);
        let store = self.store().code_repositories();
        for (name, value) in &secrets {
            let sealed = store.seal(&repository, name, value).await?;
            repository.options.insert(name.clone(), sealed);
        }
        if exists {
            repository = store.update(&repository, described.new_bytes()).await?
        } else {
            store.insert(&repository, described.new_bytes()).await?
        }
        let action = if exists { AuditAction::Updated } else { AuditAction::Registered };
        self.record_plan(&repository, action, audited, consent).await;
        let renamed = self.renamed(&repository, provider, &identity).await;
        Ok(Registered { repository: repository.into(), identity, renamed })
    }

    /// As [`Service::renewing`], for options that are not stored yet. True if there were minted tokens that an origin rejected.
    async fn made_anew(&self, repository: &CodeRepository, options: &mut Options) -> Result<bool> {
        let forgotten = self.forget_unauthorized(repository).await?;
        for setting in &forgotten {
            if let Some(StoredOption::Reference(to)) = repository.options.get(setting) {
                options.renew(setting, self.secret_value(to.name(), to.key()).await?);
            }
        }
        Ok(!forgotten.is_empty())
    }

    async fn tried(
        &self,
        repository: &CodeRepository,
        access: &Access,
        provider: &Provider,
        options: &Options,
    ) -> Result<Identity> {
        let session = self.session(repository, access, provider, options, self.notices.clone()).await?;
        Ok(session.login().await?)
    }

    /// Puts given options into a registration, and checks the whole.
    pub(crate) async fn plan(
        &self,
        mut repository: CodeRepository,
        described: Described,
        given: BTreeMap<String, Given>,
        grant_options: &GrantOptions,
        exists: bool,
    ) -> Result<Plan> {
        let settings = described.description.options.clone();
        given.keys().for_each(|name| drop(repository.options.remove(name)));
        check_still_secret(&repository, &settings)?;
        let mut values = self.option_values(&repository).await?;
        for (name, given) in &given {
            let value = match given {
                Given::Reference(to) => OptionValue::Hidden(self.secret_value(to.name(), to.key()).await?),
                Given::Value(value) => value.clone(),
            };
            values.push((name.clone(), value));
        }
        let options = Options::check(&settings, values)?;
        let access = Access::of(&described.description, &options)?;
        let parts = named("set", given.keys().map(String::as_str)).unwrap_or_default();
        let now_secret = now_secret(&repository, &settings);
        let secrets = stored(&mut repository, given, &options, now_secret);
        let known = exists && repository.consent.as_ref().is_some_and(|before| before.access == access);
        let known = known && access.origins.iter().all(|requested| has(&repository.grants, requested));
        let custom = !repository.provider.source.is_built_in();
        let consent = custom && !known && grant_options.grant.is_empty();
        let granted = granted(&repository.grants, &access.origins, grant_options, exists)?;
        let newly_granted = newly_granted(&repository.grants, &granted, !custom);
        repository.grants = granted;
        let audited = AuditedPlan { parts, newly_granted };
        let agreed = Consent { settings, access };
        Ok(Plan { repository, described, agreed, options, secrets, consent, exists, replaced: None, audited })
    }

    /// Limits with changes, none above the policy's.
    pub(crate) fn limited(&self, mut limits: Limits, changes: &[String]) -> Result<Limits> {
        for text in changes {
            match text.split_once('=') {
                Some((name, "default")) => limits.unset(name.parse::<Limit>()?),
                _ => limits.set_text(text)?,
            }
        }
        limits.check_within(&self.host.policy.limits)?;
        Ok(limits)
    }

    async fn check_free(&self, name: &str) -> Result<()> {
        if self.store().code_repositories().is_taken(name).await? {
            Err(ServiceError::NameTaken(name.to_owned()))
        } else {
            Ok(())
        }
    }
}

/// Puts the given options into a registration; returns the credentials, which have to be encrypted first.
fn stored(
    repository: &mut CodeRepository,
    given: BTreeMap<String, Given>,
    options: &Options,
    mut secrets: Vec<(String, Zeroizing<String>)>,
) -> Vec<(String, Zeroizing<String>)> {
    for (name, given) in given {
        match given {
            Given::Reference(to) => {
                repository.options.insert(name, StoredOption::Reference(to));
            }
            Given::Value(value) if options.is_secret(&name) => secrets.push((name, value.text().clone())),
            Given::Value(value) => {
                repository.options.insert(name, StoredOption::Plain(value.text().to_string()));
            }
        }
    }
    secrets
}

/// The new grants: everything that is requested, or what was granted before and what is named.
fn granted(before: &Grants, requested: &Grants, grant_options: &GrantOptions, exists: bool) -> Result<Grants> {
    let named = requested_origins(&grant_options.grant, requested)?;
    let private = requested_or_all(&grant_options.allow_private, requested)?;
    let all = named.is_empty();
    let is_granted = |grant: &Grant| all || named.contains(&grant.origin) || has(before, grant);
    let left: Vec<String> =
        requested.iter().filter(|grant| !is_granted(grant)).map(|grant| grant.origin.to_string()).collect();
    if !exists && !left.is_empty() {
        return Err(ServiceError::Ungranted(left));
    }
    let with_private = |grant: &Grant| {
        let grant = crate::grants::with_private_of(grant.clone(), before);
        Grant { private: grant.private || private.contains(&grant.origin), ..grant }
    };
    Ok(requested.iter().filter(|grant| is_granted(grant)).map(with_private).collect())
}

/// True if exactly this was granted, private or not.
fn has(granted: &Grants, requested: &Grant) -> bool {
    let same = |grant: &&Grant| {
        grant.origin == requested.origin && grant.methods == requested.methods && grant.paths == requested.paths
    };
    granted.iter().any(|grant| same(&grant))
}

/// As [`requested_origins`]; an empty text means all of them.
fn requested_or_all(texts: &[String], requested: &Grants) -> Result<Vec<OriginPattern>> {
    if texts.iter().any(String::is_empty) {
        Ok(requested.patterns().cloned().collect())
    } else {
        requested_origins(texts, requested)
    }
}

/// The origins that a person named, each of which must be requested.
fn requested_origins(texts: &[String], requested: &Grants) -> Result<Vec<OriginPattern>> {
    let read = |text: &String| {
        let pattern = OriginPattern::parse(text).map_err(|why| ServiceError::Grant { text: text.clone(), why })?;
        if requested.patterns().any(|known| *known == pattern) {
            Ok(pattern)
        } else {
            let requested = requested.patterns().map(ToString::to_string).collect();
            Err(ServiceError::NotRequested { pattern, requested })
        }
    };
    texts.iter().map(read).collect()
}

/// The value of an option, as given.
pub(crate) enum Given {
    Value(OptionValue),
    Reference(SecretReference),
}

/// Separates references from values.
pub(crate) fn split(options: Vec<(String, OptionValue)>) -> Result<BTreeMap<String, Given>> {
    let mut given = BTreeMap::new();
    for (name, value) in options {
        let name = normalise_name(&name);
        let reference = SecretReference::parse(value.text())
            .map_err(|source| ServiceError::Reference { option: name.clone(), source })?;
        let value = reference.map_or(Given::Value(value), Given::Reference);
        if given.insert(name.clone(), value).is_some() {
            return Err(ServiceError::Repeated(name));
        }
    }
    Ok(given)
}
