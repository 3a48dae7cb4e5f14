//! A registered code repository, as it is shown.

use forgeport_model::{Access, ComponentSource, Digest, Grants, Limits, OptionDefinition, SecretReference};
use forgeport_store::{ProviderRef, StoredOption};
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::collections::BTreeMap;

/// A registered code repository, without the values of its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    pub provider: RegisteredProvider,
    /// By the names that the provider declares.
    pub options: BTreeMap<String, RegisteredOption>,
    /// The consent of a person; none in a registration of a version that did not store it, which cannot be used before an update.
    pub consent: Option<Consent>,
    /// The access that the provider is granted.
    pub grants: Grants,
    /// The limits of its calls, where they are not the defaults.
    pub limits: Limits,
    /// Milliseconds since 1970 (UTC).
    pub created: i64,
    /// Milliseconds since 1970 (UTC); grows with every change.
    pub updated: i64,
}

/// The component that a code repository was registered with. Grants belong to its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegisteredProvider {
    /// From its description.
    pub name: String,
    /// From its description.
    pub version: String,
    /// The digest of the component.
    pub digest: Digest,
    /// The source of the component.
    pub source: ComponentSource,
}

/// The value of an option, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredOption {
    /// A text that is no secret.
    Plain(String),
    /// The value is in a secret.
    Reference(SecretReference),
    /// The registration has a secret value of its own.
    OwnSecret,
}

/// The consent of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// The options that the provider declared.
    pub settings: Vec<OptionDefinition>,
    /// The access that the provider gets for the options of this registration.
    pub access: Access,
}

impl From<forgeport_store::CodeRepository> for CodeRepository {
    fn from(stored: forgeport_store::CodeRepository) -> CodeRepository {
        let options = stored.options.into_iter().map(|(name, value)| (name, value.into()));
        CodeRepository {
            id: stored.id,
            name: stored.name,
            kind: stored.kind,
            description: stored.description,
            provider: stored.provider.into(),
            options: options.collect(),
            consent: stored.consent.map(Consent::from),
            grants: stored.grants,
            limits: stored.limits,
            created: stored.created,
            updated: stored.updated,
        }
    }
}

impl From<ProviderRef> for RegisteredProvider {
    fn from(stored: ProviderRef) -> RegisteredProvider {
        let ProviderRef { name, version, digest, source } = stored;
        RegisteredProvider { name, version, digest, source }
    }
}

impl From<StoredOption> for RegisteredOption {
    fn from(stored: StoredOption) -> RegisteredOption {
        match stored {
            StoredOption::Plain(text) => RegisteredOption::Plain(text),
            StoredOption::Reference(reference) => RegisteredOption::Reference(reference),
            StoredOption::Sealed(_) => RegisteredOption::OwnSecret,
        }
    }
}

impl From<forgeport_store::Consent> for Consent {
    fn from(stored: forgeport_store::Consent) -> Consent {
        let forgeport_store::Consent { settings, access } = stored;
        Consent { settings, access }
    }
}

/// `{"plain": "text"}`, `{"reference": "{{name.key}}"}` or `{"sealed": true}`.
impl Serialize for RegisteredOption {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            RegisteredOption::Plain(text) => map.serialize_entry("plain", text)?,
            RegisteredOption::Reference(reference) => map.serialize_entry("reference", &reference.to_string())?,
            RegisteredOption::OwnSecret => map.serialize_entry("sealed", &true)?,
        }
        map.end()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_store::{KeySource, Store};
    use serde_json::json;

    const TOKEN: &str = "CANARY-token-7c1e4f0b";

    #[tokio::test]
    async fn of_a_secret_value_an_answer_says_only_that_there_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        let store = store.in_workspace("local").code_repositories();
        let source = ComponentSource::BuiltIn("github".into());
        let provider = ProviderRef { name: "github".into(), version: "1".into(), digest: Digest::of(b""), source };
        let mut repository = forgeport_store::CodeRepository::new("r", "github", provider);
        let sealed = store.seal(&repository, "token", TOKEN).await.unwrap();
        let reference = StoredOption::Reference(SecretReference::parse("{{s.k}}").unwrap().unwrap());
        let options = [("owner", StoredOption::Plain("acme".into())), ("password", reference), ("token", sealed)];
        repository.options.extend(options.map(|(name, value)| (name.to_owned(), value)));
        let answer = CodeRepository::from(repository);
        let shown = serde_json::to_value(&answer).unwrap();
        let options = json!({ "owner": { "plain": "acme" }, "password": { "reference": "{{s.k}}" }, "token": { "sealed": true } });
        assert_eq!(shown["options"], options);
        assert!(!format!("{answer:?} {answer:#?} {shown}").contains("CANARY"));
    }
}
