//! The system's keyring as a place for the master key: the trait that the vault needs, and its implementation for this system.

use std::error::Error;
use thiserror::Error as ThisError;
use zeroize::Zeroizing;

/// Keeps keys by their ids. Only a vault whose master key is kept in it asks it.
pub trait Keyring: Send + Sync {
    /// Keeps a key, in the place of one with the same id.
    ///
    /// # Errors
    /// When the keyring is locked or not there.
    fn put(&self, id: &str, key: &str) -> Result<(), KeyringError>;

    /// The key of this id, if it is there.
    ///
    /// # Errors
    /// When the keyring is locked or not there.
    fn get(&self, id: &str) -> Result<Option<Zeroizing<String>>, KeyringError>;

    /// Removes a key, if it is there.
    ///
    /// # Errors
    /// When the keyring is locked or not there.
    fn delete(&self, id: &str) -> Result<(), KeyringError>;
}

/// Why a keyring did not answer, in a few words that contain no key.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{0}")]
pub struct KeyringError(pub String);

impl KeyringError {
    /// Takes the first line of an error: what follows is of no help.
    fn from_error(error: &dyn Error) -> KeyringError {
        KeyringError(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

/// The keyring of the user's session: on Linux the Secret Service (org.freedesktop.secrets), over D-Bus.
pub struct SystemKeyring;

#[cfg(target_os = "linux")]
mod system {
    use super::{Keyring, KeyringError, SystemKeyring};
    use secret_service::{
        EncryptionType, Error,
        blocking::{Item, SecretService},
    };
    use std::{
        collections::HashMap,
        sync::mpsc::{self, RecvTimeoutError},
        thread,
        time::Duration,
    };
    use zeroize::Zeroizing;

    /// Long enough to type a password when the keyring asks for it.
    const PATIENCE: Duration = Duration::from_secs(60);

    impl Keyring for SystemKeyring {
        fn put(&self, id: &str, key: &str) -> Result<(), KeyringError> {
            let (id, key) = (id.to_owned(), Zeroizing::new(key.to_owned()));
            ask(move |service| {
                let collection = service.get_default_collection()?;
                if collection.is_locked()? {
                    collection.unlock()?;
                }
                let label = format!("Forgeport's key {id}");
                collection.create_item(&label, attributes(&id), key.as_bytes(), true, "text/plain").map(drop)
            })
        }

        fn get(&self, id: &str) -> Result<Option<Zeroizing<String>>, KeyringError> {
            let id = id.to_owned();
            let found = ask(move |service| {
                let items = unlocked(service, &id)?;
                items.first().map(|item| item.get_secret().map(Zeroizing::new)).transpose()
            })?;
            // What is no text is no key either; the error comes where it is parsed.
            Ok(found.map(|bytes| Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
        }

        fn delete(&self, id: &str) -> Result<(), KeyringError> {
            let id = id.to_owned();
            ask(move |service| unlocked(service, &id)?.iter().try_for_each(Item::delete))
        }
    }

    fn attributes(id: &str) -> HashMap<&str, &str> {
        HashMap::from([("application", "forgeport"), ("key", id)])
    }

    fn unlocked<'a>(service: &'a SecretService<'a>, id: &str) -> Result<Vec<Item<'a>>, Error> {
        let found = service.search_items(attributes(id))?;
        found.locked.iter().try_for_each(Item::unlock)?;
        Ok(found.unlocked.into_iter().chain(found.locked).collect())
    }

    /// Asks in a thread of its own: it may wait for a person, and it must not run inside of another runtime.
    fn ask<T: Send + 'static>(
        work: impl for<'a> FnOnce(&'a SecretService<'a>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let (sender, receiver) = mpsc::channel();
        let work = move || {
            let service = SecretService::connect(EncryptionType::Dh);
            let answer = service.and_then(|service| work(&service));
            let _ = sender.send(answer);
        };
        let thread = thread::Builder::new().name("keyring".to_owned());
        thread.spawn(work).map_err(|error| KeyringError::from_error(&error))?;
        match receiver.recv_timeout(PATIENCE) {
            Ok(answer) => answer.map_err(|error| describe(&error)),
            Err(RecvTimeoutError::Timeout) => {
                Err(KeyringError(format!("it did not answer within {} s", PATIENCE.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => Err(KeyringError("it stopped without an answer".to_owned())),
        }
    }

    fn describe(error: &Error) -> KeyringError {
        KeyringError(match error {
            Error::Unavailable => "no Secret Service answers on this session's D-Bus".to_owned(),
            Error::Locked => "it is locked".to_owned(),
            Error::Prompt | Error::PromptDisconnected => "it stayed locked".to_owned(),
            Error::NoResult => "it has no default collection".to_owned(),
            other => return KeyringError::from_error(other),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Keyring, KeyringError, SystemKeyring};
    use zeroize::Zeroizing;

    impl Keyring for SystemKeyring {
        fn put(&self, _: &str, _: &str) -> Result<(), KeyringError> {
            Err(unsupported())
        }

        fn get(&self, _: &str) -> Result<Option<Zeroizing<String>>, KeyringError> {
            Err(unsupported())
        }

        fn delete(&self, _: &str) -> Result<(), KeyringError> {
            Err(unsupported())
        }
    }

    fn unsupported() -> KeyringError {
        KeyringError("Forgeport supports only the one of Linux".to_owned())
    }
}
