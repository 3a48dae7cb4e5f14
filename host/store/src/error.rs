//! Everything that can go wrong, in words for the person who has to act on it. No text ever holds a credential.

use crate::{KeyringError, Store, seal::MAX_VALUE_LENGTH};
use forgeport_model::shell_word;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why the store did not do what it was asked for. Where it was a change, nothing has changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A name that is in use already.
    #[error("there is already a {what} called {name:?}; choose another name, or update or delete that one")]
    NameTaken {
        /// Code repository or secret.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name that breaks the rules for names.
    #[error("{name:?} cannot be the name of a {what}: it must {rule}")]
    BadName {
        /// Code repository, secret or secret's key.
        what: &'static str,
        /// What was given.
        name: String,
        /// What names must be like.
        rule: &'static str,
    },
    /// No code repository is called so, or has such an id.
    #[error("there is no code repository {name:?}{}; see `forgeport code-repository list`", did_you_mean(.nearest))]
    UnknownCodeRepository {
        /// What was asked for.
        name: String,
        /// The name that is most like it, if one is.
        nearest: Option<String>,
    },
    /// Several code repositories begin like this.
    #[error("{text:?} could be any of these code repositories: {}; write more of the name or id", some_of(.candidates))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// Names with ids.
        candidates: Vec<String>,
    },
    /// Somebody else changed the code repository after it was read.
    #[error("the code repository {0:?} was changed or deleted by somebody else meanwhile; look at it and try again")]
    Changed(String),
    /// No secret is called so.
    #[error("there is no secret {name:?}{}; see `forgeport secret list`, or create it with `forgeport secret create {name} --KEY=VALUE`", did_you_mean(.nearest))]
    UnknownSecret {
        /// What was asked for.
        name: String,
        /// The name that is most like it, if one is.
        nearest: Option<String>,
    },
    /// The secret has no such key.
    #[error("the secret {secret:?} has no key {key:?}; it has: {}", .known.join(", "))]
    UnknownKey {
        /// The secret.
        secret: String,
        /// What was asked for.
        key: String,
        /// The keys that it has.
        known: Vec<String>,
    },
    /// A secret must have a value.
    #[error("the secret {0:?} would have no values; give it at least one, or delete it")]
    NoValues(String),
    /// A value that is no credential by its size.
    #[error(
        "the value of {0} is longer than {max} bytes; was it read from the right file?", max = MAX_VALUE_LENGTH
    )]
    ValueTooLong(String),
    /// Code repositories would lose their credential.
    #[error("the secret {name:?} is used by {}; update or delete them first", some_of(.by))]
    SecretInUse {
        /// The secret.
        name: String,
        /// Names of the code repositories.
        by: Vec<String>,
    },
    /// Others may read the key.
    #[error(
        "the key {path:?} can be read by others (mode {mode:03o}); run `chmod 600 {word}`, and replace the tokens if somebody has",
        word = shell_word(.path)
    )]
    KeyNotPrivate {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something else than 32 bytes.
    #[error("{0} does not hold a key: it must be 32 bytes, written as 64 hexadecimal digits or in base64")]
    BadKey(String),
    /// There are encrypted values, and no key.
    #[error(
        "the key {0:?} is missing, and this store holds values encrypted with it; restore it, set FORGEPORT_KEY to it, or delete the secrets and code repositories that need it"
    )]
    KeyMissing(PathBuf),
    /// The keyring works, and has no such key.
    #[error(
        "the keyring does not have this store's key (forgeport {0}), and the store holds values encrypted with it; restore it, set FORGEPORT_KEY to it, or delete the secrets and code repositories that need it"
    )]
    NotInKeyring(String),
    /// The keyring could not be used.
    #[error(
        "this system's keyring cannot be used for the store's key: {0}; unlock it, log in to a session that has one, or set FORGEPORT_KEY to the key"
    )]
    Keyring(#[from] KeyringError),
    /// A rotation of the key in the environment without a new one.
    #[error(
        "FORGEPORT_KEY has the store's key, so FORGEPORT_NEW_KEY must have the new one (32 bytes, as `openssl rand -hex 32` prints them); or choose another place with --keep-in"
    )]
    NoNewKey,
    /// A rotation to the key that is there already.
    #[error(
        "FORGEPORT_NEW_KEY has the key that the store is encrypted with already; if that was done by a rotation, set FORGEPORT_KEY to it, otherwise choose a new one"
    )]
    SameKey,
    /// The encrypted values were made with another key.
    #[error(
        "the key in {0} is not the one that this store's values are encrypted with; was it rotated? use that one (nothing was changed)"
    )]
    WrongKey(String),
    /// A sealed value was altered, or moved from another place.
    #[error("the encrypted value of {0} was damaged or tampered with; set it anew")]
    Tampered(String),
    /// The system has no random numbers.
    #[error("the system gave no random numbers ({0}); try again")]
    NoRandomness(String),
    /// A component is not in the store.
    #[error("the provider's component {0} is not in the store; register the code repository anew with --source")]
    ComponentMissing(String),
    /// A component's bytes do not have the digest.
    #[error("the provider's component {0} is not what was registered; register the code repository anew with --source")]
    ComponentAltered(String),
    /// The same component, asked twice, answers differently.
    #[error(
        "the provider's component {0} says something else of its options than when it was registered; such a one cannot be trusted: do not use it, and tell its author"
    )]
    ComponentContradicts(String),
    /// A directory that others may change.
    #[error("others may write to {0:?}, which is to hold credentials; run `chmod go-w {word}`", word = shell_word(.0))]
    DirectoryNotPrivate(PathBuf),
    /// The database is from the future.
    #[error(
        "the store {path:?} was made by a newer Forgeport (schema {found}, this one knows {known}); update Forgeport (nothing was changed)"
    )]
    FutureSchema {
        /// The database.
        path: PathBuf,
        /// The database's schema version.
        found: usize,
        /// This program's.
        known: usize,
    },
    /// Another process has held the database for too long.
    #[error("the store {0:?} has been busy for {wait} s with another process; try again", wait = Store::BUSY_TIMEOUT.as_secs())]
    Busy(PathBuf),
    /// Nothing is where something was written before.
    #[error(
        "the store {path:?} is {how}, although its key or its sum is still beside it; restore the directory from a copy, or move it away to begin anew (nothing was changed)"
    )]
    Gone {
        /// The database.
        path: PathBuf,
        /// Missing or empty.
        how: &'static str,
    },
    /// Something else than this program has written it.
    #[error(
        "the store {path:?} is not what was last written: it was damaged, exchanged, or is an older copy; restore the directory from a copy, or remove {sum:?} to go on with what is there (nothing was changed)"
    )]
    Altered {
        /// The database.
        path: PathBuf,
        /// What has its sum.
        sum: PathBuf,
    },
    /// A directory, a pipe, a device.
    #[error(
        "{0:?} is no regular file, so it cannot be the store: move it away, or set FORGEPORT_HOME to another directory"
    )]
    NoRegularFile(PathBuf),
    /// SQLite failed.
    #[error("the store {path:?} failed: {source}; {}", of_database(.source))]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the store {path:?} could not be brought up to date: {why}; it is as it was before")]
    Migration {
        /// The database.
        path: PathBuf,
        /// The first line of what went wrong.
        why: String,
    },
    /// The database holds what this program never wrote.
    #[error("the store holds {0} that cannot be read; restore it from a copy, or delete and register anew")]
    Corrupt(String),
    /// The file system failed.
    #[error("cannot {doing} {path:?}: {source}{}", of_files(.source))]
    Io {
        /// A verb.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

const ELSEWHERE: &str = "set FORGEPORT_HOME to a directory that you may write to";
const NO_SPACE: &str =
    "make room, as `forgeport cache clear` does, or set FORGEPORT_HOME to a directory on another disk";

/// What to do about an error of SQLite.
fn of_database(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, PermissionDenied, ReadOnly};
    match error.sqlite_error_code() {
        Some(ReadOnly | CannotOpen | PermissionDenied) => ELSEWHERE,
        Some(DiskFull) => NO_SPACE,
        Some(DatabaseCorrupt | NotADatabase) => "the file is damaged: restore it from a copy",
        _ => "is its file system full or damaged, or without locks? FORGEPORT_HOME names a directory on another one",
    }
}

/// What to do about an error of the file system, as it follows on it.
fn of_files(error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ELSEWHERE,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => NO_SPACE,
        io::ErrorKind::Unsupported => "its file system has no locks: set FORGEPORT_HOME to a directory on another one",
        _ => return String::new(),
    };
    format!("; {advice}")
}

/// Of many names so many are told.
const NAMED: usize = 10;

/// The first of some names, and how many more there are.
pub fn some_of(names: &[String]) -> String {
    let (named, others) = names.split_at(names.len().min(NAMED));
    match others.len() {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

impl StoreError {
    pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
        move |source| StoreError::Io { doing, path: path.to_owned(), source }
    }

    /// Whether it is about the key alone, so that after a rotation by another process it might be different.
    pub(crate) fn is_of_the_key(&self) -> bool {
        matches!(self, StoreError::WrongKey(_) | StoreError::KeyMissing(_) | StoreError::NotInKeyring(_))
    }

    /// Whether it is about the place where things are kept, and not about what is kept.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, StoreError::Io { .. } | StoreError::Database { .. } | StoreError::Busy(_))
    }

    /// Tells where it happened, for what comes from SQLite without a path.
    pub(crate) fn at(mut self, database: &Path) -> StoreError {
        match &mut self {
            StoreError::Database { path, .. }
            | StoreError::Migration { path, .. }
            | StoreError::FutureSchema { path, .. }
            | StoreError::Busy(path) => *path = database.to_owned(),
            _ => {}
        }
        self
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match source.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => StoreError::Busy(PathBuf::new()),
            _ => StoreError::Database { path: PathBuf::new(), source },
        }
    }
}
