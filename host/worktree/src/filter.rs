//! Programs that convert files. Those that the user or the system configured are run, as git runs them. Those that only the checkout's own
//! configuration names are not: whoever made the checkout could run them on the machine of everybody who inspects it.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use gix::Repository;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::config::File;
use gix::filter::plumbing::driver::process::Client;
use tempfile::TempDir;

use crate::config::is_of_user;
use forgeport_platform::program::{Child, conversed, converted, program};

/// The folders that an empty repository needs.
const FOLDERS: &[&str] = &["info", "objects/info", "refs"];
/// Where a filter starts git, it writes nothing, asks no questions and fetches nothing.
const ENVIRONMENT: &[(&str, &str)] =
    &[("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_NO_LAZY_FETCH", "1")];

/// The configuration of a filter.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Driver {
    clean: Option<BString>,
    process: Option<BString>,
    required: bool,
}

/// All filters of a checkout.
pub struct Filters<'a> {
    all: HashMap<BString, Driver>,
    of_user: HashMap<BString, Driver>,
    root: &'a Path,
    objects: std::path::PathBuf,
    end: Instant,
    /// The repository that programs see, which is not the checkout's: git would read the checkout's configuration.
    scratch: Option<TempDir>,
    running: HashMap<BString, FilterConversation>,
}

/// The result of a filter.
pub enum Filtered {
    /// There is no program, or it changed nothing.
    Unchanged(Vec<u8>),
    Changed(Vec<u8>),
    /// Why the result is unknown.
    Unknown(String),
}

type FilterConversation = forgeport_platform::program::Conversation<(BString, Vec<u8>), Option<Vec<u8>>>;

impl<'a> Filters<'a> {
    pub fn new(repository: &Repository, root: &'a Path, end: Instant) -> Self {
        let config = repository.config_snapshot();
        Self {
            all: drivers(config.plumbing(), |_| true),
            of_user: drivers(config.plumbing(), is_of_user),
            root,
            objects: repository.common_dir().join("objects"),
            end,
            scratch: None,
            running: HashMap::new(),
        }
    }

    /// True if the filter has a program.
    pub fn has_program(&self, name: &[u8]) -> bool {
        self.all.get(name.as_bstr()).is_some_and(|driver| *driver != Driver::default())
    }

    /// Applies the filter of that name to the content of a file, whose path is from the root.
    pub fn apply(&mut self, name: &[u8], path: &BStr, content: Vec<u8>) -> Filtered {
        let Some(driver) = self.all.get(name.as_bstr()).cloned() else { return Filtered::Unchanged(content) };
        if self.of_user.get(name.as_bstr()) != Some(&driver) {
            return Filtered::Unknown(not_run(name));
        }
        let result = match (&driver.process, &driver.clean) {
            (Some(process), _) if !process.is_empty() => self.converse(name, process, path, &content),
            (None, Some(clean)) if !clean.is_empty() => self.run(clean, path, &content),
            _ => Ok(None),
        };
        match result {
            Ok(Some(changed)) => Filtered::Changed(changed),
            Ok(None) if !driver.required => Filtered::Unchanged(content),
            Ok(None) => Filtered::Unknown(format!("their filter `{}` failed", name.to_str_lossy())),
            Err(why) => Filtered::Unknown(format!("their filter `{}` cannot be run: {why}", name.to_str_lossy())),
        }
    }

    fn run(&mut self, command: &BString, path: &BStr, content: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let command = self.command(&with_path(command.as_bstr(), path))?;
        converted(command, content.to_vec(), self.end)
    }

    fn converse(&mut self, name: &[u8], process: &BString, path: &BStr, content: &[u8]) -> io::Result<Option<Vec<u8>>> {
        if !self.running.contains_key(name.as_bstr()) {
            let command = self.command(process)?;
            self.running.insert(name.into(), conversed(command, converse_with)?);
        }
        let Some(conversation) = self.running.get_mut(name.as_bstr()) else { return Ok(None) };
        conversation.ask((path.to_owned(), content.to_vec()), self.end).map(Option::flatten)
    }

    fn command(&mut self, text: &BString) -> io::Result<Command> {
        let scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => scratch(&self.objects)?,
        };
        let mut command = program("sh");
        command.arg("-c").arg(std::ffi::OsStr::from_bytes(text)).current_dir(self.root);
        command.env("GIT_DIR", scratch.path()).env("GIT_WORK_TREE", self.root).envs(ENVIRONMENT.iter().copied());
        self.scratch = Some(scratch);
        Ok(command)
    }
}

fn not_run(name: &[u8]) -> String {
    format!(
        "the program of their filter `{}` is in the checkout's own git configuration, and a checkout's programs are not run; \
         if you trust it, run `git status` there first, which compares them and notes it",
        name.to_str_lossy()
    )
}

fn drivers(config: &File, counts: fn(&gix::config::file::Metadata) -> bool) -> HashMap<BString, Driver> {
    let mut drivers = HashMap::<BString, Driver>::new();
    for section in config.sections_by_name("filter").into_iter().flatten().filter(|section| counts(section.meta())) {
        let Some(name) = section.header().subsection_name() else { continue };
        let driver = drivers.entry(name.to_owned()).or_default();
        if let Some(clean) = section.value("clean") {
            driver.clean = Some(clean);
        }
        if let Some(process) = section.value("process") {
            driver.process = Some(process);
        }
        if let Some(required) = section.value_implicit("required") {
            let boolean =
                required.map(|value| gix::config::Boolean::try_from(value.as_bstr()).is_ok_and(|value| value.0));
            driver.required = boolean.unwrap_or(true);
        }
    }
    drivers
}

/// The command with `%f` replaced by the file's path, quoted for the shell, and `%%` by `%`.
fn with_path(command: &BStr, path: &BStr) -> BString {
    let mut text = BString::default();
    let mut bytes = command.iter();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'%', Some(b'f')) => {
                text.extend_from_slice(&gix::quote::single(path));
                bytes.next();
            }
            (b'%', Some(b'%')) => {
                text.push(b'%');
                bytes.next();
            }
            _ => text.push(*byte),
        }
    }
    text
}

/// Speaks the protocol of a filter that keeps running (gitattributes(5), "Long Running Filter Process").
fn converse_with(
    child: Child,
    questions: &mut dyn Iterator<Item = (BString, Vec<u8>)>,
    answer: &mut dyn FnMut(Option<Vec<u8>>),
) {
    let Ok(mut client) = Client::handshake(child, "git-filter", &[2], &["clean"]) else { return };
    for (path, content) in questions {
        if !client.capabilities().contains("clean") {
            answer(None);
            continue;
        }
        let mut about = [("pathname", path)].into_iter();
        match client.invoke("clean", &mut about, &mut &content[..]) {
            Ok(status) if status.is_success() => {
                let mut converted = Vec::new();
                answer(client.as_read().read_to_end(&mut converted).ok().map(|_| converted));
            }
            Ok(status) if status.message() == Some("abort") => {
                client.capabilities_mut().remove("clean");
                answer(None);
            }
            Ok(status) if status.message() == Some("error") => answer(None),
            _ => break,
        }
    }
}

/// A repository with the checkout's objects and none of its configuration.
fn scratch(objects: &Path) -> io::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    for name in FOLDERS {
        fs::create_dir_all(path.join(name))?;
    }
    fs::write(path.join("HEAD"), "ref: refs/heads/none\n")?;
    fs::write(path.join("config"), "[core]\n\trepositoryFormatVersion = 0\n\tbare = false\n\thooksPath = /dev/null\n")?;
    fs::write(path.join("objects/info/alternates"), [objects.canonicalize()?.as_os_str().as_bytes(), b"\n"].concat())?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_quoted_in_the_command() {
        for (command, text) in
            [("a %f b", "a 'it'\\''s' b"), ("100%%f %x %", "100%f %x %"), ("%f%f", "'it'\\''s''it'\\''s'")]
        {
            assert_eq!(with_path(command.into(), "it's".into()), text);
        }
    }
}
