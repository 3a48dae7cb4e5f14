//! Takes the options that clap cannot know out of the arguments: those of a provider, and the keys of a secret.

use crate::output::Usage;
use anyhow::Result;
use clap::Command;
use std::ffi::OsString;

/// The commands that take such options.
const OPEN: [[&str; 2]; 4] =
    [["code-repository", "register"], ["code-repository", "update"], ["secret", "create"], ["secret", "update"]];

/// The arguments, parted.
#[derive(Debug)]
pub struct Split {
    /// For clap.
    pub rest: Vec<OsString>,
    /// The others, as they were given.
    pub options: Vec<(String, String)>,
}

/// Parts the arguments. `--key value` is one option, unless the value looks like an option itself.
pub fn split(command: &Command, given: Vec<OsString>) -> Result<Split> {
    let Some(open) = open_command(command, &given) else {
        return Ok(Split { rest: given, options: Vec::new() });
    };
    let mut split = Split { rest: Vec::new(), options: Vec::new() };
    let mut given = given.into_iter().peekable();
    while let Some(argument) = given.next() {
        if argument == "--" {
            split.rest.push(argument);
            split.rest.extend(given);
            break;
        }
        let Some((name, value)) = foreign(command, open, &argument)? else {
            split.rest.push(argument);
            continue;
        };
        let looks_like_value = |next: &OsString| !next.to_string_lossy().starts_with("--");
        let value = match value {
            Some(value) => value,
            None => match given.next_if(looks_like_value) {
                Some(next) => next.into_string().map_err(|_| Usage(format!("the value of --{name} is not UTF-8")))?,
                None => return Err(Usage(format!("--{name} needs a value: write --{name}=VALUE")).into()),
            },
        };
        split.options.push((name, value));
    }
    Ok(split)
}

/// The command that is called, if it takes options of others. Global flags may stand before its name.
pub fn open_command<'a>(command: &'a Command, given: &[OsString]) -> Option<&'a Command> {
    let mut words = given.iter().skip(1).filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-'));
    let path = OPEN.iter().find(|[group, _]| words.clone().any(|word| word == *group))?;
    let group = words.find(|word| *word == path[0])?;
    let name = words.next()?;
    let is_open = OPEN.contains(&[group, name]);
    command.find_subcommand(group)?.find_subcommand(name).filter(|_| is_open)
}

/// Name and value of an option that clap does not know.
fn foreign(root: &Command, open: &Command, argument: &OsString) -> Result<Option<(String, Option<String>)>> {
    let lossy = argument.to_string_lossy();
    let Some(option) = lossy.strip_prefix("--") else { return Ok(None) };
    let name = option.split('=').next().unwrap_or(option);
    let own = |command: &Command| command.get_arguments().any(|own| own.get_long() == Some(name));
    if own(root) || own(open) || matches!(name, "help" | "version") {
        return Ok(None);
    }
    let Some(option) = argument.to_str().and_then(|text| text.strip_prefix("--")) else {
        return Err(Usage(format!("the value of --{name} is not UTF-8")).into());
    };
    Ok(Some(match option.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (option.to_owned(), None),
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parts(line: &str) -> (Vec<String>, Vec<(String, String)>) {
        let given = line.split(' ').map(OsString::from).collect();
        let split = split(&crate::args::Cli::command(), given).unwrap();
        (split.rest.into_iter().map(|word| word.into_string().unwrap()).collect(), split.options)
    }

    #[test]
    fn what_clap_knows_stays_and_the_rest_is_taken_out() {
        let (rest, options) = parts(
            "forgeport --output json code-repository register demo --type=github --owner acme --api_url=https://a --yes",
        );
        assert_eq!(rest.join(" "), "forgeport --output json code-repository register demo --type=github --yes");
        let expected = [("owner", "acme"), ("api_url", "https://a")];
        assert_eq!(options, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn other_commands_are_left_as_they_are() {
        let line = "forgeport code-repository download register --owner=x";
        assert_eq!(parts(line).0.join(" "), line);
        assert_eq!(parts("forgeport status register").1, []);
    }

    #[test]
    fn a_value_may_hold_anything_after_an_equals_sign() {
        let (_, options) = parts("forgeport secret create s --a=--b=c --d=");
        assert_eq!(options, [("a".to_owned(), "--b=c".to_owned()), ("d".to_owned(), String::new())]);
    }

    #[test]
    fn an_option_without_a_value_is_an_error_that_names_it() {
        for line in ["forgeport secret create s --token", "forgeport secret create s --token --other=x"] {
            let given = line.split(' ').map(OsString::from).collect();
            let error = split(&crate::args::Cli::command(), given).unwrap_err();
            assert!(error.is::<Usage>() && error.to_string().contains("--token needs a value"), "{error}");
        }
    }
}
