//! The options that are added to a command for its second pass.

use clap::{Arg, ArgMatches, Command};
use forgeport_service::{OptionDefinition, ProviderOptions};
use std::{collections::BTreeSet, ffi::OsString};

/// The commands that take the options of a provider, each in full and in its short form.
pub const OPEN_TO_PROVIDERS: [&[&str]; 4] =
    [&["code-repository", "register"], &["code-repository", "update"], &["register"], &["update"]];
/// The commands that take any option, as a key of a secret.
const OPEN_TO_KEYS: [&[&str]; 2] = [&["secret", "create"], &["secret", "update"]];

/// All commands that take further options.
pub fn open() -> impl Iterator<Item = &'static [&'static str]> {
    OPEN_TO_PROVIDERS.into_iter().chain(OPEN_TO_KEYS)
}

/// The further options that were given, with their values, in the order of the help.
pub type GivenOptions = Vec<(String, String)>;

/// An option that is not the command's own.
#[derive(Clone, Debug)]
pub struct FurtherOption {
    name: &'static str,
    /// How it may be written besides.
    alias: Option<&'static str>,
    /// The help; an option without it is not listed.
    help: Option<String>,
}

impl FurtherOption {
    /// Those whose names stand on the command line.
    pub fn typed(root: &Command, path: &[&str], given: &[OsString]) -> Vec<FurtherOption> {
        let mut known = own_options(root, path);
        let names = given.iter().take_while(|argument| *argument != "--").filter_map(|argument| {
            let option = argument.to_str()?.strip_prefix("--")?;
            option.split('=').next().filter(|name| !name.is_empty() && !name.starts_with('-'))
        });
        let new = names.filter(|name| known.insert((*name).to_owned())).map(lasting);
        new.map(|name| FurtherOption { name, alias: None, help: None }).collect()
    }

    /// Those of a provider. One that has the name of the command's own option cannot be given.
    pub fn of(root: &Command, path: &[&str], options: &ProviderOptions) -> Vec<FurtherOption> {
        let mut known = own_options(root, path);
        let new = options.options.iter().filter(|setting| known.insert(setting.name.clone()));
        let mut further: Vec<FurtherOption> = new.map(FurtherOption::from).collect();
        // An own option keeps its spelling.
        further
            .iter_mut()
            .for_each(|option| option.alias = option.alias.filter(|alias| known.insert((*alias).to_owned())));
        further
    }

    fn argument(self, heading: Option<&'static str>) -> Arg {
        let argument = Arg::new(self.id()).long(self.name).value_name("VALUE").aliases(self.alias);
        let argument = argument.help_heading(heading).hide(self.help.is_none());
        if let Some(help) = self.help { argument.help(help) } else { argument }
    }

    /// Apart from the names of the command's own.
    fn id(&self) -> &'static str {
        lasting(&format!("--{}", self.name))
    }
}

impl From<&OptionDefinition> for FurtherOption {
    fn from(setting: &OptionDefinition) -> FurtherOption {
        let OptionDefinition { name, help, required, secret, default } = setting;
        let notes = [
            required.then(|| " [required]".to_owned()),
            secret.then(|| " [secret]".to_owned()),
            default.as_ref().map(|default| format!(" [default: {default}]")),
        ];
        let notes: String = notes.into_iter().flatten().collect();
        let dashed = name.replace('_', "-");
        let alias = (dashed != *name).then(|| lasting(&dashed));
        FurtherOption { name: lasting(name), alias, help: Some(format!("{help}{notes}")) }
    }
}

/// The command with a provider's options, and a line of usage that has the required ones.
pub fn with_options_of(command: Command, path: &[&str], options: &ProviderOptions) -> Command {
    let heading = lasting(&format!("Options of the provider {} {}", options.provider, options.version));
    let further = FurtherOption::of(&command, path, options);
    at(command, path, &|command| command.args(further.iter().cloned().map(|option| option.argument(Some(heading)))))
}

/// The command with options that its help does not list.
pub fn with_further(command: Command, path: &[&str], options: Vec<FurtherOption>) -> Command {
    at(command, path, &|command| command.args(options.iter().cloned().map(|option| option.argument(None))))
}

/// The values of the options that were given.
pub fn values(matches: &ArgMatches, options: &[FurtherOption]) -> GivenOptions {
    let value = |option: &FurtherOption| matches.try_get_one::<String>(option.id()).ok().flatten().cloned();
    options.iter().filter_map(|option| Some((option.name.to_owned(), value(option)?))).collect()
}

fn at(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [name, below @ ..] => command.mut_subcommand(name, |command| at(command, below, change)),
    }
}

/// The long options that the command has itself.
fn own_options(root: &Command, path: &[&str]) -> BTreeSet<String> {
    let mut command = Some(root);
    let mut known = BTreeSet::from(["help".to_owned(), "version".to_owned()]);
    let mut below = path.iter();
    while let Some(found) = command {
        known.extend(found.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)));
        command = below.next().and_then(|name| found.find_subcommand(name));
    }
    known
}

/// Clap takes names that live as long as the program; those of one command line are few and short.
fn lasting(text: &str) -> &'static str {
    text.to_owned().leak()
}
