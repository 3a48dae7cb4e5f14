//! The meaning of a PostgreSQL server's errors: connection lost, busy, refused, or a defect.

use crate::error::{DatabaseError, DatabaseErrorKind, StoreError};
use std::error::Error;
use tokio_postgres::error::SqlState;

/// True if another attempt, on another connection, can succeed.
pub(super) fn passes(error: &tokio_postgres::Error) -> bool {
    let again = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    error.is_closed() || error.code().map_or(error.as_db_error().is_none(), |code| again.contains(code))
}

pub(super) fn unreachable(message: String) -> DatabaseError {
    DatabaseError { kind: DatabaseErrorKind::Unreachable, message }
}

/// The innermost cause: those around it say no more than that there was one.
pub(super) fn cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().lines().next().unwrap_or_default().to_owned()
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> StoreError {
        let Some(told) = error.as_db_error() else { return unreachable(cause(&error)).into() };
        let kind = match *told.code() {
            SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
                return StoreError::Busy(String::new());
            }
            SqlState::UNIQUE_VIOLATION => DatabaseErrorKind::NotUnique,
            SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => DatabaseErrorKind::NotWritable,
            SqlState::DISK_FULL => DatabaseErrorKind::Full,
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => DatabaseErrorKind::Damaged,
            _ => DatabaseErrorKind::Other,
        };
        DatabaseError { kind, message: told.message().lines().next().unwrap_or_default().to_owned() }.into()
    }
}
