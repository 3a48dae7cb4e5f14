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

pub use further::{GivenOptions, OPEN_TO_PROVIDERS, with_options_of};

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
    /// With the options that it has itself.
    command: Command,
    /// Empty where the command takes no others.
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
        let command = Cli::command();
        if !given.iter().any(|word| further::open().any(|path| path.last().is_some_and(|name| word == name))) {
            return FirstPass { given, command, matches: ArgMatches::default() };
        }
        let help = Arg::new("help").long("help").short('h').global(true).action(ArgAction::SetTrue);
        let lenient = any_option(&command, &given).disable_help_flag(true).arg(help).ignore_errors(true);
        // Only `--version` and the command `help` end it, which the second pass prints.
        let matches = lenient.try_get_matches_from(&given).unwrap_or_default();
        FirstPass { given, command, matches }
    }

    /// True if `--verbose` is given to a command that takes further options.
    pub fn verbose(&self) -> bool {
        matches!(self.matches.try_get_one("verbose"), Ok(Some(true)))
    }

    /// The second pass, with the options of the provider that `options_of` finds.
    pub fn parse(self, options_of: impl FnOnce(&ProviderOf) -> Result<ProviderOptions>) -> Result<(Cli, GivenOptions)> {
        let Some(open) = self.open() else {
            let matches = self.command.try_get_matches_from(&self.given)?;
            return Ok((Cli::from_arg_matches(&matches)?, Vec::new()));
        };
        let (command, further) = self.second(&open, options_of)?;
        let matches = self.strict(command, open.path)?;
        Ok((Cli::from_arg_matches(&matches)?, further::values(leaf(&matches), &further)))
    }

    /// The command for the second pass, and which of its options are not its own.
    fn second(
        &self,
        open: &Open<'_>,
        options_of: impl FnOnce(&ProviderOf) -> Result<ProviderOptions>,
    ) -> Result<(Command, Vec<FurtherOption>)> {
        let typed = FurtherOption::typed(&self.command, open.path, &self.given);
        let any_option = any_option(&self.command, &self.given);
        let asks_for_help = matches!(self.matches.try_get_one("help"), Ok(Some(true)));
        // Which options there are matters only where one is given or the help lists them.
        if typed.is_empty() && !asks_for_help {
            return Ok((any_option, typed));
        }
        match open.provider() {
            None => Ok((any_option, typed)),
            Some(Ok(provider)) => {
                let options = options_of(&provider)?;
                let command = with_options_of(self.command.clone(), open.path, &options);
                Ok((command, FurtherOption::of(&self.command, open.path, &options)))
            }
            Some(Err(error)) => {
                // What else is wrong is reported first, and the help needs no provider.
                self.strict(any_option, open.path)?;
                Err(error)
            }
        }
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
fn any_option(command: &Command, given: &[OsString]) -> Command {
    let add = |all: Command, path| with_further(all, path, FurtherOption::typed(command, path, given));
    further::open().fold(command.clone(), add)
}

fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| leaf(below))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::args::{CodeRepositoryCommand, Command, SecretCommand};
    use forgeport_service::OptionDefinition;

    /// What a provider may take; the last two have the names of the command's own options.
    fn options() -> ProviderOptions {
        let setting = |name: &str| OptionDefinition {
            name: name.to_owned(),
            help: "Help".to_owned(),
            required: false,
            secret: name == "token",
            default: None,
        };
        let options = ["owner", "api_url", "token", "limit", "allow_private"].map(setting).to_vec();
        ProviderOptions { provider: "forge".to_owned(), version: "1".to_owned(), options }
    }

    fn parse(line: &str) -> Result<(Cli, GivenOptions, Option<String>)> {
        let mut asked = None;
        let given = line.split(' ').map(OsString::from).collect();
        let (cli, given) = FirstPass::of(given).parse(|provider| {
            asked = Some(format!("{provider:?}"));
            Ok(options())
        })?;
        Ok((cli, given, asked))
    }

    fn pairs(expected: &[(&str, &str)]) -> GivenOptions {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn options_of_the_provider_are_read_in_either_spelling_and_the_commands_own_stay_its_own() {
        for command in ["register", "code-repository register", "repo register", "--output json register"] {
            let line = "demo --api-url=https://a --limit=memory=1MiB --type=github --owner acme --yes";
            let (cli, given, asked) = parse(&format!("forgeport {command} {line}")).unwrap();
            assert_eq!(given, pairs(&[("owner", "acme"), ("api_url", "https://a")]));
            assert!(asked.unwrap().contains("github"));
            let (Command::Short(command) | Command::CodeRepository { command }) = cli.command else { panic!() };
            let CodeRepositoryCommand::Register(args) = command else { panic!() };
            assert!(args.name == "demo" && args.grants.yes && args.grants.limit == ["memory=1MiB"]);
        }
    }

    #[test]
    fn a_provider_is_only_asked_where_its_options_matter() {
        for line in
            ["register demo --type=github --yes", "update demo --description=x", "list", "secret create s --a=b"]
        {
            assert_eq!(parse(&format!("forgeport {line}")).unwrap().2, None, "{line}");
        }
        let (_, given, asked) = parse("forgeport update --token=x demo --unset=owner").unwrap();
        assert_eq!(given, pairs(&[("token", "x")]));
        assert!(asked.unwrap().contains("demo"));
    }

    #[test]
    fn any_key_of_a_secret_is_an_option_and_a_value_may_contain_anything_after_an_equals_sign() {
        let (cli, given, _) = parse("forgeport secrets create s --a=--b=c --d= --e f --ask=g --a-b=1 --a_b=2").unwrap();
        assert_eq!(given, pairs(&[("a", "--b=c"), ("d", ""), ("e", "f"), ("a-b", "1"), ("a_b", "2")]));
        let Command::Secret { command: SecretCommand::Create(values) } = cli.command else { panic!() };
        assert_eq!(values.ask, ["g"]);
    }

    #[test]
    fn an_option_without_a_value_or_given_twice_is_an_error_that_names_it() {
        for line in [
            "secret create s --token",
            "secret create s --token --other=x",
            "secret create s --token=s3cret --token=s3cret",
            "register x --type=github --token",
            "register x --type=github --token=s3cret --token=s3cret",
            "register x --token",
        ] {
            let error = parse(&format!("forgeport {line}")).unwrap_err().to_string();
            assert!(error.contains("--token") && !error.contains("s3cret"), "{line}: {error}");
        }
    }

    #[test]
    fn verbose_is_known_before_the_options_are() {
        let verbose = |line: &str| FirstPass::of(line.split(' ').map(OsString::from).collect()).verbose();
        assert!(verbose("forgeport register x --type=github --owner=a -v"));
        assert!(verbose("forgeport --verbose repo update x --owner a"));
        assert!(!verbose("forgeport update x --owner a") && !verbose("forgeport"));
    }
}
