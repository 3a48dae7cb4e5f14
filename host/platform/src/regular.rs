//! Opens files that are kept, where something else may have been put in their place: a pipe would be waited for without an end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to read it.
///
/// # Errors
/// When it cannot be opened, or is no file with content of its own.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Of the flags only the one that is no access mode is taken; of a file it changes nothing.
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file")) }
}
