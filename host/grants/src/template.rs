//! Texts with an option's value in them, as in `https://codeload.{api_url.parent}`.

use crate::{
    options::Options,
    origin::{Origin, OriginError},
};
use thiserror::Error;
use url::Url;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { name: String, view: View },
}

/// Which part of an option's value is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Whole,
    Host,
    /// The host without its first label.
    Parent,
}

/// Why a template is wrong, or cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A brace too many or too few, or an unknown word between braces.
    #[error("the template {0:?} is wrong; it may hold {{name}}, {{name.host}} and {{name.parent}}")]
    Syntax(String),
    /// A credential must not become part of an address.
    #[error("the template uses --{0}, which is a secret and is sent to no address in clear")]
    Secret(String),
    /// There is nothing to fill in.
    #[error(
        "--{0} is missing, and the provider needs it to tell where its requests go; add --{0}=…"
    )]
    NoValue(String),
    /// The value has no host in it.
    #[error("--{0} is no URL with a host in it; write it like https://forge.example")]
    NoHost(String),
    /// The host cannot be shortened.
    #[error("the host of --{0} has no parent domain")]
    NoParent(String),
    /// What came out is no origin.
    #[error("--{name}: {error}")]
    Origin {
        /// The option that it came from, or the template.
        name: String,
        /// What is wrong.
        error: OriginError,
    },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When braces do not match or hold something unknown.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let wrong = || TemplateError::Syntax(text.to_owned());
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, inside) = (&rest[..start], &rest[start + 1..]);
            let (inside, after) = inside.split_once('}').ok_or_else(wrong)?;
            let (name, view) = match inside.split_once('.') {
                None => (inside, View::Whole),
                Some((name, "host")) => (name, View::Host),
                Some((name, "parent")) => (name, View::Parent),
                Some(_) => return Err(wrong()),
            };
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            if !is_name || before.contains('}') {
                return Err(wrong());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Value {
                name: name.to_owned(),
                view,
            });
            rest = after;
        }
        if rest.contains('}') {
            return Err(wrong());
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Template(parts))
    }

    /// The options that it uses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Value { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Does it want a name below or above a host that is an address, and so has none?
    pub fn names_no_host(&self, options: &Options) -> bool {
        let is_address = |name: &str| {
            let host = options.get(name).and_then(|text| host(name, text).ok());
            host.and_then(|host| url::Host::parse(&host).ok())
                .is_some_and(|host| !matches!(host, url::Host::Domain(_)))
        };
        self.0.iter().enumerate().any(|(at, part)| match part {
            Part::Text(_)
            | Part::Value {
                view: View::Whole, ..
            } => false,
            Part::Value {
                name,
                view: View::Parent,
            } => is_address(name),
            Part::Value {
                name,
                view: View::Host,
            } => {
                let below =
                    at > 0 && !matches!(&self.0[at - 1], Part::Text(text) if text.ends_with("//"));
                below && is_address(name)
            }
        })
    }

    /// The text with the values in it.
    ///
    /// # Errors
    /// When a value is missing, a secret, or has no host where one is wanted.
    pub fn expand(&self, options: &Options) -> Result<String, TemplateError> {
        let part = |part: &Part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Value { name, view } => value(options, name, *view),
        };
        self.0.iter().map(part).collect()
    }

    /// The origin that it names; of an option's URL that stands alone, path and query do not count.
    ///
    /// # Errors
    /// As [`Template::expand`], and when the result is no origin.
    pub fn expand_origin(&self, options: &Options) -> Result<Origin, TemplateError> {
        let text = self.expand(options)?;
        let named = |name: &str| {
            let name = name.to_owned();
            move |error| TemplateError::Origin { name, error }
        };
        match self.0.as_slice() {
            [
                Part::Value {
                    name,
                    view: View::Whole,
                },
            ] => {
                let url = Url::parse(&text).map_err(|_| TemplateError::NoHost(name.clone()))?;
                Origin::of(&url).map_err(named(name))
            }
            // A value in the middle cannot smuggle a path, a port or a user name: an origin has none of them after its host.
            _ => Origin::parse(&text).map_err(named(self.names().next().unwrap_or("origin"))),
        }
    }
}

fn value(options: &Options, name: &str, view: View) -> Result<String, TemplateError> {
    if options.is_secret(name) {
        return Err(TemplateError::Secret(name.to_owned()));
    }
    let text = options
        .get(name)
        .ok_or_else(|| TemplateError::NoValue(name.to_owned()))?;
    match view {
        View::Whole => Ok(text.to_owned()),
        View::Host => host(name, text),
        View::Parent => {
            let host = host(name, text)?;
            let parent = host
                .split_once('.')
                .map(|(_, parent)| parent)
                .filter(|parent| parent.contains('.'));
            parent
                .map(str::to_owned)
                .ok_or_else(|| TemplateError::NoParent(name.to_owned()))
        }
    }
}

/// The host of a URL or of a bare host name.
fn host(name: &str, text: &str) -> Result<String, TemplateError> {
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let host = url.ok().and_then(|url| url.host_str().map(str::to_owned));
    host.ok_or_else(|| TemplateError::NoHost(name.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::description::tests::forge;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    fn options(given: &[(&str, &str)]) -> Options {
        let given = given.iter().chain(&[("owner", "acme")]);
        Options::check(
            &forge(),
            given.map(|(n, v)| (n.to_string(), Zeroizing::new(v.to_string()))),
        )
        .unwrap()
    }

    fn origin(template: &str, given: &[(&str, &str)]) -> Result<String, TemplateError> {
        Template::parse(template)
            .unwrap()
            .expand_origin(&options(given))
            .map(|origin| origin.to_string())
    }

    #[test]
    fn an_option_stands_for_the_origin_of_its_url() {
        let given = [("web_url", "https://w.example:8443/path?query")];
        assert_eq!(
            origin("{web_url}", &given).unwrap(),
            "https://w.example:8443"
        );
        assert_eq!(
            origin("https://files.{api_url.host}", &[]).unwrap(),
            "https://files.api.forge.example"
        );
        assert_eq!(
            origin("https://files.{api_url.parent}", &[]).unwrap(),
            "https://files.forge.example"
        );
        assert_eq!(
            origin("https://{username.host}", &[("username", "h.example")]).unwrap(),
            "https://h.example"
        );
    }

    #[test]
    fn a_value_cannot_turn_one_origin_into_another() {
        for smuggler in [
            "evil.example/",
            "evil.example:1/x",
            "me@evil.example",
            "evil.example?",
            "evil.example#",
        ] {
            assert!(
                origin(
                    "https://{username}.forge.example",
                    &[("username", smuggler)]
                )
                .is_err(),
                "{smuggler}"
            );
        }
    }

    #[test]
    fn a_secret_never_becomes_part_of_an_address() {
        let error = origin("https://{token}.evil.example", &[("token", "hunter2")]).unwrap_err();
        assert_eq!(error, TemplateError::Secret("token".into()));
    }

    #[test]
    fn braces_have_to_match_and_hold_a_name() {
        for wrong in [
            "{", "}", "{a", "a}", "{}", "{A}", "{a.b}", "{{a}}", "{a}}", "{.host}",
        ] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_template_and_no_value_make_it_panic(text in "[{}a-z._:/ ]{0,20}", value in "\\PC{1,20}") {
            let options = options(&[("username", &value)]);
            if let Ok(template) = Template::parse(&text) {
                let _ = template.expand_origin(&options);
            }
            let _ = Template::parse("https://x.{username}").unwrap().expand_origin(&options);
        }
    }
}
