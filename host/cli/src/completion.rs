//! `forgeport completion`.

use crate::{
    args::Cli,
    backend::Backend,
    command_line::{OPEN_TO_PROVIDERS, ProviderOf, with_options_of},
    output::print,
};
use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use forgeport_service::{ComponentSource, ProviderOptions, built_in_names};

pub fn run(backend: &mut Backend, shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(backend), "forgeport", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// The command with the options of all built-in providers: a script knows no `--type` beforehand.
fn command(backend: &mut Backend) -> Command {
    let mut all: Option<ProviderOptions> = None;
    for name in built_in_names() {
        let provider = ProviderOf::New { source: ComponentSource::BuiltIn(name.to_owned()), limits: Vec::new() };
        match (backend.options_of(&provider), &mut all) {
            (Ok(options), None) => all = Some(options),
            (Ok(options), Some(all)) => all.options.extend(options.options),
            // A script without them is better than none.
            (Err(error), _) => tracing::warn!("the script does not complete the options of {name}: {error:#}"),
        }
    }
    let command = Cli::command();
    let Some(all) = all else { return command };
    OPEN_TO_PROVIDERS.iter().fold(command, |command, path| with_options_of(command, path, &all))
}
