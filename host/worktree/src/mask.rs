//! Masks credentials in texts of others: messages of libraries, and names in a checkout.
//!
//! A library repeats values of git's configuration in its errors, and such a value may be a URL with a token in it: `gh pr checkout`
//! writes one into `branch.<name>.remote`. So an error contains a text of `gix` only as [`MaskedText`], which has no user of a URL, and
//! every text that leaves is searched for the secrets of the configuration.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use gix::config::File;

use crate::{Head, LocalContext, Pushed, Remote, RemoteAddress, Unknown, Upstream};

const MASK: &str = "********";
/// The shortest secret that is masked: shorter ones would mask ordinary words.
const SHORTEST: usize = 8;
/// The shortest token of any forge; hardly any name of a person is longer.
const TOKEN: usize = 20;
/// The last words of keys whose values are or contain credentials.
const SECRET_KEYS: &[&str] = &["header", "token", "password", "passphrase", "secret", "cookie", "helper"];

/// A text of somebody else, on one line and without the users of URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedText(String);

impl MaskedText {
    /// The text of an error and its causes: the only way for a text of `gix` into an error.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = String::new();
        let mut next = Some(error);
        while let Some(error) = next {
            let more = error.to_string();
            // Some errors repeat their cause.
            if !text.contains(&more) {
                text = if text.is_empty() { more } else { format!("{text}: {more}") };
            }
            next = error.source();
        }
        Self::new(&text)
    }

    pub(crate) fn new(text: &str) -> Self {
        Self(without_users(&one_line(text)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MaskedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secrets in the git configuration of a checkout and its submodules; more are added as these are opened.
#[derive(Debug, Default)]
pub struct KnownSecrets(Mutex<Vec<String>>);

impl KnownSecrets {
    /// Adds the secrets of a configuration, with those of the user and the system, which apply to a checkout too.
    pub fn learn(&self, config: &File) {
        let mut found = Vec::new();
        for section in config.sections() {
            // Of `url.<base>.insteadOf` and the like, the URL is in the section's name.
            let name = section.header().subsection_name().unwrap_or_default();
            found.extend(secrets_of(&String::from_utf8_lossy(name)));
            for key in section.value_names() {
                let is_secret = SECRET_KEYS.iter().any(|secret| key.to_ascii_lowercase().ends_with(secret));
                for value in section.values(&key) {
                    let value = String::from_utf8_lossy(&value).into_owned();
                    found.extend(secrets_of(&value));
                    if is_secret {
                        found.extend(value.split_whitespace().map(str::to_owned));
                        found.push(value);
                    }
                }
            }
        }
        found.retain(|secret| secret.len() >= SHORTEST);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(found);
        // One may be a part of another.
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
    }

    /// Replaces every known secret in the text.
    pub fn mask(&self, text: &mut String) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in known.iter().filter(|secret| !secret.is_empty()) {
            if text.contains(secret) {
                *text = text.replace(secret, MASK);
            }
        }
        if text.contains(":/") {
            *text = without_users(text);
        }
    }

    pub fn are_in(&self, text: &str) -> bool {
        let mut masked = text.to_owned();
        self.mask(&mut masked);
        masked != text
    }

    /// Paths may come from the configuration too (`core.worktree`, `include.path`).
    pub fn mask_path(&self, path: &mut PathBuf) {
        let Some(shown) = path.to_str() else { return };
        let mut masked = shown.to_owned();
        self.mask(&mut masked);
        if masked != shown {
            *path = masked.into();
        }
    }

    pub fn mask_text(&self, text: &mut MaskedText) {
        self.mask(&mut text.0);
    }
}

impl LocalContext {
    /// The same context, without the checkout's secrets: names are chosen by it too. Each field is listed, so that none is forgotten.
    pub(crate) fn masked(mut self, secrets: &KnownSecrets) -> Self {
        let Self {
            root: _,
            subdirectory: _,
            commit: _,
            head,
            upstream,
            bare: _,
            shallow: _,
            changes: _,
            remotes,
            unknown,
        } = &mut self;
        match head {
            Head::Branch { name } => secrets.mask(name),
            Head::Detached => {}
        }
        if let Some(Upstream { name, distance: _ }) = upstream {
            secrets.mask(name);
        }
        for Remote { name, address, pushed } in remotes {
            secrets.mask(name);
            match address {
                // It has no user; but where `insteadOf` puts one URL before another, the second one's user is in the path.
                RemoteAddress::Forge(url) if secrets.are_in(&url.to_string()) => {
                    *address = RemoteAddress::Other { why: "a credential is a part of the remote's path".to_owned() };
                }
                RemoteAddress::Forge(_) => {}
                RemoteAddress::Other { why } => secrets.mask(why),
            }
            match pushed {
                Pushed::Pushed { refs } => refs.iter_mut().for_each(|name| secrets.mask(name)),
                Pushed::NotPushed => {}
                Pushed::Unknown { why } => secrets.mask(why),
            }
        }
        for Unknown { fact: _, why } in unknown {
            secrets.mask(why);
        }
        self
    }
}

/// The secrets in a URL: the password before the last `@`, and values of the query. Some forges take a token as the user's name; a name
/// of a person, which may well be a part of a branch's, is no secret.
fn secrets_of(text: &str) -> Vec<String> {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let mut found = Vec::new();
    if let Some((whole, _)) = after_scheme.rsplit_once('@') {
        let (user, password) = whole.split_once(':').unwrap_or((whole, ""));
        found.push(password.to_owned());
        if is_like_a_token(user) {
            found.push(user.to_owned());
        }
    }
    if let Some((_, query)) = after_scheme.split_once('?') {
        found.extend(query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.to_owned()));
    }
    let decoded: Vec<_> = found.iter().map(|secret| decoded(secret)).collect();
    found.extend(decoded);
    found
}

fn is_like_a_token(user: &str) -> bool {
    user.len() >= TOKEN && user.contains(|c: char| c.is_ascii_digit())
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Users and queries of URLs masked. A URL is taken to end at a space: an unusual password may contain any other character.
fn without_users(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split(' ') {
        // A URL that was handled as a path has lost one of its slashes.
        let Some((scheme, rest)) = word.split_once(":/") else {
            words.push(word.to_owned());
            continue;
        };
        let rest = match rest.rsplit_once('@') {
            Some((user, host)) => format!("{}{MASK}@{host}", if user.starts_with('/') { "/" } else { "" }),
            None => rest.to_owned(),
        };
        let rest = match rest.split_once('?') {
            Some((url, _)) => format!("{url}?{MASK}"),
            None => rest,
        };
        words.push(format!("{scheme}:/{rest}"));
    }
    words.join(" ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_user_of_a_url_is_left_in_the_words_of_a_library() {
        for (said, shown) in [
            ("'https://x:tok@h/w.git' is not a valid name", "'https://********@h/w.git' is not a valid name"),
            ("cannot read\n https://tok@h", "cannot read https://********@h"),
            ("https://a:p'a@s/s@h/w?t=1 x", "https://********@h/w?******** x"),
            ("https://a@h,https://b@h", "https://********@h"),
            ("git@h:w is fine, and a@b", "git@h:w is fine, and a@b"),
            ("no /x/https:/tok@h/w", "no /x/https:/********@h/w"),
            ("https://h/w?access_token=1", "https://h/w?********"),
        ] {
            assert_eq!(MaskedText::new(said).as_str(), shown);
        }
    }

    #[test]
    fn secrets_of_the_configuration_are_masked_wherever_they_are() {
        let text = r#"
            [remote "a"]
            url = https://ada:first%2Dsecret@h/w
            [url "https://second-secret-0123456789@h/"]
            insteadOf = gh:
            [http "https://h/"]
            extraHeader = Authorization: Basic third-secret
            [remote "b"]
            url = https://h/w?private_token=fourth-secret
            [user]
            name = somebody harmless
        "#;
        let secrets = KnownSecrets::default();
        secrets.learn(&File::try_from(text).unwrap());
        for secret in ["first%2Dsecret", "first-secret", "second-secret-0123456789", "third-secret", "fourth-secret"] {
            let mut text = format!("refs/{secret}/x");
            secrets.mask(&mut text);
            assert_eq!(text, "refs/********/x");
        }
        let mut text = "somebody harmless on main".to_owned();
        secrets.mask(&mut text);
        assert_eq!(text, "somebody harmless on main");
    }
}
