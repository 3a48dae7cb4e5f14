//! Secrets, as far as they may be shown.

use serde::Serialize;

/// A secret, without values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// Unique.
    pub name: String,
    /// In alphabetical order.
    pub keys: Vec<String>,
    /// Milliseconds since 1970 (UTC).
    pub created: i64,
    /// Milliseconds since 1970 (UTC).
    pub updated: i64,
}

impl From<forgeport_store::SecretInfo> for SecretInfo {
    fn from(stored: forgeport_store::SecretInfo) -> SecretInfo {
        let forgeport_store::SecretInfo { name, keys, created, updated } = stored;
        SecretInfo { name, keys, created, updated }
    }
}
