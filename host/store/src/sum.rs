//! The checksum of a database, in a file beside it: damage and exchange are detected before the database is used. SQLite itself detects
//! neither a few changed bytes, nor a file that was exchanged, emptied, or replaced by an older copy.
//!
//! The file contains the sum of the last commit; from just before a commit until just after it, it contains the next sum too. So it is
//! right whenever a process is killed. It is written only while the database's write lock is held. It does not protect against an attacker,
//! who can write both files; secrets are sealed and bound to their places (forgeport-vault).
//!
//! Not detected: another database together with its own sum, such as a directory restored from an older copy; the state of one commit
//! before, if a process was killed at that moment; and bytes of the header that only commits write.

use crate::error::{Result, StoreError};
use forgeport_platform::private;
use rusqlite::{Connection, MAIN_DB};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// Bytes of the header that only the commit itself writes: the file's change counter, and of which change and program the rest is
/// (<https://www.sqlite.org/fileformat2.html#the_database_header>).
const WRITTEN_BY_COMMITS: [Range<usize>; 2] = [24..28, 92..100];

/// The file that keeps the sums of a database.
pub(crate) struct Sum(PathBuf);

impl Sum {
    /// The one beside a database.
    pub(crate) fn beside(database: &Path) -> Sum {
        Sum(database.with_extension("sum"))
    }

    pub(crate) fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Compares a database with what it has to be. Where nothing is kept it may be anything.
    ///
    /// The digest has to come first: while whoever calls this holds the lock under which it was made, no other commit takes place.
    pub(crate) fn check(&self, digest: &str, database: &Path) -> Result<()> {
        match self.kept()? {
            Some(kept) if !kept.lines().any(|line| line == digest) => {
                Err(StoreError::Altered { path: database.to_owned(), sum: self.0.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Keeps what the database is now, and what it is about to be.
    pub(crate) fn expect(&self, before: &str, after: &str) -> Result<()> {
        if before == after && self.kept()?.is_some() {
            return Ok(());
        }
        Ok(private::write(&self.0, format!("{before}\n{after}\n").as_bytes())?)
    }

    /// Keeps what the database is, and nothing else.
    pub(crate) fn expect_only(&self, now: &str) -> Result<()> {
        Ok(private::write(&self.0, format!("{now}\n").as_bytes())?)
    }

    /// Forgets what was before a change that is committed, unless another one came after it.
    pub(crate) fn settle(&self, committed: &str) -> Result<()> {
        let kept = self.kept()?.unwrap_or_default();
        if kept.lines().last() == Some(committed) && kept.lines().count() > 1 {
            self.expect_only(committed)
        } else {
            Ok(())
        }
    }

    /// The database may be anything until the next sum is kept.
    pub(crate) fn forget(&self) -> Result<()> {
        Ok(private::remove(&self.0)?)
    }

    fn kept(&self) -> Result<Option<String>> {
        let bytes = private::read(&self.0)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The digest of the whole file, as it is, or will be when the transaction that is under way is committed.
pub(crate) fn digest(connection: &Connection) -> Result<String> {
    let bytes = connection.serialize(MAIN_DB)?;
    let mut hasher = blake3::Hasher::new();
    let mut from = 0;
    for skipped in WRITTEN_BY_COMMITS {
        hasher.update(bytes.get(from..skipped.start).unwrap_or_default());
        from = skipped.end;
    }
    hasher.update(bytes.get(from..).unwrap_or_default());
    Ok(hasher.finalize().to_hex().to_string())
}
