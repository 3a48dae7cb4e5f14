//! The vault from the outside: what the store sees, and somebody who alters what is kept.
#![allow(clippy::unwrap_used)]
