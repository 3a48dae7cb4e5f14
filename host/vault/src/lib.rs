//! Keys, and the values that are encrypted with them.
//!
//! Credentials are kept on a disk that others may read: a copy, a backup, a database server. This crate is the layer between the store, which
//! keeps rows, and the cipher. It contains no SQL, and does not depend on which rows there are.
//!
//! | key | how many | where it is kept | what it does |
//! | --- | --- | --- | --- |
//! | master key | one | the environment, a file or the keyring: [`Vault`] | wraps the data keys |
//! | data key | one for each workspace | in the store, wrapped: [`WrappedKey`] | seals values: [`Sealed`] |
//!
//! A change of the master key wraps each data key anew, and touches no value. Every encrypted value is bound to its place
//! ([`Place`]), so an attacker who can write to the store cannot exchange values.
//!
//! ```
//! use forgeport_vault::{DataKey, KeySource, Place, SystemKeyring, Vault, WrappedKey};
//!
//! # let directory = tempfile::tempdir()?;
//! let vault = Vault::new(KeySource::File, directory.path(), Box::new(SystemKeyring));
//! let wrapped = vault.make()?.wrap("workspace-1", &DataKey::generate()?)?;
//! let row = wrapped.as_bytes().to_vec(); // kept by the store
//!
//! let wrapped = WrappedKey::from_bytes(row);
//! let master_id = wrapped.master_id().ok_or("no wrapped key")?;
//! let data_key = vault.get(master_id)?.unwrap("workspace-1", &wrapped)?;
//!
//! let place = Place { workspace: "workspace-1", table: "secret_value", row: "7", key: "token", shown: "the token" };
//! let sealed = data_key.seal(&place, "hunter2")?;
//! assert_eq!(*data_key.open(&place, &sealed)?, "hunter2");
//! assert!(data_key.open(&Place { row: "8", ..place }, &sealed).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod envelope;
mod error;
pub mod former;
mod key_file;
mod key_id;
mod key_text;
mod keyring;
mod master_key;
mod place;
mod raw_key;
mod sealed;
mod source;
mod staging;
mod vault;

pub use error::VaultError;
pub use key_id::KeyId;
pub use keyring::{Keyring, KeyringError, SystemKeyring};
pub use master_key::{MasterKey, WrappedKey};
pub use place::{MAX_VALUE_LENGTH, Place};
pub use sealed::{DataKey, Sealed};
pub use source::{KeyPlace, KeySource};
pub use vault::Vault;
