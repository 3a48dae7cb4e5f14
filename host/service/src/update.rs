//! Changing a registration.

use crate::{
    GrantOptions, Plan, Replaced, Result, Service, ServiceError, api,
    audited::{AuditedPlan, named},
    register::split,
};
use forgeport_components::ComponentError;
use forgeport_model::{AuditAction, ComponentSource, Grants, OptionValue, normalise_name};
use forgeport_store::CodeRepository;

/// The changes of an update; the rest stays.
#[derive(Default)]
pub struct Changes {
    /// The new name.
    pub name: Option<String>,
    /// The new description; an empty one removes it.
    pub description: Option<String>,
    /// A new component for a custom provider.
    pub source: Option<ComponentSource>,
    /// Options to set.
    pub set: Vec<(String, OptionValue)>,
    /// Options to remove.
    pub remove: Vec<String>,
    /// The grants and limits that the person gives.
    pub grant_options: GrantOptions,
}

impl Changes {
    fn touch_the_provider(&self) -> bool {
        let granting = !self.grant_options.grant.is_empty() || !self.grant_options.allow_private.is_empty();
        self.source.is_some() || !self.set.is_empty() || !self.remove.is_empty() || granting
    }

    /// The changes, by names: values may be secrets.
    fn parts(&self, former_name: &str) -> String {
        let normalised = |name: &String| normalise_name(name);
        let set: Vec<String> = self.set.iter().map(|(name, _)| normalised(name)).collect();
        let removed: Vec<String> = self.remove.iter().map(normalised).collect();
        let parts = [
            self.name.as_ref().map(|_| format!("renamed from {former_name}")),
            self.description.as_ref().map(|_| "description".to_owned()),
            self.source.as_ref().map(|_| "component".to_owned()),
            named("set", set.iter().map(String::as_str)),
            named("removed", removed.iter().map(String::as_str)),
            named("limits", self.grant_options.limits.iter().map(String::as_str)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// The result of an update.
pub enum Update {
    /// It was done at once; neither provider nor network were needed.
    Done(Box<api::CodeRepository>),
    /// It has to be applied, perhaps with consent.
    Planned(Box<Plan>),
}

impl Service {
    /// Changes name and description at once; plans what needs the provider.
    ///
    /// # Errors
    /// As for registering; and when there is nothing to change, or an option to remove is not set.
    pub async fn update(&self, name: &str, changes: Changes) -> Result<Update> {
        let mut repository = self.store().code_repositories().get(name).await?;
        // Older registrations lack the stored consent, so it is requested now.
        let provider = changes.touch_the_provider() || repository.consent.is_none();
        let parts = changes.parts(name);
        let Changes { name, description, source, set, remove, grant_options } = changes;
        if name.is_none() && description.is_none() && !provider && grant_options.limits.is_empty() {
            return Err(ServiceError::NothingToChange);
        }
        repository.limits = self.limited(repository.limits, &grant_options.limits)?;
        if let Some(name) = name {
            repository.name = name;
        }
        if let Some(text) = description {
            repository.description = Some(text).filter(|text| !text.is_empty());
        }
        if !provider {
            let stored = self.store().code_repositories().update(&repository, None).await?;
            self.record(&stored, AuditAction::Updated, parts).await;
            return Ok(Update::Done(Box::new(stored.into())));
        }
        for option in remove {
            let option = normalise_name(&option);
            if repository.options.remove(&option).is_none() {
                let set = repository.options.keys().cloned().collect();
                return Err(ServiceError::NotSet { option, set });
            }
        }
        let plan = self.plan_update(repository, source, set, &grant_options).await?;
        let audited = AuditedPlan { parts, ..plan.audited };
        Ok(Update::Planned(Box::new(Plan { audited, ..plan })))
    }

    async fn plan_update(
        &self,
        mut repository: CodeRepository,
        source: Option<ComponentSource>,
        set: Vec<(String, OptionValue)>,
        grant_options: &GrantOptions,
    ) -> Result<Plan> {
        let described = match &source {
            Some(ComponentSource::File(_)) if repository.provider.source.is_built_in() => {
                return Err(ComponentError::SourceOfBuiltIn(repository.kind.clone()).into());
            }
            Some(source) => self.describe_source(source, &repository.limits).await?,
            None => self.describe_registered(&repository).await?,
        };
        let source = source.unwrap_or_else(|| repository.provider.source.clone());
        let is_another = !source.is_built_in() && repository.provider.digest != *described.component.digest();
        let mut before = None;
        if is_another {
            before = Some(replaced(&repository));
            // The grants belong to the other component.
            repository.grants = Grants::default();
        }
        repository.provider = described.reference(&source);
        let plan = self.plan(repository, described, split(set)?, grant_options, true).await?;
        Ok(Plan { replaced: before, ..plan })
    }
}

fn replaced(repository: &CodeRepository) -> Replaced {
    let CodeRepository { provider, grants, consent, .. } = repository.clone();
    Replaced { provider: provider.into(), grants, access: consent.map(|consent| consent.access) }
}
