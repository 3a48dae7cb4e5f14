//! Components that mean harm. Each is contained, its error says what happened, and the same runtime serves the next call.
#![allow(clippy::unwrap_used)]

mod abi;
mod bench;
mod calls;
mod compiling;
mod compute;
mod describe;
mod downloads;
mod handles;
mod imports;
mod loading;
mod memory;
mod network;
mod server;
mod walk;
mod wasi;

use forgeport_guest as guest;
