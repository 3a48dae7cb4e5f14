//! Finds the commands that the texts of the program advise.

use std::{collections::BTreeSet, fs, path::Path};

/// What an advised command begins with.
const PROGRAMS: [&str; 6] = ["forgeport ", "git ", "chmod ", "ulimit ", "openssl ", "--"];
/// And one that is printed alone.
const ALONE: [&str; 2] = ["forgeport code-repository ", "forgeport grants "];

/// All advised commands in the texts of the program.
pub fn in_sources() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = BTreeSet::new();
    for directory in ["host", "sdk/rust/src", "providers"] {
        sources(&root.join(directory), &mut |text| {
            for literal in literals(text) {
                let quoted = literal.split('`').skip(1).step_by(2).map(str::to_owned);
                let is_command = |text: &String| PROGRAMS.iter().any(|program| text.starts_with(program));
                found.extend(quoted.filter(is_command));
                // What is only a command is advised where it is printed.
                // The line of usage is no advice.
                let alone =
                    |text: &String| !text.contains("<NAME>") && ALONE.iter().any(|begin| text.starts_with(begin));
                found.extend(Some(literal.clone()).filter(alone));
            }
        });
    }
    found
}

/// The Rust files of the product below a directory, without their tests.
fn sources(directory: &Path, look: &mut dyn FnMut(&str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let of_tests =
            ["target", "tests", "xtask", "artifacts", "tests.rs"].contains(&&*name) || name.ends_with("_tests.rs");
        if of_tests {
            continue;
        }
        if path.is_dir() {
            sources(&path, look);
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            look(text.split("#[cfg(test)]").next().unwrap());
        }
    }
}

/// The string literals of a Rust file, as the program has them.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in joined(text) {
        let mut rest = line.as_str();
        while let Some(start) = rest.find('"') {
            if rest[..start].contains("//") {
                break;
            }
            // A quotation mark as a character.
            if rest[..start].ends_with('\'') && rest[start..].starts_with("\"'") {
                rest = &rest[start + 1..];
                continue;
            }
            let mut escaped = false;
            let end = rest[start + 1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let Some(end) = end else { break };
            found.push(rest[start + 1..start + 1 + end].replace("\\\"", "\""));
            rest = &rest[start + end + 2..];
        }
    }
    found
}

/// The lines, with those that go on in the next put together.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => last.push_str(line.trim_start()),
            None => lines.push(line.to_owned()),
        }
        goes_on = line.ends_with('\\');
        if let Some(last) = lines.last_mut().filter(|_| goes_on) {
            last.pop();
        }
    }
    lines
}
