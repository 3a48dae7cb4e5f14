//! What is promised of a download on the disk.

#![allow(clippy::unwrap_used)]

mod bounded;
mod cache;
mod completion;
mod hostile;
mod packs;
mod places;
mod raw_pack;
mod raw_tar;
mod resuming;
mod shared;
mod unpack;
