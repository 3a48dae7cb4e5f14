//! The store from the outside: what a caller, another process, or somebody at the directory's files sees.
#![allow(clippy::unwrap_used)]

mod audit;
mod blocking;
mod canary;
mod components;
mod concurrency;
mod consent;
mod damage;
mod finding;
mod keys;
mod opening;
mod postgres;
mod privacy;
mod references;
mod registrations;
mod rotation;
mod secrets;
mod support;
mod tampering;
mod tls;
mod upgrade;
mod walls;
mod workspaces;
