//! The operating system's part: what differs between systems, or is asked of them by handles, is here and nowhere else.
//!
//! The lowest layer of the host besides the model: it knows of no download, store or command. The rest of the host asks here, so that a
//! port to another system changes this crate.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`descent`] | walks through all that lies in a directory, by handles |
//! | [`directory`] | directories by handles, and what is done in them by name |
//! | [`handle`] | locks of open files and directories, and reading at a place |
//! | [`metadata`] | what the system says of an entry: its kind, its owner, who may use it, its times |
//! | [`mount`] | what is mounted where, and whose an entry is |
//! | [`open_regular`] | opens a file without waiting for a pipe in its place |
//! | [`private`] | files and directories that only their owner may read, written whole |
//! | [`process`] | this process: its end with its parent, its memory, its program, its descriptors |
//! | [`program`] | the one way to start another program |
//! | [`removal`] | removes whatever there is, with all that lies in it |
//! | [`resource`] | limits that the system enforces, and the time that a thread has computed |
//! | [`system_error`] | errors of the system that have no `std::io::ErrorKind` of their own |

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
