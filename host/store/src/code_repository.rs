//! A registration, as the store keeps it.

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
    /// The consent of a person; none in a registration of a version that did not store it, which cannot be used before an update.
    pub consent: Option<Consent>,
    /// The access that the provider is granted.
    pub grants: Grants,
    /// The limits of its calls, where they are not the defaults.
    pub limits: Limits,
    /// Milliseconds since 1970 (UTC).
    pub created: i64,
    /// Milliseconds since 1970 (UTC); grows with every change, by which changes made at the same time are noticed.
    pub updated: i64,
}

/// The consent of a person: the options that the provider declared, and its access. It is stored, since the provider could answer otherwise
/// the next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its options, by which is decided what it gets to see. The same for all registrations of a component.
    pub settings: Vec<OptionDefinition>,
    /// The access that it gets for the options of this registration.
    pub access: Access,
}

/// Which component a registration was made with. Grants belong to this digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRef {
    /// From its description.
    pub name: String,
    /// From its description.
    pub version: String,
    /// The digest of the component.
    pub digest: Digest,
    /// The source of the component. The store keeps the component of one that is not built in.
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
