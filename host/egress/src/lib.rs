//! The one gate to the network: every request of every provider goes through [`Gate`], with the [`Permit`] of its call.

mod encodings;
mod error;
mod gate;
mod permit;
mod redact;
pub mod retry;

pub use error::EgressError;
pub use gate::{Answer, Fetched, Gate, GateSettings, Request};
pub use permit::{Credential, Notices, Permit, Quiet, Secret};
pub use redact::{redact, redact_text};
