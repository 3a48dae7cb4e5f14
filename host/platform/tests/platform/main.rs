//! What is promised of files and directories, and of who asks the system and starts programs.
#![allow(clippy::unwrap_used)]

mod descent;
mod directory;
mod metadata;
mod private;
mod programs;
mod regular;
mod removal;
mod sources;
mod systems;

use forgeport_platform::directory::OwnedDirectory;
use std::{fs, fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

fn open(path: &Path) -> OwnedDirectory {
    OwnedDirectory::at(path).unwrap()
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Root may do everything, whatever the permissions say.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
