//! A random token is taken through every command and every failure. It must show in no output and in no file, in whatever form.

mod configuration;
mod failures;
mod needles;
mod stage;
mod tour;
mod traces;
