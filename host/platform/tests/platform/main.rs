//! What is promised of files, and of who starts programs.
#![allow(clippy::unwrap_used)]

mod private;
mod programs;
