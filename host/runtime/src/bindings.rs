//! The interface's generated bindings, and the only place where their types become the host's and back.

use crate::error::{CallError, ProviderError};
use forgeport_egress::LONGEST_WAIT;
use forgeport_model::{self as model, Commit, Identity};
use std::time::Duration;

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "code-provider",
    imports: { default: async | trappable },
    exports: { default: async },
    with: { "forgeport:code-repository/checkout.directory": crate::download::Directory },
});

pub(crate) use exports::forgeport::code_repository::provider as wit;
pub(crate) use forgeport::code_repository::{checkout, http, log};

impl From<wit::Identity> for Identity {
    fn from(from: wit::Identity) -> Self {
        let wit::Identity { account, repository, default_branch } = from;
        Identity { account, repository, default_branch }
    }
}

impl TryFrom<wit::Commit> for Commit {
    type Error = CallError;

    fn try_from(from: wit::Commit) -> Result<Self, CallError> {
        for id in std::iter::once(&from.id).chain(&from.tree) {
            let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if !is_id {
                let why = format!("the provider gave {id:?} as an object's id, which is no full id in lower-case hex");
                return Err(ProviderError::Other(why).into());
            }
        }
        Ok(Commit { id: from.id, tree: from.tree })
    }
}

impl From<wit::Error> for ProviderError {
    fn from(from: wit::Error) -> Self {
        match from {
            wit::Error::Unauthorized(text) => ProviderError::Unauthorized(text),
            wit::Error::Forbidden(text) => ProviderError::Forbidden(text),
            wit::Error::NotFound(text) => ProviderError::NotFound(text),
            wit::Error::RateLimited((message, after)) => {
                let wait = |seconds| Duration::from_secs(seconds).min(LONGEST_WAIT);
                ProviderError::RateLimited { message, retry_after: after.map(wait) }
            }
            wit::Error::InvalidOption((name, why)) => ProviderError::InvalidOption { name, why },
            wit::Error::Unsupported(text) => ProviderError::Unsupported(text),
            wit::Error::Unavailable(text) => ProviderError::Unavailable(text),
            wit::Error::Host(text) => ProviderError::Host(text),
            wit::Error::Other(text) => ProviderError::Other(text),
        }
    }
}

impl From<wit::Description> for model::Description {
    fn from(from: wit::Description) -> Self {
        model::Description {
            name: from.name,
            version: from.version,
            summary: from.summary,
            options: from.settings.into_iter().map(Into::into).collect(),
            needs: from.needs.into_iter().map(Into::into).collect(),
            credentials: from.credentials.into_iter().map(Into::into).collect(),
            remote_hosts: from.remote_hosts,
        }
    }
}

// `option` is a keyword of WIT, so an option is a `setting` there.
impl From<wit::Setting> for model::OptionDefinition {
    fn from(from: wit::Setting) -> Self {
        let wit::Setting { name, help, required, secret, default } = from;
        model::OptionDefinition { name, help, required, secret, default }
    }
}

impl From<wit::Need> for model::Need {
    fn from(from: wit::Need) -> Self {
        let conditions = from.conditions.into_iter().map(Into::into).collect();
        model::Need { origin: from.origin, methods: from.methods, paths: from.paths, conditions }
    }
}

impl From<wit::Credential> for model::CredentialRule {
    fn from(from: wit::Credential) -> Self {
        let conditions = from.conditions.into_iter().map(Into::into).collect();
        let placement = from.placement.into();
        model::CredentialRule { option: from.setting, origin: from.origin, placement, conditions }
    }
}

impl From<http::Placement> for model::Placement {
    fn from(from: http::Placement) -> Self {
        match from {
            http::Placement::Bearer => model::Placement::Bearer,
            http::Placement::Basic(username) => model::Placement::Basic(username),
            http::Placement::Header(name) => model::Placement::Header(name),
        }
    }
}

impl From<wit::Condition> for model::Condition {
    fn from(from: wit::Condition) -> Self {
        match from {
            wit::Condition::Given(name) => model::Condition::Given(name),
            wit::Condition::Absent(name) => model::Condition::Absent(name),
            wit::Condition::Equals((name, value)) => model::Condition::Equals(name, value),
            wit::Condition::StartsWith((name, start)) => model::Condition::StartsWith(name, start),
        }
    }
}
