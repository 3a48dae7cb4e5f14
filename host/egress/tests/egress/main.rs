//! The gate against servers on loopback, and names and addresses that lead where no provider may go. One binary: linking takes longer than
//! running.
#![allow(clippy::unwrap_used)]

mod gate;
mod guard;
mod limits;
mod recording;
mod secrets;
mod support;
mod tls;
