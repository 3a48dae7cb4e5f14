//! The store: code repositories, secrets, the components of custom providers, and the audit log, each in a workspace.
//!
//! Layer: below the use cases, above the databases. A [`Store`] is opened once; [`Store::in_workspace`] gives access to one workspace.
//!
//! | what | on a machine of one user | on a server |
//! | --- | --- | --- |
//! | registrations, secrets, wrapped keys | `forgeport.db` (SQLite) with its sum, see sum.rs | PostgreSQL |
//! | the audit log | `audit.db` | the same database |
//! | requests in flight | `requests`, see audit/intents.rs | the same, on each machine |
//! | components | `providers/<sha256>.wasm` | the same, in a folder for each workspace; an object store, where one is given |
//! | the master key | `key`, the keyring, or the environment, see forgeport-vault | the same |
//!
//! All files are for their owner only. Any number of processes and threads may use a store at once: every change is one transaction, and
//! whatever must not happen twice, such as the making of a key, happens while the one write lock is held. Reading changes no file, and needs
//! no store: where none was made yet, it is empty.
//!
//! The API is async, and blocks no thread of a runtime: what waits for a disk does so on a thread of its own.
//!
//! ```
//! use forgeport_store::{KeySource, LOCAL, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path(), KeySource::File).await?;
//! let values = [("token".to_owned(), "hunter2".to_owned().into())].into();
//! store.in_workspace(LOCAL).secrets().create("forge", &values).await?;
//!
//! assert_eq!(*store.in_workspace(LOCAL).secrets().get("forge", "token").await?, "hunter2");
//! assert!(store.in_workspace("another").secrets().get("forge", "token").await.is_err());
//! # Ok(())
//! # }
//! ```

mod audit;
mod clues;
mod code_repositories;
mod code_repository;
mod components;
mod data_keys;
mod db;
mod error;
mod home;
mod names;
mod parts;
mod rotation;
mod rows;
mod schema;
mod secrets;
mod store;
mod sum;
mod time;
mod upgrade;
mod view;
mod workspace;

pub use audit::{Audit, AuditFilter, AuditLog, Intents};
pub use code_repositories::CodeRepositories;
pub use code_repository::{CodeRepository, Consent, ProviderRef, StoredOption};
pub use error::{DatabaseError, DatabaseErrorKind, StoreError};
pub use forgeport_vault::{
    KeyPlace, KeySource, Keyring, KeyringError, MAX_VALUE_LENGTH, Sealed, SystemKeyring, VaultError,
};
pub use names::{LOCAL, check_code_repository_name, check_secret_key, check_secret_name};
pub use rotation::Rotated;
pub use secrets::{Referrer, SecretInfo, Secrets};
pub use store::Store;
pub use workspace::WorkspaceStore;
