//! What is promised of the local context of a checkout.

#![allow(clippy::unwrap_used)]

mod asked;
mod context;
mod differential;
mod foreign;
mod scripts;
mod sources;
mod support;
mod waiting;
