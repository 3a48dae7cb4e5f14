//! The one gate to the network: every request of every provider goes through [`Gate`], with the [`Permit`] of its call.

pub mod address;
mod audit;
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
mod hop;
mod permit;
mod placeholder;
mod redact;
pub mod retry;
mod usage;

pub use audit::{Auditor, Caller, Outcome, Record, Unaudited};
pub use error::EgressError;
pub use exits::{Answer, Checked, ForDisk, Telling};
pub use gate::{Gate, GateSettings, Request, SecretUse};
pub use guard::{AddressRefused, Lookup, SystemLookup};
pub use permit::{Credential, KnownForms, Notices, Permit, Quiet, Secret, Unauthorized};
pub use placeholder::Placeholder;
pub use redact::redact_text;
pub use usage::{Held, Usage};
