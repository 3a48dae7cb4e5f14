//! The options that a code repository was registered with.

use std::collections::BTreeMap;

use crate::{Base, Error};

/// The options that are no secrets, defaults filled in. An empty value counts as none.
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

impl Settings {
    /// Options by name, and the secret ones that were given with their placeholders.
    #[must_use]
    pub fn new(
        values: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        secrets: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        Self {
            values: values.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            secrets: secrets.into_iter().map(|(name, placeholder)| (name.into(), placeholder.into())).collect(),
        }
    }

    /// An option's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Was this secret option given?
    #[must_use]
    pub fn has_secret(&self, name: &str) -> bool {
        self.secrets.contains_key(name)
    }

    /// What stands for a secret option in this call, for HTTP libraries that have to be given a credential. The host puts the secret in
    /// its place where it is the whole credential of a request, and refuses a request that has it anywhere else.
    #[must_use]
    pub fn placeholder(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(String::as_str)
    }

    /// The value of an option that must be there.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where it is not.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        let missing = || invalid(name, "it is missing");
        self.get(name).ok_or_else(missing)
    }

    /// A name that stands for one segment of the forge's URLs, such as an owner.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where it is missing or can be no such name.
    pub fn name(&self, name: &str) -> Result<String, Error> {
        let value = self.required(name)?;
        if value.contains('/') {
            return Err(invalid(name, "it is one name, without a slash"));
        }
        self.path(name)
    }

    /// Names joined by slashes, such as a group with subgroups. Slashes around it do not count.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where it is missing or can be no such path.
    pub fn path(&self, name: &str) -> Result<String, Error> {
        let value = self.required(name)?.trim_matches('/');
        let bad = |part: &str| {
            let forbidden = |c: char| c.is_control() || c.is_whitespace() || "?#\\".contains(c);
            matches!(part, "" | "." | "..") || part.contains(forbidden)
        };
        if value.split('/').any(bad) {
            let why = "it is a name on the forge, not a URL, and has no spaces in it";
            return Err(invalid(name, why));
        }
        Ok(value.into())
    }

    /// A URL that others are built under.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where it is missing or no such URL.
    pub fn base(&self, name: &str) -> Result<Base, Error> {
        let value = self.required(name)?;
        Base::parse(value).map_err(|why| invalid(name, why))
    }
}

fn invalid(name: &str, why: &str) -> Error {
    Error::InvalidOption((name.into(), why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(value: &str) -> Settings {
        Settings::new([("owner", value)], [("token", "placeholder")])
    }

    #[test]
    fn a_name_is_one_plain_segment() {
        assert_eq!(settings("Ada").name("owner"), Ok("Ada".into()));
        for bad in ["", "a/b", "..", "a b", "a?b", "a#b", "a\nb", "https://x/y"] {
            let refused = settings(bad).name("owner");
            let Err(Error::InvalidOption((name, _))) = refused else {
                panic!("{bad:?} gave {refused:?}");
            };
            assert_eq!(name, "owner");
        }
    }

    #[test]
    fn a_path_has_no_empty_segment_and_no_step_up() {
        assert_eq!(settings("/a/b/").path("owner"), Ok("a/b".into()));
        for bad in ["a//b", "a/../b", "/"] {
            assert!(settings(bad).path("owner").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_is_known_by_name_only() {
        assert!(settings("x").has_secret("token"));
        assert_eq!(settings("x").get("token"), None);
        assert_eq!(settings("x").placeholder("token"), Some("placeholder"));
    }
}
