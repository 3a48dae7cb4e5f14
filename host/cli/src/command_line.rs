//! Reads the command line in two passes, since some commands take options that only a provider or the user knows.
//!
//! | command | its further options are | known from |
//! | --- | --- | --- |
//! | `register`, `update` | those of the provider | its description, once the first pass has found which provider it is |
//! | `secret create`, `secret update` | the keys of the secret, any name | the command line itself |
//! | all others | none | |
//!
//! Both passes are clap's: the further options are arguments like all others, so that help, suggestions and completion know them. A value
//! on such a command line may be a credential, so no error repeats one.

mod errors;
mod further;

use crate::args::Cli;
use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use forgeport_service::{ComponentSource, ProviderOptions, component_source};
use further::{FurtherOption, with_further};
use std::{ffi::OsString, path::PathBuf};

pub use further::{OPEN_TO_PROVIDERS, with_options_of};

/// The further options that were given, with their values, in the order of the help.
pub type GivenOptions = Vec<(String, String)>;

/// Which provider the options of a command belong to, with the changes of limits that are given for it.
#[derive(Debug)]
pub enum ProviderOf {
    /// One that is to be registered.
    New { source: ComponentSource, limits: Vec<String> },
    /// That of a code repository, or the one that is to replace it.
    CodeRepository { name: String, source: Option<ComponentSource>, limits: Vec<String> },
}

/// The first pass: it accepts any option, and fails at none.
pub struct FirstPass {
    given: Vec<OsString>,
    matches: ArgMatches,
}

/// One of the commands that take further options, as the first pass has found it.
struct Open<'a> {
    path: &'static [&'static str],
    matches: &'a ArgMatches,
}

impl FirstPass {
    /// Looks for the command and what says which provider is meant.
    pub fn of(given: Vec<OsString>) -> FirstPass {
        let help = Arg::new("help").long("help").short('h').global(true).action(ArgAction::SetTrue);
        let lenient = any_option(&given).disable_help_flag(true).arg(help).ignore_errors(true);
        // Only `--version` and the command `help` end it, which the second pass prints.
        let matches = lenient.try_get_matches_from(&given).unwrap_or_default();
        FirstPass { given, matches }
    }

    /// Whether `--verbose` is given.
    pub fn verbose(&self) -> bool {
        matches!(self.matches.try_get_one("verbose"), Ok(Some(true)))
    }

    /// The second pass, with the options of the provider that `options_of` finds.
    pub fn parse(self, options_of: impl FnOnce(&ProviderOf) -> Result<ProviderOptions>) -> Result<(Cli, GivenOptions)> {
        let Some(open) = self.open() else {
            return Ok((Cli::from_arg_matches(&Cli::command().try_get_matches_from(&self.given)?)?, Vec::new()));
        };
        let mut further = FurtherOption::typed(open.path, &self.given);
        let asks_for_help = matches!(self.matches.try_get_one("help"), Ok(Some(true)));
        let mut command = any_option(&self.given);
        // Which options there are matters only where one is given or the help lists them.
        if !further.is_empty() || asks_for_help {
            match open.provider() {
                None => {}
                Some(Ok(provider)) => {
                    let options = options_of(&provider)?;
                    further = FurtherOption::of(open.path, &options);
                    command = with_options_of(Cli::command(), open.path, &options);
                }
                Some(Err(error)) => {
                    // What else is wrong is reported first, and the help needs no provider.
                    self.strict(command, open.path)?;
                    return Err(error);
                }
            }
        }
        let matches = self.strict(command, open.path)?;
        Ok((Cli::from_arg_matches(&matches)?, further::values(leaf(&matches), &further)))
    }

    fn strict(&self, mut command: Command, path: &[&str]) -> Result<ArgMatches> {
        let parsed = command.try_get_matches_from_mut(&self.given);
        parsed.map_err(|error| errors::without_values(error, &command, path, &self.given))
    }

    fn open(&self) -> Option<Open<'_>> {
        let mut names = Vec::new();
        let mut matches = &self.matches;
        while let Some((name, below)) = matches.subcommand() {
            names.push(name);
            matches = below;
        }
        let path = further::open().find(|path| **path == names)?;
        Some(Open { path, matches })
    }
}

impl Open<'_> {
    /// None where the command has no provider, as for a secret, or does not say whose it is.
    fn provider(&self) -> Option<Result<ProviderOf>> {
        let text = |id: &str| self.matches.try_get_one::<String>(id).ok().flatten().cloned();
        let file = self.matches.try_get_one::<PathBuf>("source").ok().flatten().cloned();
        let limits = self.matches.try_get_many::<String>("limit").ok().flatten().unwrap_or_default().cloned().collect();
        match self.path {
            [.., "register"] => {
                let source = component_source(text("kind").as_deref(), file.as_deref());
                Some(source.map(|source| ProviderOf::New { source, limits }).map_err(Into::into))
            }
            [.., "update"] if self.path[0] != "secret" => {
                let source = file.map(ComponentSource::File);
                text("name").map(|name| Ok(ProviderOf::CodeRepository { name, source, limits }))
            }
            _ => None,
        }
    }
}

/// The whole command, in which each option that is typed is one.
fn any_option(given: &[OsString]) -> Command {
    further::open().fold(Cli::command(), |command, path| with_further(command, path, FurtherOption::typed(path, given)))
}

fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| leaf(below))
}
