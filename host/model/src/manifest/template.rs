//! Templates of origins and host names over a provider's options.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;
use url::Url;

use crate::{
    HostError, Options, Origin, OriginError, OriginPattern, PathPrefix, PathPrefixError,
    names::{host, text::quote_untrusted},
};

/// A text with placeholders: `{name}` for an option's value, `{name.host}` for the host in it, `{name.parent}` for that host
/// without its first label, `{name.path}` for the path in a URL, or for a value that is one itself: each of its segments with a slash
/// before it, and nothing where there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Option(String, Piece),
}

/// What of an option's value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Whole,
    Host,
    Parent,
    Path,
}

/// Why a template cannot be read, or not be filled in. No variant holds an option's value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Braces that do not enclose a placeholder.
    #[error(
        "template {0} has braces that are no placeholder: write `{{name}}`, `{{name.host}}`, `{{name.parent}}` or `{{name.path}}`"
    )]
    Braces(String),
    /// No option's name, or something else than `host`, `parent` or `path` after the dot.
    #[error(
        "template placeholder {0} cannot be read: write `{{name}}`, `{{name.host}}`, `{{name.parent}}` or `{{name.path}}`"
    )]
    Placeholder(String),
    /// The option has no value, given or by default.
    #[error("a template needs option `{0}`, which has no value: give it, or ask for it under a condition")]
    NoValue(String),
    /// The option is a secret.
    #[error("a template uses option `{0}`, which is a secret and may stand in no template: use an option that is none")]
    Secret(String),
    /// The option's value should have been a URL.
    #[error("option `{name}` does not give an origin: {why}")]
    Origin {
        /// The option.
        name: String,
        /// What is wrong with its value.
        why: OriginError,
    },
    /// The option's value should have been a URL or a host name.
    #[error("option `{name}` does not give a host: {why}")]
    Host {
        /// The option.
        name: String,
        /// What is wrong with its value.
        why: HostError,
    },
    /// The host has nothing above it that could be granted.
    #[error(
        "the host in option `{0}` has no domain above or below it: it is an address, or only a top-level domain would remain; give the derived option itself"
    )]
    NoParent(String),
    /// The value has a character that could turn the text around it into another host.
    #[error("option `{name}` has {character} in its value, which cannot be part of a host name: give it without")]
    Smuggled {
        /// The option.
        name: String,
        /// The character, quoted.
        character: String,
    },
    /// The text that came out is no origin.
    #[error("a template does not expand to an origin: {0}")]
    NotOrigin(OriginError),
    /// The text that came out is no path.
    #[error("a template does not expand to a path: {0}")]
    NotPath(PathPrefixError),
    /// The text that came out is no host name.
    #[error("a template does not expand to a host name: {0}")]
    NotHost(HostError),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Stray or doubled braces, or a placeholder that is none of the four forms.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let braces = || TemplateError::Braces(quote_untrusted(text));
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            let inner = from.strip_prefix('{').ok_or_else(braces)?;
            let (inner, after) = inner.split_once('}').ok_or_else(braces)?;
            if inner.contains('{') {
                return Err(braces());
            }
            push_text(&mut parts, before);
            parts.push(placeholder(inner)?);
            rest = after;
        }
        push_text(&mut parts, rest);
        Ok(Self(parts))
    }

    /// The options that it uses.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Option(name, _) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Fills in the options' values as they are: for texts that are neither an origin nor a host.
    ///
    /// # Errors
    /// An option has no value, is a secret, or has no host where one is asked for.
    pub fn expand(&self, options: &Options) -> Result<String, TemplateError> {
        self.fill(options, |_, value| Ok(value.to_owned()))
    }

    /// Fills it in and reads the beginning of a path from it; an option's value becomes one segment, or a part of one.
    ///
    /// # Errors
    /// As for [`expand`](Self::expand), and: no path as the result.
    pub fn expand_path(&self, options: &Options) -> Result<PathPrefix, TemplateError> {
        let encoded = |_: &str, value: &str| Ok(utf8_percent_encode(value, NON_ALPHANUMERIC).to_string());
        PathPrefix::parse(&self.fill(options, encoded)?).map_err(TemplateError::NotPath)
    }

    /// Fills it in and reads an origin from it, or `https://*.` before a host for all below it.
    ///
    /// # Errors
    /// As for [`expand_origin`](Self::expand_origin).
    pub fn expand_pattern(&self, options: &Options) -> Result<OriginPattern, TemplateError> {
        let Some((scheme, domain)) = self.wildcard() else {
            return Ok(self.expand_origin(options)?.into());
        };
        let domain = Self(domain).expand_host(options)?;
        OriginPattern::parse(&format!("{scheme}://*.{domain}")).map_err(TemplateError::NotOrigin)
    }

    fn wildcard(&self) -> Option<(&str, Vec<Part>)> {
        let (Part::Text(text), rest) = self.0.split_first()? else { return None };
        let (scheme, domain) = text.split_once("://*.")?;
        let text = (!domain.is_empty()).then(|| Part::Text(domain.to_owned()));
        Some((scheme, text.into_iter().chain(rest.iter().cloned()).collect()))
    }

    /// Fills it in and reads an origin from it.
    ///
    /// Where the template is `{name}` and nothing else, the value is a URL whose origin counts. Elsewhere a value can only be part of
    /// a host name or a port: it cannot bring in a path, user information or another host.
    ///
    /// # Errors
    /// As for [`expand`](Self::expand), and: a value that could not be part of a host name, or no origin as the result.
    pub fn expand_origin(&self, options: &Options) -> Result<Origin, TemplateError> {
        if let [Part::Option(name, Piece::Whole)] = self.0.as_slice() {
            let value = value(options, name)?;
            return origin_of(value).map_err(|why| TemplateError::Origin { name: name.clone(), why });
        }
        let text = self.fill(options, host_part)?;
        Origin::parse(&text).map_err(TemplateError::NotOrigin)
    }

    /// Fills it in and reads a host name from it, in the spelling that [`RemoteUrl::host`](crate::RemoteUrl::host) has.
    ///
    /// # Errors
    /// As for [`expand`](Self::expand), and: a value that could not be part of a host name, or no host name as the result.
    pub fn expand_host(&self, options: &Options) -> Result<String, TemplateError> {
        let text = self.fill(options, host_part)?;
        host::normal(&text).map_err(TemplateError::NotHost)
    }

    fn fill(
        &self,
        options: &Options,
        whole: impl Fn(&str, &str) -> Result<String, TemplateError>,
    ) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.0 {
            let filled = match part {
                Part::Text(text) => text.clone(),
                Part::Option(name, Piece::Whole) => whole(name, value(options, name)?)?,
                Part::Option(name, Piece::Parent) => parent_of(name, value(options, name)?)?,
                Part::Option(name, Piece::Path) => {
                    let segments = segments_of(name, value(options, name)?)?;
                    segments
                        .iter()
                        .map(|segment| Ok(format!("/{}", whole(name, segment)?)))
                        .collect::<Result<_, _>>()?
                }
                Part::Option(name, Piece::Host) => match host_of(name, value(options, name)?)? {
                    // An address has no names below it either.
                    host if text.ends_with('.') && is_address(&host) => {
                        return Err(TemplateError::NoParent(name.clone()));
                    }
                    host => host,
                },
            };
            text.push_str(&filled);
        }
        Ok(text)
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn placeholder(inner: &str) -> Result<Part, TemplateError> {
    let (name, piece) = match inner.split_once('.') {
        None => (inner, Some(Piece::Whole)),
        Some((name, "host")) => (name, Some(Piece::Host)),
        Some((name, "parent")) => (name, Some(Piece::Parent)),
        Some((name, "path")) => (name, Some(Piece::Path)),
        Some((name, _)) => (name, None),
    };
    match piece {
        Some(piece) if crate::manifest::validate::is_option_name(name) => Ok(Part::Option(name.to_owned(), piece)),
        _ => Err(TemplateError::Placeholder(quote_untrusted(inner))),
    }
}

fn value<'a>(options: &'a Options, name: &str) -> Result<&'a str, TemplateError> {
    if options.is_secret(name) {
        return Err(TemplateError::Secret(name.to_owned()));
    }
    let value = options.get(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| TemplateError::NoValue(name.to_owned()))
}

fn host_part(name: &str, value: &str) -> Result<String, TemplateError> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    match value.chars().find(|c| !allowed(*c)) {
        Some(character) => {
            Err(TemplateError::Smuggled { name: name.to_owned(), character: quote_untrusted(&character.to_string()) })
        }
        None => Ok(value.to_owned()),
    }
}

// Only the authority counts, but it has to be read exactly as the gate reads the URLs that the provider makes of this value.
fn origin_of(value: &str) -> Result<Origin, OriginError> {
    let (scheme, rest) = value.split_once("://").ok_or(OriginError::Scheme)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let origin = Origin::parse(&format!("{scheme}://{authority}"))?;
    let url = Url::parse(value).map_err(|error| OriginError::Authority(error.to_string()))?;
    match Origin::of(&url)? {
        same if same == origin => Ok(origin),
        _ => Err(OriginError::Authority("it can be read in two ways".to_owned())),
    }
}

fn host_of(name: &str, value: &str) -> Result<String, TemplateError> {
    if value.contains("://") {
        let origin = origin_of(value).map_err(|why| TemplateError::Origin { name: name.to_owned(), why })?;
        return Ok(origin.host().to_owned());
    }
    // A bare host may have a port behind it, which is no part of its name.
    match value.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let origin = Origin::parse(&format!("https://{host}:{port}"));
            let origin = origin.map_err(|why| TemplateError::Origin { name: name.to_owned(), why })?;
            Ok(origin.host().to_owned())
        }
        _ => host::normal(value).map_err(|why| TemplateError::Host { name: name.to_owned(), why }),
    }
}

fn parent_of(name: &str, value: &str) -> Result<String, TemplateError> {
    let host = host_of(name, value)?;
    let is_name = !is_address(&host);
    let parent = host.split_once('.').map(|(_, parent)| parent.trim_end_matches('.'));
    match parent.filter(|parent| is_name && parent.contains('.')) {
        Some(parent) => Ok(parent.to_owned()),
        None => Err(TemplateError::NoParent(name.to_owned())),
    }
}

/// The decoded names in the path of a URL, or in a value that is a path.
fn segments_of(name: &str, value: &str) -> Result<Vec<String>, TemplateError> {
    let names = |path: &str| match path.trim_matches('/') {
        "" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect::<Vec<_>>(),
    };
    if !value.contains("://") {
        return Ok(names(value));
    }
    let why = |why| TemplateError::Origin { name: name.to_owned(), why };
    origin_of(value).map_err(why)?;
    let url = Url::parse(value).map_err(|error| why(OriginError::Authority(error.to_string())))?;
    let decoded = |name: String| percent_decode_str(&name).decode_utf8_lossy().into_owned();
    Ok(names(url.path()).into_iter().map(decoded).collect())
}

/// A last label of digits is what makes an IPv4 address (WHATWG URL, "ends in a number").
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.ends_with(|c: char| c.is_ascii_digit())
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Option(name, Piece::Whole) => write!(f, "{{{name}}}")?,
                Part::Option(name, Piece::Host) => write!(f, "{{{name}.host}}")?,
                Part::Option(name, Piece::Parent) => write!(f, "{{{name}.parent}}")?,
                Part::Option(name, Piece::Path) => write!(f, "{{{name}.path}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "template_tests.rs"]
mod tests;
