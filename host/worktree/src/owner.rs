//! Checks that a checkout belongs to the user, or is listed in `safe.directory`, as git does (`ensure_valid_ownership` in setup.c).
//!
//! The configuration of another user's repository may name any program, so it is not read.

use std::path::Path;

use gix::bstr::{BStr, ByteSlice};

use forgeport_platform::metadata::{EntryMetadata, Owner};

use crate::discovery::Location;
use crate::{ContextError, MaskedText, config};

/// Checks the owner of a repository. `directory` is the one that was given: `.` in `safe.directory` means that it has to be the root.
///
/// # Errors
/// When it belongs to another user and is not listed.
pub fn check(place: &Location, directory: &Path) -> Result<(), ContextError> {
    if place.of_ownership().iter().all(|path| is_own(path)) {
        return Ok(());
    }
    let root = place.root().canonicalize().map_err(ContextError::unreadable(place.root()))?;
    let values = config::protected("safe.directory")
        .map_err(|error| ContextError::Misconfigured { path: root.clone(), why: MaskedText::of(&error) })?;
    let mut safe = false;
    for value in &values {
        // An empty value clears those before it.
        safe = !value.is_empty() && (safe || is_meant(value.as_bstr(), &root, directory));
    }
    if safe { Ok(()) } else { Err(ContextError::OtherOwner { root }) }
}

fn is_own(path: &Path) -> bool {
    // There is no `.git` in a bare one.
    let Ok(found) = path.symlink_metadata() else { return true };
    let (owner, me) = (EntryMetadata::from(&found).owner, Owner::me());
    // A user who became root with sudo may read their own repositories.
    owner == me || (me.is_root() && Owner::before_sudo() == Some(owner))
}

fn is_meant(value: &BStr, root: &Path, directory: &Path) -> bool {
    if value == "*" {
        return true;
    }
    if value == "." {
        return root == directory;
    }
    let home = std::env::home_dir();
    let context = gix::config::path::interpolate::Context {
        home_dir: home.as_deref(),
        home_for_user: Some(gix::config::path::interpolate::home_for_user),
        ..Default::default()
    };
    let Ok(path) = gix::config::Path::from(value).interpolate(context) else { return false };
    if !path.is_absolute() {
        return false;
    }
    match path.file_name() {
        Some(name) if name == "*" => {
            let above = path.parent().and_then(|above| above.canonicalize().ok());
            above.is_some_and(|above| root.starts_with(&above) && root != above)
        }
        _ => path.canonicalize().is_ok_and(|path| path == root),
    }
}
