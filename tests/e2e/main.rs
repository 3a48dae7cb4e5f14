//! The real binary against real repositories on the forge for tests.
#![allow(clippy::unwrap_used)]

mod advice;
mod answers;
mod approve;
mod cache;
mod canary;
mod changes;
mod completion;
mod consent;
mod crash;
mod credentials;
mod custom;
mod documents;
mod download;
mod exact;
mod faults;
mod git;
mod grants;
mod homes;
mod hostile_forge;
mod layers;
mod minting;
mod options;
mod places;
mod preload;
mod proxy;
mod register;
mod remotes;
mod rotation;
mod scarce;
mod scene;
mod secrets;
mod short;
mod status;
mod update;
