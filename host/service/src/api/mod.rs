//! What callers give to the use cases and get from them, where the crates below have a type of their own for it. So the API stays as it is
//! when a row of the store changes, and no answer has a place for a sealed value.
//!
//! Layer: below the use cases, which translate at their edge; nothing here calls one. The conversions from and to the types below are
//! beside each type. What is serialised here is what the commands print with `--output=json`.
//!
//! Of the crates below, callers see only:
//!
//! | what | why |
//! | --- | --- |
//! | the values of `forgeport-model` | they are the vocabulary of all crates |
//! | `Progress`, `Notices` | traits that the caller implements |
//! | `Deadline` | a handle that the caller holds to stop a download |
//! | `built_in_names`, `serve_as_child` | functions without types of their own |
//! | `KeySource` | a part of the configuration, which the operator's key passes through |
//!
//! A test (tests/e2e/layers.rs) compares this with the code.

mod audit;
mod cache;
pub mod checkout;
mod code_repository;
mod download;
mod inspection;
mod key;
mod secret;
mod status;

pub use audit::AuditFilter;
pub use cache::CacheUsage;
pub use code_repository::{CodeRepository, Consent, RegisteredOption, RegisteredProvider};
pub use download::{Arrival, Downloaded, Receipt, Verification};
pub use inspection::Inspection;
pub use key::{KeyPlace, Rotated};
pub use secret::SecretInfo;
pub use status::{Match, RemoteState, Status};
