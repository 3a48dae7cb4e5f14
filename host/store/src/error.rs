//! The errors of the store, worded for the person who has to act. No text contains a credential.

use crate::time::BUSY_TIMEOUT;
use forgeport_model::{Digest, shell_word, some_of};
use forgeport_platform::{CHOOSE_ANOTHER_HOME, FileError, MAKE_ROOM};
use forgeport_vault::VaultError;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

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
        /// The given name.
        name: String,
        /// The rule for names.
        rule: &'static str,
    },
    /// No code repository is called so, or has such an id.
    #[error("there is no code repository {name:?}{}; see `forgeport code-repository list`", did_you_mean(.nearest))]
    UnknownCodeRepository {
        /// As given.
        name: String,
        /// The name that is most like it, if one is.
        nearest: Option<String>,
    },
    /// Several code repositories begin like this.
    #[error("{text:?} could be any of these code repositories: {}; write more of the name or id", some_of(.candidates))]
    Ambiguous {
        /// As given.
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
        /// As given.
        name: String,
        /// The name that is most like it, if one is.
        nearest: Option<String>,
    },
    /// The secret has no such key.
    #[error("the secret {secret:?} has no key {key:?}; it has: {}", .known.join(", "))]
    UnknownKey {
        /// The secret.
        secret: String,
        /// As given.
        key: String,
        /// The keys that it has.
        known: Vec<String>,
    },
    /// A secret must have a value.
    #[error("the secret {0:?} would have no values; give it at least one, or delete it")]
    NoValues(String),
    /// Code repositories would lose their credential.
    #[error("the secret {name:?} is used by {}; update or delete them first", some_of(.by))]
    SecretInUse {
        /// The secret.
        name: String,
        /// Names of the code repositories.
        by: Vec<String>,
    },
    /// The key, or a value that is encrypted.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A component is not in the store.
    #[error("the provider's component {0} is not in the store; register the code repository anew with --source")]
    ComponentMissing(Digest),
    /// A component's bytes do not have the digest.
    #[error("the provider's component {0} is not what was registered; register the code repository anew with --source")]
    ComponentAltered(Digest),
    /// The same component, asked twice, answers differently.
    #[error(
        "the provider's component {0} says something else of its options than when it was registered; such a one cannot be trusted: do not use it, and tell its author"
    )]
    ComponentContradicts(Digest),
    /// A directory that others may change.
    #[error("others may write to {0:?}, which is to hold credentials; run `chmod go-w {word}`", word = shell_word(.0))]
    DirectoryNotPrivate(PathBuf),
    /// The database is from the future.
    #[error(
        "the store {store:?} was made by a newer Forgeport (schema {found}, this one knows {known}); update Forgeport (nothing was changed)"
    )]
    FutureSchema {
        /// The database.
        store: String,
        /// The database's schema version.
        found: usize,
        /// This program's.
        known: usize,
    },
    /// A server's database is not of this program's version.
    #[error(
        "the store {store:?} has the tables of schema {found}, and this Forgeport needs those of {known}; bring them up to date as the role that owns them"
    )]
    OutdatedSchema {
        /// The database.
        store: String,
        /// The database's schema version; 0 where there are no tables.
        found: usize,
        /// This program's.
        known: usize,
    },
    /// A role that sees the rows of every workspace.
    #[error(
        "the database's role {0:?} is a superuser, may bypass row-level security, or owns tables, so it could see every workspace; connect as a role that may only read and write rows"
    )]
    PowerfulRole(String),
    /// A table whose rows every workspace could see.
    #[error(
        "the database's table {0:?} has no forced row-level security; bring the tables up to date as the role that owns them"
    )]
    OpenTable(String),
    /// Another process has held the database for too long.
    #[error("the store {0:?} has been busy for {wait} s with another process; try again", wait = BUSY_TIMEOUT.as_secs())]
    Busy(String),
    /// A thread has ended before its work.
    #[error("the store has failed in its own code; report that, and try again (nothing was changed)")]
    Interrupted,
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
        /// The file with its sum.
        sum: PathBuf,
    },
    /// A directory, a pipe, a device.
    #[error(
        "{0:?} is no regular file, so it cannot be the store: move it away, or set FORGEPORT_HOME to another directory"
    )]
    NoRegularFile(PathBuf),
    /// The database failed.
    #[error("the store {store:?} failed: {source}; {}", of_database(.source.kind))]
    Database {
        /// The database.
        store: String,
        /// Its message.
        source: DatabaseError,
    },
    /// The schema could not be brought up to date.
    #[error("the store {store:?} could not be brought up to date: {why}; it is as it was before")]
    Migration {
        /// The database.
        store: String,
        /// The first line of what went wrong.
        why: String,
    },
    /// The database holds what this program never wrote.
    #[error("the store holds {0} that cannot be read; restore it from a copy, or delete and register anew")]
    Corrupt(String),
    /// The file system failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An error of either database.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct DatabaseError {
    /// Its kind, which decides about the advice.
    pub kind: DatabaseErrorKind,
    /// Its own words, in one line.
    pub message: String,
}

/// The kinds of a database's errors, by their remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseErrorKind {
    /// There is already a row with this key.
    NotUnique,
    /// It cannot be opened or written.
    NotWritable,
    /// There is no room.
    Full,
    /// Its files are damaged.
    Damaged,
    /// A server does not answer, or not to this role.
    Unreachable,
    /// Anything else.
    Other,
}

/// The advice that follows an error of a database.
fn of_database(kind: DatabaseErrorKind) -> &'static str {
    match kind {
        DatabaseErrorKind::NotWritable => CHOOSE_ANOTHER_HOME,
        DatabaseErrorKind::Full => MAKE_ROOM,
        DatabaseErrorKind::Damaged => "the file is damaged: restore it from a copy",
        DatabaseErrorKind::Unreachable => "is the server there, and are its address, role and password right?",
        DatabaseErrorKind::NotUnique | DatabaseErrorKind::Other => {
            "is its file system full or damaged, or without locks? FORGEPORT_HOME names a directory on another one"
        }
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + Send + use<> {
        let path = path.to_owned();
        move |source| FileError::at(doing, &path)(source).into()
    }

    /// True if it is about the key alone, so that after a rotation by another process it might be different.
    pub(crate) fn is_of_the_key(&self) -> bool {
        matches!(self, StoreError::Vault(error) if error.is_of_the_key())
    }

    /// True if it is about the place where things are kept, and not about what is kept.
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            StoreError::File(_) | StoreError::Database { .. } | StoreError::Busy(_) => true,
            StoreError::Vault(error) => error.is_of_the_disk(),
            _ => false,
        }
    }

    /// Tells where it happened, for what comes from a database without saying so.
    pub(crate) fn at(mut self, database: &str) -> StoreError {
        match &mut self {
            StoreError::Database { store, .. }
            | StoreError::Migration { store, .. }
            | StoreError::FutureSchema { store, .. }
            | StoreError::OutdatedSchema { store, .. }
            | StoreError::Busy(store) => database.clone_into(store),
            _ => {}
        }
        self
    }
}

impl From<DatabaseError> for StoreError {
    fn from(source: DatabaseError) -> StoreError {
        StoreError::Database { store: String::new(), source }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        use rusqlite::{ErrorCode, ffi};
        let extended = error.sqlite_error().map(|error| error.extended_code);
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return StoreError::Busy(String::new()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                DatabaseErrorKind::NotWritable
            }
            Some(ErrorCode::DiskFull) => DatabaseErrorKind::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => DatabaseErrorKind::Damaged,
            _ if matches!(extended, Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY)) => {
                DatabaseErrorKind::NotUnique
            }
            _ => DatabaseErrorKind::Other,
        };
        DatabaseError { kind, message: error.to_string() }.into()
    }
}
