//! What happens on the local disk: the staged directory that a download fills, unpacking, the tree's verification, the cache of
//! downloads, and the local context of a checkout.
//!
//! Nothing here knows of wasm or the network.

pub mod context;
