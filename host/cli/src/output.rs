//! All output: data on standard output, messages on standard error.
//!
//! Text from elsewhere (forges, providers, file names) passes [`escape_untrusted`] on its way.

use anyhow::Result;
use forgeport_service::deceives;
pub use forgeport_service::escape_untrusted;
use serde::Serialize;
use std::{fmt, io::Write};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The form that the user wants.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

/// The command line is at fault.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The answer is no. It is printed already, and the exit code reports it.
#[derive(Debug)]
pub struct Negative;

impl fmt::Display for Negative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is no")
    }
}

impl std::error::Error for Negative {}

impl Output {
    /// Prints data in the form that is wanted.
    pub fn data(self, data: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if self.json {
            print(&format!("{}\n", escape_untrusted_json(&serde_json::to_string_pretty(data)?)))
        } else {
            print(&text())
        }
    }
}

/// Prints on standard output. Whoever stops reading, like `head`, wants no more.
pub fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a message for people on standard error. Where it cannot be printed, the work still goes on.
pub fn print_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Rows in columns as wide as they must be, the first of them the titles.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// JSON in which strings have escapes for what could control a terminal (RFC 8259, section 7). Outside of strings only line breaks do.
fn escape_untrusted_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' => escaped.push(c),
            c if deceives(c) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped += &format!("\\u{unit:04x}"))
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Logs warnings to standard error, and each step with `verbose`. Only Forgeport's own messages: other crates might print headers.
pub fn log(verbose: bool) {
    let level = if verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let mut filter = EnvFilter::new("off");
    for target in ["forgeport", "provider"] {
        filter = filter.add_directive(format!("{target}={level}").parse().unwrap_or_else(|_| level.into()));
    }
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).without_time();
    // Where a provider was asked for its options, it is set up already.
    let _ = log.with_target(verbose).try_init();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_could_control_a_terminal_is_escaped_in_text_and_in_json() {
        let evil = "a\u{1b}[31mb\u{202e}c\u{200b}d\u{e0041}\u{7f}\r\n";
        let json = escape_untrusted_json(&serde_json::to_string(evil).unwrap());
        for shown in [escape_untrusted(evil), json.clone()] {
            assert!(!shown.contains(deceives) && shown.contains("200b"), "{shown}");
        }
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), evil);
        assert_eq!(
            (escape_untrusted("ünï ✓"), escape_untrusted_json("\"ünï ✓\"")),
            ("ünï ✓".to_owned(), "\"ünï ✓\"".to_owned())
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            table(&[row(["NAME", "TYPE"]), row(["a-long-one", ""]), row(["ä", "x"])]),
            "NAME        TYPE\na-long-one\nä           x\n"
        );
    }

    #[test]
    fn what_could_control_a_terminal_is_shown_as_text() {
        assert_eq!(escape_untrusted("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\n\\u{202e}c");
    }
}
