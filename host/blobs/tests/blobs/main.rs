//! What is promised of blobs.

#![allow(clippy::unwrap_used)]

mod folder;
mod shared;
