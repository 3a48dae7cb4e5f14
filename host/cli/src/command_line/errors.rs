//! Errors of a command line on which a credential may be: no value is repeated.

use crate::output::Usage;
use clap::{
    ArgAction, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::ffi::OsString;

/// The text in place of a value.
const MASK: &str = "********";

/// The error without what was typed in a wrong place; names of options stay.
pub fn without_values(mut error: clap::Error, command: &Command, path: &[&str], given: &[OsString]) -> anyhow::Error {
    match error.kind() {
        ErrorKind::UnknownArgument => {}
        ErrorKind::TooManyValues | ErrorKind::ValueValidation => {
            error.insert(ContextKind::InvalidValue, ContextValue::String(MASK.to_owned()));
            return error.into();
        }
        _ => return error.into(),
    }
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    if let Some(option) = waiting(command, path, given, unknown) {
        return Usage(format!("{option} needs a value: write {option}=VALUE")).into();
    }
    if unknown.starts_with("--") {
        return error.into();
    }
    let why = "there is an argument too many, which is not shown because it may be a credential";
    Usage(format!("{why}: write each option as --OPTION=VALUE, and quote values with spaces")).into()
}

/// The option without a value before an unknown argument, which may be meant as the value.
fn waiting<'a>(command: &Command, path: &[&str], given: &'a [OsString], unknown: &str) -> Option<&'a str> {
    let command = path.iter().try_fold(command, |command, name| command.find_subcommand(name))?;
    let is_unknown = |text: &str| match unknown.strip_prefix("--") {
        Some(_) => text.split('=').next() == Some(unknown),
        // Of a short option only the letter is known here.
        None => unknown.starts_with('-') && text.starts_with(unknown),
    };
    let at = given.iter().position(|argument| argument.to_str().is_some_and(is_unknown))?;
    let before = given.get(at.checked_sub(1)?)?.to_str()?;
    let name = before.strip_prefix("--")?;
    let argument = command.get_arguments().find(|argument| {
        argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|all| all.contains(&name))
    })?;
    let takes_value =
        matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) && !argument.is_require_equals_set();
    takes_value.then_some(before)
}
