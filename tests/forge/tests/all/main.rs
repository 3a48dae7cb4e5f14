//! The forge, tested as other crates see it.
#![allow(clippy::unwrap_used)]

mod bitbucket;
mod client;
mod faults;
mod git;
mod gitea;
mod github;
mod gitlab;
mod repositories;
