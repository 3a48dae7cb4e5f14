//! The description that a provider gives of itself, as data; the counterpart of `description` in `wit/provider.wit`.

use serde::{Deserialize, Serialize};

/// Everything about a provider that can be known without options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The kind of forge, as in `--type`.
    pub name: String,
    /// The provider's own version.
    pub version: String,
    /// One line for a person.
    pub summary: String,
    /// The options that `register` takes.
    #[serde(alias = "settings")]
    pub options: Vec<OptionDefinition>,
    /// The origins that the provider has to reach.
    pub needs: Vec<Need>,
    /// How its secret options are sent, first match wins.
    pub credentials: Vec<CredentialRule>,
    /// Templates of the host names that a checkout's remote may have.
    pub remote_hosts: Vec<String>,
}

/// An option that `register` takes. The WIT calls it `setting`, since `option` is a keyword there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionDefinition {
    /// Lower case, words joined by `_`.
    pub name: String,
    /// One line for a person.
    pub help: String,
    /// True if it has to be given.
    pub required: bool,
    /// True if it is a credential: the provider never gets its value.
    pub secret: bool,
    /// The value where it is not given.
    pub default: Option<String>,
}

/// An origin that a provider has to reach, under conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// A [`Template`](crate::Template) of an origin, or of all subdomains of one (`https://*.{host}`).
    pub origin: String,
    /// HTTP methods; an empty list means `GET` and `HEAD`.
    pub methods: Vec<String>,
    /// [`Template`](crate::Template)s of path prefixes; an empty list means every path.
    pub paths: Vec<String>,
    /// The rule applies if all of them are true.
    pub conditions: Vec<Condition>,
}

/// How a secret option is sent, to which origin, under conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRule {
    /// The secret option.
    pub option: String,
    /// A [`Template`](crate::Template) of an origin.
    pub origin: String,
    /// Where in the request the secret is put.
    pub placement: Placement,
    /// The rule applies if all of them are true.
    pub conditions: Vec<Condition>,
}

/// Where in a request a secret is put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// `Authorization: Bearer ...` (RFC 6750).
    Bearer,
    /// `Authorization: Basic ...` (RFC 7617) with this user name.
    Basic(String),
    /// A header of this name with the secret as its value.
    Header(String),
}

/// A fact about the options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The option was given; a default does not count.
    Given(String),
    /// The option was not given.
    Absent(String),
    /// The option has this value; a default counts.
    Equals(String, String),
    /// The option's value, also a secret's, begins like this; a default counts.
    StartsWith(String, String),
}

impl Description {
    /// The option of this name.
    pub fn option(&self, name: &str) -> Option<&OptionDefinition> {
        self.options.iter().find(|option| option.name == name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn option(name: &str) -> OptionDefinition {
        OptionDefinition {
            name: name.into(),
            help: format!("the {name}"),
            required: false,
            secret: false,
            default: None,
        }
    }

    /// A provider with one of everything, for the tests of this crate.
    pub(crate) fn forge() -> Description {
        let bearer = |conditions| CredentialRule {
            option: "token".into(),
            origin: "{api_url}".into(),
            placement: Placement::Bearer,
            conditions,
        };
        let basic = CredentialRule {
            placement: Placement::Basic("{username}".into()),
            ..bearer(vec![Condition::Given("username".into())])
        };
        Description {
            name: "forge".into(),
            version: "1.0.0".into(),
            summary: "A forge".into(),
            options: vec![
                OptionDefinition { required: true, ..option("owner") },
                OptionDefinition { secret: true, ..option("token") },
                OptionDefinition { default: Some("https://api.forge.example".into()), ..option("api_url") },
                option("username"),
                option("web_url"),
            ],
            needs: vec![
                Need { origin: "{api_url}".into(), methods: vec![], paths: vec![], conditions: vec![] },
                Need {
                    origin: "{web_url}".into(),
                    methods: vec![],
                    paths: vec![],
                    conditions: vec![Condition::Given("web_url".into())],
                },
                Need {
                    origin: "https://files.{api_url.parent}".into(),
                    methods: vec![],
                    paths: vec![],
                    conditions: vec![Condition::Absent("web_url".into())],
                },
            ],
            credentials: vec![basic, bearer(vec![])],
            remote_hosts: vec!["{api_url.parent}".into()],
        }
    }
}
