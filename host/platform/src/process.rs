//! This process: its end with its parent, its memory, its program, its descriptors.

use std::path::PathBuf;
use std::{fs, io, os::fd::RawFd};

use crate::resource::Resource;

/// Ends this process when the thread that started it ends. Only Linux knows that; elsewhere nothing is done.
///
/// # Errors
/// When the system does not allow it.
pub fn end_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

/// Leaves no core file, and no other process of the same user a way to read this one's memory, as far as the system can.
///
/// Both that can be done is done, as each alone has a gap: a core that goes to a program (`|` in `core_pattern`, core(5)) knows no limit
/// of size, and not every system can make a process undumpable.
pub fn keep_memory_private() {
    let _ = Resource::CoreFile.set_limit(0, 0);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// The path by which this program can be started again.
///
/// # Errors
/// When the system does not report it.
pub fn own_program() -> io::Result<PathBuf> {
    // On Linux not its own path, where another version may be meanwhile.
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// Closes all descriptors from `first` on. Those that Rust opens are closed when a program is started; whoever started the parent may have
/// left it others.
///
/// # Safety
/// Nothing in this process may own one of them.
///
/// # Errors
/// When the system does not list them.
pub unsafe fn close_inherited(first: RawFd) -> io::Result<()> {
    let open = fs::read_dir("/dev/fd")?.flatten();
    let numbers: Vec<RawFd> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number >= first) {
        // The list itself was one of them, and is closed.
        if fs::symlink_metadata(format!("/dev/fd/{number}")).is_ok() {
            // SAFETY: the caller's word.
            unsafe { rustix::io::close(number) };
        }
    }
    Ok(())
}
