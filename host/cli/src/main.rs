//! The `forgeport` command: reads what is asked, calls the service, prints what it answers.

mod args;
mod audit;
mod cache;
mod code_repository;
mod consent;
mod download;
mod grants;
mod guard;
mod output;
mod progress;
mod provider;
mod resources;
mod secret;
mod split;
mod status;
mod terms;
mod values;

use anyhow::Result;
use args::{Cli, Command};
use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};
use forgeport_service::{Config, Deadline, Home, Host, Service, ServiceError, StoreError, Workspace};
use output::{Output, Usage, neutral};
use split::Split;
use std::{ffi::OsString, io, pin::pin, process::ExitCode, sync::Arc};

const FAILURE: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    // Before anything is read or set up: a child has none of it.
    forgeport_service::serve_as_child();
    guard::keep_memory_private();
    guard::keep_panics_silent();
    let given: Vec<OsString> = std::env::args_os().collect();
    match resources::check().and_then(|()| parse(given)).and_then(|(cli, options)| run(cli, options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Takes the options that only a provider knows out first; clap reads the rest.
fn parse(given: Vec<OsString>) -> Result<(Cli, Vec<(String, String)>)> {
    let command = Cli::command();
    let Split { rest, options } = split::split(&command, given)?;
    let takes_credentials = split::open_command(&command, &rest).is_some();
    let matches =
        command.try_get_matches_from(rest).map_err(|error| if takes_credentials { masked(error) } else { error })?;
    Ok((Cli::from_arg_matches(&matches)?, options))
}

/// What stands in a wrong place may be a credential.
fn masked(mut error: clap::Error) -> clap::Error {
    let wrong = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::TooManyValues => ContextKind::InvalidValue,
        _ => return error,
    };
    let is_option = matches!(error.get(wrong), Some(ContextValue::String(text)) if text.starts_with('-'));
    if !is_option {
        error.insert(wrong, ContextValue::String("********".to_owned()));
    }
    error
}

fn run(cli: Cli, options: Vec<(String, String)>) -> Result<()> {
    output::log(cli.verbose);
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "forgeport", &mut script);
        return output::print(&String::from_utf8_lossy(&script));
    }
    let workspace = Workspace::local();
    if let Command::Cache { command } = cli.command {
        return cache::run(
            &Home::from_environment()?.downloads(&workspace),
            Output { json: cli.output == args::Format::Json },
            command,
        );
    }
    let host = Host::open(Config::from_environment()?)?;
    let service = host.workspace(workspace).telling(Arc::new(progress::Lines));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(interruptible(&service, cli, options));
    // What is still on its way is dropped first, and written into the audit log then.
    drop(runtime);
    drop((service, host));
    done
}

/// Dropping the work removes what it has half done; what is past that is finished, and told as usual.
///
/// An interrupt is listened for from where the work first waits. Until then, and so in all commands that never wait, it ends the process.
async fn interruptible(service: &Service, cli: Cli, options: Vec<(String, String)>) -> Result<()> {
    let stop = Deadline::never();
    let mut work = pin!(dispatch(service, cli, options, stop.clone()));
    tokio::select! {
        // What has ended in the same moment has ended.
        biased;
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => {}
    }
    if stop.cancel() {
        return Err(anyhow::anyhow!("interrupted; nothing was changed"));
    }
    work.await?;
    output::tell("the interrupt came when nothing could be stopped any more: the download is complete\n");
    Ok(())
}

async fn dispatch(service: &Service, cli: Cli, options: Vec<(String, String)>, stop: Deadline) -> Result<()> {
    let output = Output { json: cli.output == args::Format::Json };
    match cli.command {
        Command::CodeRepository { command } => code_repository::run(service, output, command, options, stop).await,
        Command::Status(status) => status::run(service, output, status).await,
        Command::Secret { command } => secret::run(service, output, command, options),
        Command::Provider { command } => provider::run(service, output, command).await,
        Command::Grants { command } => grants::run(service, output, command).await,
        Command::Audit(args) => audit::run(service, output, args),
        // They need no service, and were done before.
        Command::Cache { .. } | Command::Completions { .. } => Ok(()),
    }
}

/// One line with the cause and what to do. Clap has its own way to say what is wrong with its arguments.
fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        return match error.print() {
            _ if error.use_stderr() => ExitCode::from(USAGE),
            // Whoever stops reading, like `head`, wants no more.
            Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => report(&failed.into()),
            _ => ExitCode::SUCCESS,
        };
    }
    // The errors of the service tell their causes themselves; the others are chains.
    let own = error.is::<ServiceError>() || error.is::<StoreError>();
    let text = if own { error.to_string() } else { format!("{error:#}") };
    output::tell(&format!("error: {}\n", neutral(&text)));
    let usage = error.is::<Usage>() || matches!(error.downcast_ref(), Some(ServiceError::Option(_)));
    ExitCode::from(if usage { USAGE } else { FAILURE })
}
