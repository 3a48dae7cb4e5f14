//! Runs providers: WebAssembly components that reach the host only through the imports of this crate, and the network only through the
//! gate, with the session of their calls.
//!
//! One [`Runtime`] per process has components compiled once, in a child process, keeps them ready, and remembers their code on disk; every
//! call of a [`Repository`] gets a fresh instance, so no state of one call is left for the next.

mod bindings;
mod blocking;
mod call;
mod code_cache;
mod compile;
mod completion;
mod component_info;
mod cpu;
mod download;
mod engine;
mod engines;
mod error;
mod imports;
mod interfaces;
mod limits;
mod loaded;
mod log;
mod network;
mod offline;
mod provider;
mod registry;
mod repository;
mod runtime;
mod sizes;
mod state;
mod wasi;

pub use call::Opening;
pub use code_cache::CodeCacheSettings;
pub use compile::CompilerSettings;
pub use component_info::ComponentInfo;
pub use download::Download;
pub use engines::PoolUse;
pub use error::{CallError, LoadError, ProviderError};
pub use forgeport_child::{Bounds, ChildError, Program};
pub use offline::Offline;
pub use provider::Provider;
pub use repository::{Connection, Repository};
pub use runtime::Runtime;
pub use sizes::MOST_BYTES;

/// Makes this process a child that compiles, if it was started as one, and does not return then. Programs that use a [`Runtime`] call it
/// before anything else.
pub fn serve_as_child() {
    forgeport_child::serve(&[compile::JOB]);
}
