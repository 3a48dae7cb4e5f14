//! The resources that any command needs of the system, checked before it begins.
//!
//! Without it, libraries panic or abort in places where nothing can be cleaned up: SQLite and the runtime need a handful of files, and a
//! thread that gets no stack takes the process with it.

use anyhow::{Result, bail};
use forgeport_platform::resource::Resource;

/// Files that are open at the same time in a download: connections, the database, and a handle for each level of a directory.
const FILES: u64 = 128;
/// Bytes of addresses that the program, its threads and the database take before anything else.
const MEMORY: u64 = 512 << 20;

/// Fails where a command could not run to its end.
pub fn check() -> Result<()> {
    // No limit is none to report.
    if let Some(files) = Resource::OpenFiles.limit().filter(|files| *files < FILES) {
        bail!(
            "only {files} files may be open at the same time, and Forgeport needs {FILES}: raise the limit with `ulimit -n {FILES}`"
        );
    }
    if let Some(bytes) = Resource::AddressSpace.limit().filter(|bytes| *bytes < MEMORY) {
        bail!(
            "only {} MiB of memory may be addressed, and Forgeport needs {}: raise the limit with `ulimit -v {}`",
            bytes >> 20,
            MEMORY >> 20,
            MEMORY >> 10
        );
    }
    Ok(())
}
