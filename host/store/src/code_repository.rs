//! A registration, as it is kept.

use crate::time::now;
use forgeport_model::{Access, ComponentSource, Digest, Grants, Limits, OptionDefinition, SecretReference};
use forgeport_vault::Sealed;
use std::collections::BTreeMap;

/// A registered code repository. `Debug` shows no credential; it cannot be serialised, so a caller has to choose what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRepository {
    /// A UUID (version 4) in lower case; never changes.
    pub id: String,
    /// Unique.
    pub name: String,
    /// As in `--type`: `github`, `gitlab`, `custom`, ...
    pub kind: String,
    /// In the user's words.
    pub description: Option<String>,
    /// The component that speaks to the forge.
    pub provider: ProviderRef,
    /// By the name that the provider's settings have.
    pub options: BTreeMap<String, StoredOption>,
    /// What a person saw and agreed to; nothing in a registration that was made before this was kept, which cannot be used then.
    pub consent: Option<Consent>,
    /// What the provider may reach.
    pub grants: Grants,
    /// What its calls may use up, where it is not the default.
    pub limits: Limits,
    /// Milliseconds since 1970 (UTC).
    pub created: i64,
    /// Milliseconds since 1970 (UTC); grows with every change, by which changes made at the same time are noticed.
    pub updated: i64,
}

/// What a provider said once, and is held to: it is not asked again, since it might say something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its options, by which is decided what it gets to see. The same for all registrations of a component.
    pub settings: Vec<OptionDefinition>,
    /// What it gets for the options of this registration.
    pub access: Access,
}

/// Which component a registration was made with. Grants belong to this digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRef {
    /// From its description.
    pub name: String,
    /// From its description.
    pub version: String,
    /// What the component is known by.
    pub digest: Digest,
    /// Where the component comes from. The store keeps the component of one that is not built in.
    pub source: ComponentSource,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredOption {
    /// No credential.
    Plain(String),
    /// In a secret.
    Reference(SecretReference),
    /// A credential given as it is; made with [`crate::CodeRepositories::seal`].
    Sealed(Sealed),
}

impl CodeRepository {
    /// A registration with a new id and nothing but what it must have; fill in the rest and insert it.
    pub fn new(name: &str, kind: &str, provider: ProviderRef) -> CodeRepository {
        let created = now();
        CodeRepository {
            id: uuid::Uuid::new_v4().to_string(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            description: None,
            provider,
            options: BTreeMap::new(),
            consent: None,
            grants: Grants::default(),
            limits: Limits::default(),
            created,
            updated: created,
        }
    }
}
