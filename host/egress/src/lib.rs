//! The one gate to the network: every request of every provider goes through [`Gate`], with the [`Permit`] of its call.

pub mod address;
mod audit;
mod blocking;
mod certificates;
mod clients;
mod connect;
mod credential;
mod encodings;
mod error;
mod exits;
mod gate;
mod guard;
mod headers;
mod permit;
mod placeholder;
mod record;
mod redact;
mod redirect;
mod request;
pub mod retry;
mod secret;
mod usage;
mod wait;

pub use audit::{Auditor, Caller, Outcome, Record, Unaudited};
pub use clients::GateSettings;
pub use error::EgressError;
pub use exits::{Answer, Checked, ForDisk, Telling};
pub use gate::Gate;
pub use guard::{AddressRefused, Lookup, SystemLookup};
pub use permit::{KnownForms, Notices, Permit, Quiet, Unauthorized};
pub use placeholder::Placeholder;
pub use request::{Request, SecretUse};
pub use secret::{Credential, Secret};
pub use usage::{Held, Usage};
pub use wait::{LONGEST_WAIT, again};
