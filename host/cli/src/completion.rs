//! `forgeport completion`.

use crate::{
    args::Cli,
    command_line::{OPEN_TO_PROVIDERS, ProviderOf, with_options_of},
    host::Host,
    output::print,
};
use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use forgeport_service::{BUILT_IN, ProviderOptions, Source};

pub fn run(host: &mut Host, shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(host), "forgeport", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// The command with the options of all built-in providers: a script knows no `--type` beforehand.
fn command(host: &mut Host) -> Command {
    let mut all: Option<ProviderOptions> = None;
    for (name, _) in BUILT_IN {
        let provider = ProviderOf::New { source: Source::BuiltIn(name.to_owned()), limits: Vec::new() };
        match (host.options_of(&provider), &mut all) {
            (Ok(options), None) => all = Some(options),
            (Ok(options), Some(all)) => all.settings.extend(options.settings),
            // A script without them is better than none.
            (Err(error), _) => tracing::warn!("the script does not complete the options of {name}: {error:#}"),
        }
    }
    let command = Cli::command();
    let Some(all) = all else { return command };
    OPEN_TO_PROVIDERS.iter().fold(command, |command, path| with_options_of(command, path, &all))
}
