//! Values of options and of secrets: from the command line, a file, standard input or the terminal.
//!
//! | written | the value is |
//! | --- | --- |
//! | `VALUE` | literal |
//! | `@FILE`, `@-` | the text of the file, or of standard input, without its last line break; it counts as a credential |
//! | `@@...` | what follows the first `@`, for a value that begins with `@` |

use anyhow::{Context, Result, bail};
use forgeport_service::OptionValue;
use serde_json::Value;
use std::{
    io::{IsTerminal, Read},
    path::Path,
};
use zeroize::Zeroizing;

/// A value is at most this long, in bytes; a larger file was named by mistake.
const LONGEST: u64 = 1 << 20;

/// Reads the values of options.
pub fn read(options: Vec<(String, String)>) -> Result<Vec<(String, OptionValue)>> {
    options.into_iter().map(|(name, value)| Ok((name.clone(), read_one(&name, value)?))).collect()
}

fn read_one(name: &str, value: String) -> Result<OptionValue> {
    let value = Zeroizing::new(value);
    match value.strip_prefix('@') {
        None => Ok(OptionValue::Typed(value)),
        Some(text) if text.starts_with('@') => Ok(OptionValue::Typed(Zeroizing::new(text.to_owned()))),
        Some("") => {
            bail!("--{name}: which file? Write @FILE, or @- for standard input, or @@ for a value that begins with @")
        }
        Some(file) => {
            let mut text = contents(Path::new(file)).with_context(|| format!("--{name}"))?;
            // The newline that editors and `echo` leave at the end belongs to no token.
            let end = text.strip_suffix('\n').map_or(text.len(), |rest| rest.strip_suffix('\r').unwrap_or(rest).len());
            text.truncate(end);
            Ok(OptionValue::Hidden(text))
        }
    }
}

/// The text of a file, or of standard input for `-`.
fn contents(file: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let (read, name) = if file == Path::new("-") {
        (std::io::stdin().take(LONGEST + 1).read_to_string(&mut text), "standard input".to_owned())
    } else {
        let opened = std::fs::File::open(file);
        let read = opened.and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        (read, file.display().to_string())
    };
    let length = read.with_context(|| format!("cannot read {name}"))?;
    if length as u64 > LONGEST {
        bail!("{name} is longer than {LONGEST} bytes, the most that a value can have");
    }
    Ok(text)
}

/// Keys and values from an object in JSON.
pub fn object(file: &Path) -> Result<Vec<(String, Zeroizing<String>)>> {
    let text = contents(file)?;
    let Ok(Value::Object(object)) = serde_json::from_str(&text) else {
        bail!("{} is not a JSON object: write {{\"key\": \"value\"}}", file.display());
    };
    object
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(value) => Ok((key, Zeroizing::new(value))),
            _ => bail!("{}: the value of {key:?} is not a string: put it in quotes", file.display()),
        })
        .collect()
}

/// Asks on the terminal without showing what is typed.
pub fn ask(key: &str) -> Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for {key} on: use --{key}=@FILE, or --{key}=@- for standard input");
    }
    let value = rpassword::prompt_password(format!("{key}: ")).with_context(|| format!("cannot read {key}"))?;
    Ok(Zeroizing::new(value))
}
