//! The operating system: what differs between systems, and calls that take handles, are in this crate and in no other.
//!
//! It is the lowest layer of the host besides the model, and contains nothing about downloads, the store or commands. A port to another
//! system changes this crate.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`descent`] | walks through everything in a directory, by handles |
//! | [`directory`] | directories by handles, and operations on their entries by name |
//! | [`handle`] | locks of open files and directories, and reads at an offset |
//! | [`metadata`] | the metadata of an entry: kind, owner, permissions, times, space |
//! | [`mount`] | mount points, and the owners of entries |
//! | [`open_regular`] | opens a regular file; a pipe in its place does not block |
//! | [`private`] | files and directories that only their owner may read, written whole |
//! | [`process`] | this process: its end with its parent, its memory, its program, its descriptors |
//! | [`program`] | the one way to start another program |
//! | [`removal`] | removes an entry of any kind, with its content |
//! | [`resource`] | limits that the system enforces, and a thread's CPU time |
//! | [`system_error`] | errors that have no `std::io::ErrorKind` of their own |

pub mod descent;
pub mod directory;
mod file_error;
pub mod handle;
pub mod metadata;
pub mod mount;
pub mod private;
pub mod process;
pub mod program;
mod regular;
pub mod removal;
pub mod resource;
pub mod system_error;

pub use file_error::{CHOOSE_ANOTHER_HOME, FileError, MAKE_ROOM};
pub use regular::{open_regular, open_regular_itself, open_regular_with};
