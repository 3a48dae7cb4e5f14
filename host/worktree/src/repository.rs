//! Opens repositories as git does.

use std::path::Path;

use gix::Repository;
use gix::bstr::ByteSlice;
use gix::config::{File, Source};

use crate::discovery::Location;
use crate::mask::KnownSecrets;
use crate::{ContextError, MaskedText, config, discovery, file_check, owner, preflight};

/// Keys of git's configuration whose values are files with rules for paths.
const RULES: &[&str] = &["core.attributesFile", "core.excludesFile"];
/// What repositories may have besides the plain format (git's documentation, technical/repository-version).
const EXTENSIONS: &[&str] = &["noop", "partialclone", "preciousobjects", "relativeworktrees", "worktreeconfig"];

/// The repository that `directory` is in: the nearest one upward on the same file system. `GIT_DIR` and similar variables are ignored:
/// the caller has named a directory, and in a git hook they would name another repository.
pub fn find(directory: &Path, secrets: &KnownSecrets) -> Result<Repository, ContextError> {
    match discovery::search(directory)? {
        Some(place) => {
            owner::check(&place, directory)?;
            open(&place, directory, secrets)
        }
        None => Err(ContextError::NotACheckout { path: directory.to_path_buf() }),
    }
}

/// The repository of a submodule's work tree. It is trusted if the one around it is, as git does.
pub fn at(root: &Path, secrets: &KnownSecrets) -> Result<Repository, ContextError> {
    match discovery::at(root)? {
        Some(place) => open(&place, root, secrets),
        None => Err(ContextError::NotACheckout { path: root.to_path_buf() }),
    }
}

fn open(place: &Location, given: &Path, secrets: &KnownSecrets) -> Result<Repository, ContextError> {
    preflight::check(&place.git)?;
    prepare(place, given, secrets)?;
    let opening = |error| opening(given, &error);
    let mut repository = gix::open_opts(&place.directory, config::options()).map_err(opening)?;
    no_file_for_empty_names(&mut repository).map_err(opening)?;
    secrets.learn(repository.config_snapshot().plumbing());
    for setting in RULES {
        if let Ok(Some(file)) = repository.config_snapshot().trusted_path(setting) {
            file_check::check_file(&file, file_check::RULES)?;
        }
    }
    Ok(repository)
}

/// For git an empty name means no file. `gix` takes it for a missing value, and would read the default file.
fn no_file_for_empty_names(repository: &mut Repository) -> gix::Result<()> {
    for setting in RULES {
        if repository.config_snapshot().string(*setting).is_some_and(|name| name.is_empty()) {
            let mut config = repository.config_snapshot_mut();
            config.set_raw_value(*setting, "/dev/null")?;
            config.commit()?;
        }
    }
    Ok(())
}

/// Learns the secrets that must not be repeated in an error, and checks that the repository's format is supported.
fn prepare(place: &Location, given: &Path, secrets: &KnownSecrets) -> Result<(), ContextError> {
    let common = preflight::common(&place.git)?;
    let read = |path| File::from_path_no_includes(path, Source::Local);
    for directory in [&place.git, &common] {
        for name in ["config", "config.worktree"] {
            // A broken file is reported when the repository is opened.
            if let Ok(file) = read(directory.join(name)) {
                secrets.learn(&file);
            }
        }
    }
    match read(common.join("config")).ok().and_then(|file| unsupported(&file)) {
        Some(why) => Err(ContextError::Unsupported { path: given.to_path_buf(), why: MaskedText::new(&why) }),
        None => Ok(()),
    }
}

/// Git reads extensions from version 1 on, but for a few that were there before.
fn unsupported(config: &File) -> Option<String> {
    let version = config.integer("core.repositoryFormatVersion").ok()??;
    if !(0..=1).contains(&version) {
        return Some(format!("version {version} of the repository format"));
    }
    let mut sections = config.sections_by_name("extensions").into_iter().flatten().filter(|_| version == 1);
    sections.find_map(|section| {
        section.value_names().find_map(|name| {
            let value = section.value(&name).unwrap_or_default();
            let plain = match &name.to_ascii_lowercase()[..] {
                "objectformat" => value.eq_ignore_ascii_case(b"sha1"),
                "refstorage" => value.eq_ignore_ascii_case(b"files"),
                other => EXTENSIONS.contains(&other),
            };
            (!plain).then(|| format!("the extension {name} = {}", value.to_str_lossy()))
        })
    })
}

fn opening(given: &Path, error: &gix::Error) -> ContextError {
    let (path, why) = (given.to_path_buf(), MaskedText::of(error));
    if why.as_str().to_ascii_lowercase().contains("config") {
        ContextError::Misconfigured { path, why }
    } else {
        ContextError::Damaged { path, what: "the repository", why }
    }
}
