//! Finds the files that a checkout's git configuration includes, and checks each before it is opened.
//!
//! An included file is read each time that it is named. Ten files that each include the next one a hundred times are small, have no
//! circle, and are read 10^18 times.

use std::path::{Path, PathBuf};

use crate::{ContextError, file_check};

/// The most files that are read, each counted as often as it is named.
const MOST: usize = 256;

/// Checks every file that the configuration includes, whatever the conditions.
///
/// # Errors
/// When one is not a regular file or too large, or there are too many.
pub fn check(config: &Path) -> Result<(), ContextError> {
    let mut pending = vec![config.to_path_buf()];
    let mut read = 0;
    while let Some(path) = pending.pop() {
        read += 1;
        if read > MOST {
            return Err(ContextError::TooManyIncludes { path: config.to_path_buf(), limit: MOST });
        }
        file_check::check_file(&path, file_check::CONFIG)?;
        // A file that cannot be read is reported where it is needed.
        let Ok(text) = std::fs::read(&path) else { continue };
        pending.extend(included(&String::from_utf8_lossy(&text)).iter().map(|value| resolved(value, &path)));
    }
    Ok(())
}

fn resolved(value: &str, from: &Path) -> PathBuf {
    match (value.strip_prefix("~/"), std::env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => from.parent().unwrap_or(from).join(value),
    }
}

/// The values of every `path` in a section `include` or `includeIf` (git-config(1), "CONFIGURATION FILE"). Where the text is odd, rather
/// too many than too few.
fn included(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    let text = text.replace("\\\r\n", "").replace("\\\n", "");
    for line in text.lines() {
        let mut line = line.trim_start_matches('\u{feff}').trim();
        // A key may follow on the section's own line; its name may contain a `]` in quotes.
        while let Some(section) = line.strip_prefix('[') {
            inside = section.trim_start().get(..7).is_some_and(|name| name.eq_ignore_ascii_case("include"));
            line = after_section(section);
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if inside && key.trim().eq_ignore_ascii_case("path") {
            found.push(unquoted(value.trim()));
        }
    }
    found
}

fn after_section(text: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (place, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return text[place + 1..].trim_start(),
            _ => {}
        }
    }
    ""
}

fn unquoted(value: &str) -> String {
    let mut text = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for char in value.chars() {
        match char {
            _ if escaped => {
                text.push(char);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            _ => text.push(char),
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_include_a_file_is_found() {
        for (text, paths) in [
            ("[include]\n\tpath = a\n", vec!["a"]),
            ("[include] path = a\n[user] path = b", vec!["a"]),
            ("[INCLUDE]\nPATH=a ; a comment\npath = \"b ; c\"", vec!["a", "b ; c"]),
            ("[includeIf \"gitdir:x]\"] path = a\\\nb", vec!["ab"]),
            ("[include][include]path=a", vec!["a"]),
            ("\u{feff}[include]\r\npath = a\r\n", vec!["a"]),
            ("[remote \"include\"]\npath = a", vec![]),
        ] {
            assert_eq!(included(text), paths, "{text}");
        }
    }
}
