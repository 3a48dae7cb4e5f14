//! Opens regular files. In place of one there may be something else: opening a pipe would block for ever.

use std::fs::{File, OpenOptions, metadata};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to read it.
///
/// # Errors
/// When it cannot be opened, or is no file with content of its own.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_regular_with(path, OpenOptions::new().read(true))
}

/// Opens a file as the options say.
///
/// # Errors
/// As [`open_regular`].
pub fn open_regular_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "it is no regular file, so remove it");
    // Before it is opened: to open a device may do something.
    if metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(odd());
    }
    // Of the flags only the one that is no access mode is taken; of a file it changes nothing.
    let file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(odd()) }
}

/// Opens the file of this name to read it, and tells its length; none where a directory, a pipe or a device is in its place.
///
/// # Errors
/// When it cannot be opened; also where it is a link, as none is followed.
pub fn open_regular_itself(path: &Path) -> io::Result<Option<(File, u64)>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some((file, metadata.len())))
}
