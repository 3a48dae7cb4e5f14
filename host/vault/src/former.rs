//! Values that were sealed before there were data keys and workspaces: with the master key itself. They are only opened, to be sealed anew.
//!
//! They have format 1 (see envelope.rs), name the master key, and are bound to table, row and key, with a NUL between each two of them.

use crate::{
    envelope::{self, Envelope},
    error::{Result, VaultError},
    master_key::MasterKey,
    place::Place,
    sealed::Sealed,
};
use zeroize::Zeroizing;

const SEALING: &str = "forgeport store: sealing";

/// Decrypts a former value. The place has the table's name of that time, and of its workspace no notice is taken.
///
/// # Errors
/// When it was sealed with another master key, was altered, or is another place's.
pub fn open(key: &MasterKey, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<String>> {
    if sealed.is_former() && sealed.key_id().is_some_and(|id| id != key.id()) {
        return Err(VaultError::WrongKey(key.origin.clone()));
    }
    sealed.open(&envelope(key, place), place)
}

fn envelope(key: &MasterKey, place: &Place<'_>) -> Envelope {
    Envelope {
        format: envelope::FORMER,
        key_id: key.id(),
        key: key.raw.derive(SEALING),
        associated_data: [place.table, place.row, place.key].join("\0").into_bytes(),
    }
}
