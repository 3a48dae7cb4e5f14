//! The values of one secret.

use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The values of a secret by their keys.
pub type SecretValues = BTreeMap<String, Zeroizing<String>>;
