//! The vault from the outside: what the store sees, and somebody who alters what is kept.
#![allow(clippy::unwrap_used)]

mod finding;
mod former;
mod privacy;
mod properties;
mod sealing;
mod staging;
mod support;
mod wrapping;
