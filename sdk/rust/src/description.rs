//! Words to write a [`Description`](crate::Description) in.

use crate::{Condition, Credential, Need, Placement, Setting};

impl Setting {
    fn new(name: &str, help: &str, required: bool, secret: bool) -> Self {
        Self { name: name.into(), help: help.into(), required, secret, default: None }
    }

    /// An option without which the provider cannot work.
    #[must_use]
    pub fn required(name: &str, help: &str) -> Self {
        Self::new(name, help, true, false)
    }

    /// An option that may be left out.
    #[must_use]
    pub fn optional(name: &str, help: &str) -> Self {
        Self::new(name, help, false, false)
    }

    /// A credential that may be left out. The provider learns only whether it was given.
    #[must_use]
    pub fn secret(name: &str, help: &str) -> Self {
        Self::new(name, help, false, true)
    }

    /// What counts where the option is left out.
    #[must_use]
    pub fn default(self, value: &str) -> Self {
        Self { default: Some(value.into()), ..self }
    }
}

impl Need {
    /// To read (`GET` and `HEAD`) from an origin. It is a template: `{name}` stands for an option's value, `{name.host}` for the
    /// host in it, `{name.parent}` for that host without its first label.
    #[must_use]
    pub fn get(origin: &str) -> Self {
        Self { origin: origin.into(), methods: Vec::new(), paths: Vec::new(), conditions: Vec::new() }
    }

    /// Nothing but what lies below this path: a template, in which an option's value is one segment, and `{name.path}` stands for the
    /// path in an option's URL, or in a value that is a path: each segment with a slash before it.
    #[must_use]
    pub fn below(mut self, path: &str) -> Self {
        self.paths.push(path.into());
        self
    }

    /// As [`Need::get`], and to fetch with git (`POST`).
    #[must_use]
    pub fn git(origin: &str) -> Self {
        let methods = ["GET", "HEAD", "POST"].map(Into::into).into();
        Self { methods, ..Self::get(origin) }
    }

    /// Only where this holds too.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

impl Credential {
    fn new(setting: &str, origin: &str, placement: Placement) -> Self {
        Self { setting: setting.into(), origin: origin.into(), placement, conditions: Vec::new() }
    }

    /// The secret goes to this origin (a template) as `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(setting: &str, origin: &str) -> Self {
        Self::new(setting, origin, Placement::Bearer)
    }

    /// The secret goes to this origin (a template) as the password of `Authorization: Basic`; the user name is a template too.
    #[must_use]
    pub fn basic(setting: &str, origin: &str, user: &str) -> Self {
        Self::new(setting, origin, Placement::Basic(user.into()))
    }

    /// The secret goes to this origin (a template) as the value of this header.
    #[must_use]
    pub fn header(setting: &str, origin: &str, name: &str) -> Self {
        Self::new(setting, origin, Placement::Header(name.into()))
    }

    /// Only where this holds too. The first rule that fits a request counts.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

/// The option was given; its default does not count.
#[must_use]
pub fn given(setting: &str) -> Condition {
    Condition::Given(setting.into())
}

/// The option was not given.
#[must_use]
pub fn absent(setting: &str) -> Condition {
    Condition::Absent(setting.into())
}

/// The option has this value; its default counts.
#[must_use]
pub fn equals(setting: &str, value: &str) -> Condition {
    Condition::Equals((setting.into(), value.into()))
}

/// The option begins so; its default counts. Of a secret, only a credential that sends it can ask: the host looks when it sends, and tells
/// nobody.
#[must_use]
pub fn starts_with(setting: &str, beginning: &str) -> Condition {
    Condition::StartsWith((setting.into(), beginning.into()))
}
