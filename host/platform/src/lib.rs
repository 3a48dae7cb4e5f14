//! What the operating system has to say: files and directories by handles, mounts, and other programs.
//!
//! The rest of the host asks here, so that a port to another system changes this crate.

pub mod descent;
pub mod mount;
pub mod program;
mod regular;

pub use regular::open_regular;
