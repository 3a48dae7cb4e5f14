//! The parts of an open store.

use crate::{components::Components, data_keys::DataKeys, db::Db};
use std::path::PathBuf;

/// The databases, the keys, the components, and the directory of the files.
pub(crate) struct Parts {
    pub(crate) directory: PathBuf,
    pub(crate) database: Db,
    /// None where it is in the database.
    pub(crate) log: Option<Db>,
    pub(crate) keys: DataKeys,
    pub(crate) components: Components,
}

impl Parts {
    /// The database of the audit log.
    pub(crate) fn log(&self) -> &Db {
        self.log.as_ref().unwrap_or(&self.database)
    }
}
