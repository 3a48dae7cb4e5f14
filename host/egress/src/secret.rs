//! Secrets, and where each may be sent. The lowest layer of the gate: everything else here uses these types, and they use nothing of it.
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Secret`] | a value that is wiped from memory, and that no error and no log shows |
//! | [`Credential`] | a secret with the one origin that it is sent to, and its place in a request |

use forgeport_model::{Origin, Placement, holds_for};
use std::fmt;
use zeroize::Zeroizing;

/// A credential's value. It is wiped when dropped, and no output shows it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// A secret with the only place it is sent to.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The option that it was given as.
    pub setting: String,
    /// The only origin.
    pub origin: Origin,
    /// Where in the request, unless the request itself says so.
    pub placement: Placement,
    /// The secret is sent only if it begins with each of these.
    pub beginnings: Vec<String>,
    /// What.
    pub secret: Secret,
}

impl Credential {
    /// The secret is one that this rule of the description is about.
    pub(crate) fn holds(&self) -> bool {
        holds_for(&self.beginnings, self.secret.expose())
    }
}

impl Secret {
    /// Takes a credential's value.
    pub fn new(value: Zeroizing<String>) -> Secret {
        Secret(value)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
