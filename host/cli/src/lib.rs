//! The `forgeport` command: reads the command line, calls the service, prints the answer.

mod args;
mod audit;
mod backend;
mod cache;
mod code_repository;
mod command_line;
mod completion;
mod consent;
mod download;
mod grants;
mod guard;
mod output;
mod progress;
mod provider;
mod resources;
mod secret;
mod status;
mod terms;
mod values;

use anyhow::Result;
use args::Command;
use backend::Backend;
use command_line::{FirstPass, GivenOptions};
use forgeport_service::{Deadline, Service, ServiceError};
use output::{Negative, Output, Usage, escape_untrusted};
use std::{ffi::OsString, io, pin::pin, process::ExitCode};

const FAILURE: u8 = 1;
const USAGE: u8 = 2;

/// Runs the command of this process' arguments. In a child process that the command started, serves it instead, and does not return.
pub fn main() -> ExitCode {
    // Before anything is read or set up: a child has none of it.
    forgeport_service::serve_as_child();
    guard::keep_memory_private();
    guard::keep_panics_silent();
    match resources::check().and_then(|()| run(std::env::args_os().collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

fn run(given: Vec<OsString>) -> Result<()> {
    let first = FirstPass::of(given);
    let verbose = first.verbose();
    let mut backend = Backend::default();
    let (cli, options) = first.parse(|provider| {
        output::log(verbose);
        backend.options_of(provider)
    })?;
    output::log(cli.verbose);
    let output = Output { json: cli.output == args::Format::Json };
    match cli.command {
        Command::Completion { shell } => completion::run(&mut backend, shell),
        // It needs no store, which may be on a full disk or damaged.
        Command::Cache { command } => cache::run(output, command),
        command => backend.run(async |service: &Service| interruptible(service, output, command, options).await),
    }
}

/// Runs a command until it ends or is interrupted. Dropping the work removes what it has half done; what is past that is finished, and
/// reported as usual.
///
/// An interrupt is listened for from where the work first waits. Until then, and so in all commands that never wait, it ends the process.
async fn interruptible(service: &Service, output: Output, command: Command, options: GivenOptions) -> Result<()> {
    let stop = Deadline::never();
    let mut work = pin!(dispatch(service, output, command, options, stop.clone()));
    tokio::select! {
        // What has ended in the same moment has ended.
        biased;
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => {}
    }
    if stop.cancel() {
        return Err(anyhow::anyhow!("interrupted; no changes were made"));
    }
    work.await?;
    output::print_stderr("the interrupt came too late to stop anything: the download is complete\n");
    Ok(())
}

async fn dispatch(
    service: &Service,
    output: Output,
    command: Command,
    options: GivenOptions,
    stop: Deadline,
) -> Result<()> {
    match command {
        Command::CodeRepository { command } | Command::Short(command) => {
            code_repository::run(service, output, command, options, stop).await
        }
        Command::Status(status) => status::run(service, output, status).await,
        Command::Secret { command } => secret::run(service, output, command, options).await,
        Command::Provider { command } => provider::run(service, output, command).await,
        Command::Grants { command } => grants::run(service, output, command).await,
        Command::Audit(args) => audit::run(service, output, args).await,
        // They need no service, and were run before.
        Command::Cache { .. } | Command::Completion { .. } => Ok(()),
    }
}

/// Prints one line with the cause and what to do next. Clap prints errors of the command line in its own way.
fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        return match error.print() {
            _ if error.use_stderr() => ExitCode::from(USAGE),
            // Whoever stops reading, like `head`, wants no more.
            Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => report(&failed.into()),
            _ => ExitCode::SUCCESS,
        };
    }
    if error.is::<Negative>() {
        return ExitCode::from(FAILURE);
    }
    // The errors of the service contain their causes; the others are chains.
    let text = if error.is::<ServiceError>() { error.to_string() } else { format!("{error:#}") };
    output::print_stderr(&format!("error: {}\n", escape_untrusted(&text)));
    ExitCode::from(if is_usage(error) { USAGE } else { FAILURE })
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>() || error.downcast_ref().is_some_and(ServiceError::is_usage)
}
