//! Git's configuration from outside of a checkout, read from where git reads it.
//!
//! `gix` reads all of it but two: `GIT_CONFIG_PARAMETERS`, in which `git -c` passes its values on to hooks and the programs that they
//! start, and the keys that count before a repository is known (git-config(1), "protected configuration").

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use gix::bstr::{BString, ByteSlice};
use gix::config::{File, Source};

/// Values that the checkout's configuration cannot change: `git replace` is reported and not followed, and no object, also no tree of a
/// million files, takes more memory.
const OVERRIDES: [&str; 2] = ["core.useReplaceRefs=false", "gitoxide.objects.allocLimit=128m"];

/// True if a value is not from the checkout itself, whose programs are not run, and which cannot declare itself safe.
pub fn is_of_user(meta: &gix::config::file::Metadata) -> bool {
    !matches!(meta.source, Source::Local | Source::Worktree)
}

/// The options to open a repository: with the whole configuration that git would see, without any program, and with objects as they are
/// named, not as `git replace` shows them.
pub fn options() -> gix::open::Options {
    let mut permissions = gix::open::Permissions::all();
    permissions.config.git_binary = false;
    permissions.attributes.git_binary = false;
    // Where other objects and another index are: the caller has named a directory.
    permissions.env.objects = gix::sec::Permission::Deny;
    gix::open::Options::default()
        .permissions(permissions)
        .system_config_path(system())
        .filter_config_section(|_| true)
        .cli_overrides(parameters().into_iter().flatten())
        .config_overrides(OVERRIDES)
        .with(gix::sec::Trust::Full)
}

fn system() -> PathBuf {
    std::env::var_os("GIT_CONFIG_SYSTEM").map_or_else(|| "/etc/gitconfig".into(), PathBuf::from)
}

/// The values of a key outside of any repository, in git's order.
pub fn protected(key: &str) -> gix::Result<Vec<BString>> {
    let home = std::env::home_dir();
    let interpolate = gix::config::path::interpolate::Context {
        home_dir: home.as_deref(),
        home_for_user: Some(gix::config::path::interpolate::home_for_user),
        ..Default::default()
    };
    let includes = gix::config::file::includes::Options::follow(interpolate, Default::default());
    let options = gix::config::file::init::Options { includes, lossy: true, ..Default::default() };
    let mut variable = |name: &str| std::env::var_os(name);
    let files = [Source::System, Source::Git, Source::User].map(|source| {
        let place = source.storage_location(&mut variable)?;
        let place = if source == Source::System { system() } else { place };
        Some(gix::config::file::Metadata::from(source).at(place).with(gix::sec::Trust::Full))
    });
    let mut files = files.into_iter().flatten().filter(|file| file.path.as_deref().is_some_and(Path::exists));
    let mut values = Vec::new();
    if let Some(file) = File::from_paths_metadata(&mut files, options)? {
        values.extend(file.strings(key).unwrap_or_default());
    }
    if let Some(file) = File::from_env(options)? {
        values.extend(file.strings(key).unwrap_or_default());
    }
    for parameter in parameters().unwrap_or_default() {
        let (name, value) = parameter.split_once_str("=").unwrap_or((&parameter, b"true"));
        if name.eq_ignore_ascii_case(key.as_bytes()) {
            values.push(value.into());
        }
    }
    Ok(values)
}

/// The values as `key=value`; none where the text is not as git writes it.
fn parameters() -> Option<Vec<BString>> {
    parse(&std::env::var_os("GIT_CONFIG_PARAMETERS").map(OsString::into_vec)?)
}

/// Git writes `'key'='value'`, `'key'` alone, or, until 2.30, `'key=value'`, separated by spaces.
fn parse(text: &[u8]) -> Option<Vec<BString>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (mut setting, after) = unquoted(rest)?;
        rest = after;
        if let Some(after) = rest.strip_prefix(b"=") {
            setting.push(b'=');
            // No value at all is not an empty one.
            if after.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                let (value, after) = unquoted(after)?;
                setting.extend(value);
                rest = after;
            } else {
                setting.pop();
                rest = after;
            }
        }
        found.push(setting.into());
        rest = rest.trim_start();
    }
    Some(found)
}

/// The text in single quotes that comes first, in which `'\''` and `'\!'` mean a quote and an exclamation mark, and the text that follows.
fn unquoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"'")?;
    let mut found = Vec::new();
    loop {
        let (part, after) = rest.split_once_str("'")?;
        found.extend(part);
        match after {
            [b'\\', escaped @ (b'\'' | b'!'), b'\'', more @ ..] => {
                found.push(*escaped);
                rest = more;
            }
            _ => return Some((found, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_git_hands_on_are_read_in_each_form_that_git_writes() {
        for (text, settings) in [
            ("'a.b'='c d'", Some(vec!["a.b=c d"])),
            ("'a.b=c d' 'e.f'", Some(vec!["a.b=c d", "e.f"])),
            (" 'a.b'='it'\\''s' 'c.d'=", Some(vec!["a.b=it's", "c.d"])),
            ("'a.b'=''", Some(vec!["a.b="])),
            ("a.b=c", None),
            ("'a.b", None),
        ] {
            let settings = settings.map(|settings| settings.into_iter().map(BString::from).collect::<Vec<_>>());
            assert_eq!(parse(text.as_bytes()), settings, "{text}");
        }
    }
}
