//! What a provider asks for, once its options are known.

use crate::{
    description::{Description, Placement},
    grant::{Grant, Grants},
    options::Options,
    origin::{Origin, Scheme},
    template::{Template, TemplateError},
};
use thiserror::Error;

/// Longest text that a description may hold, in bytes; what is longer is not for a person to read.
const TEXT: usize = 500;
/// Most settings, needs, rules or hosts that a description may list.
const ITEMS: usize = 64;

/// What a provider asks for, for one code repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The origins, in the description's order.
    pub grants: Grants,
    /// How the secrets that were given are sent; the first whose origin matches counts.
    pub credentials: Vec<CredentialPlan>,
    /// Host names, in lower case, that a checkout's remote may have.
    pub remote_hosts: Vec<String>,
}

/// How one secret option is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialPlan {
    /// The secret option.
    pub setting: String,
    /// The only origin it goes to.
    pub origin: Origin,
    /// Where in the request, the user name filled in.
    pub placement: Placement,
}

/// Why a provider's needs cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NeedError {
    /// An option's value does not give an origin.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Code and credentials would go over the network in clear.
    #[error("{0} is not encrypted; use https (plain http is for loopback only)")]
    Insecure(Origin),
    /// A credential for an origin that the provider may not reach at all.
    #[error(
        "the provider wants --{setting} sent to {origin}, which it does not list among its needs; report it to its author"
    )]
    Stray {
        /// The secret option.
        setting: String,
        /// Where it would go.
        origin: Origin,
    },
    /// A user name that would break the header.
    #[error("the user name for --{0} has a colon or a control character in it")]
    UserName(String),
}

/// Why a description is refused: a stranger wrote it, and people are asked to consent to what it says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the provider's description is wrong: {0}; report it to its author")]
pub struct DescriptionError(String);

impl Needs {
    /// Evaluates a description's rules for these options.
    ///
    /// # Errors
    /// When an origin cannot be told, is not encrypted, or a credential would go astray.
    pub fn of(description: &Description, options: &Options) -> Result<Needs, NeedError> {
        let grants = grants(description, options)?;
        let credentials = credentials(description, options, &grants)?;
        let mut remote_hosts = Vec::new();
        for host in &description.remote_hosts {
            let template = Template::parse(host)?;
            // A host that cannot be told for these options is one that no remote can have.
            if !template.names_no_host(options)
                && template.names().all(|name| options.get(name).is_some())
            {
                remote_hosts.push(template.expand(options)?.to_lowercase());
            }
        }
        Ok(Needs {
            grants,
            credentials,
            remote_hosts,
        })
    }
}

fn grants(description: &Description, options: &Options) -> Result<Grants, NeedError> {
    let mut grants = Grants::default();
    for need in &description.needs {
        let template = Template::parse(&need.origin)?;
        if !need
            .conditions
            .iter()
            .all(|condition| options.holds(condition))
            || template.names_no_host(options)
        {
            continue;
        }
        let origin = template.expand_origin(options)?;
        if origin.scheme() == Scheme::Http && !origin.is_loopback() {
            return Err(NeedError::Insecure(origin));
        }
        let grant = Grant {
            origin,
            methods: need.methods.clone(),
        };
        match grants
            .0
            .iter_mut()
            .find(|known| known.origin == grant.origin)
        {
            Some(known) => merge(known, &grant),
            None => grants.0.push(grant),
        }
    }
    Ok(grants)
}

fn merge(known: &mut Grant, other: &Grant) {
    let mut methods: Vec<String> = known
        .methods()
        .iter()
        .chain(&other.methods())
        .map(|m| m.to_string())
        .collect();
    methods.sort();
    methods.dedup();
    known.methods = methods;
}

fn credentials(
    description: &Description,
    options: &Options,
    grants: &Grants,
) -> Result<Vec<CredentialPlan>, NeedError> {
    let mut plans = Vec::new();
    for rule in &description.credentials {
        let given = options.secret(&rule.setting).is_some();
        if !given
            || !rule
                .conditions
                .iter()
                .all(|condition| options.holds(condition))
        {
            continue;
        }
        let origin = Template::parse(&rule.origin)?.expand_origin(options)?;
        if !grants.0.iter().any(|grant| grant.origin == origin) {
            return Err(NeedError::Stray {
                setting: rule.setting.clone(),
                origin,
            });
        }
        let placement = match &rule.placement {
            Placement::Basic(user) => {
                let user = Template::parse(user)?.expand(options)?;
                // RFC 7617, section 2: the first colon ends the user name.
                if user.contains(|c: char| c == ':' || c.is_control()) {
                    return Err(NeedError::UserName(rule.setting.clone()));
                }
                Placement::Basic(user)
            }
            other => other.clone(),
        };
        plans.push(CredentialPlan {
            setting: rule.setting.clone(),
            origin,
            placement,
        });
    }
    Ok(plans)
}

impl Description {
    /// Checks everything that can be checked without options.
    ///
    /// # Errors
    /// For names, templates or texts that a description must not have.
    pub fn validate(&self) -> Result<(), DescriptionError> {
        let wrong = |what: String| Err(DescriptionError(what));
        let lists = [
            self.settings.len(),
            self.needs.len(),
            self.credentials.len(),
            self.remote_hosts.len(),
        ];
        if lists.iter().any(|length| *length > ITEMS) {
            return wrong(format!("it lists more than {ITEMS} items"));
        }
        for text in self.texts() {
            if text.len() > TEXT || text.chars().any(|c| c.is_control() || is_bidi(c)) {
                return wrong(format!(
                    "a text is longer than {TEXT} bytes or has control characters in it"
                ));
            }
        }
        for (at, setting) in self.settings.iter().enumerate() {
            if !is_name(&setting.name)
                || self.settings[..at]
                    .iter()
                    .any(|other| other.name == setting.name)
            {
                return wrong(format!(
                    "the option {:?} is misspelled or there twice",
                    setting.name
                ));
            }
            if setting.secret && setting.default.is_some() {
                return wrong(format!("the secret option {} has a default", setting.name));
            }
        }
        for template in self.templates() {
            let template =
                Template::parse(template).map_err(|error| DescriptionError(error.to_string()))?;
            if let Some(name) = template
                .names()
                .find(|name| self.setting(name).is_none_or(|s| s.secret))
            {
                return wrong(format!(
                    "a template uses {name:?}, which is no option or a secret one"
                ));
            }
        }
        for rule in &self.credentials {
            if !self
                .setting(&rule.setting)
                .is_some_and(|setting| setting.secret)
            {
                return wrong(format!(
                    "it sends {:?}, which is no secret option",
                    rule.setting
                ));
            }
            if matches!(&rule.placement, Placement::Header(name) if !is_header(name)) {
                return wrong(format!(
                    "{:?} is sent in a header that a credential cannot be sent in",
                    rule.setting
                ));
            }
        }
        Ok(())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let own = [&self.name, &self.version, &self.summary];
        let settings = self
            .settings
            .iter()
            .flat_map(|s| [Some(&s.name), Some(&s.help), s.default.as_ref()])
            .flatten();
        own.into_iter()
            .chain(settings)
            .map(String::as_str)
            .chain(self.templates())
    }

    fn templates(&self) -> impl Iterator<Item = &str> {
        let needs = self.needs.iter().map(|need| &need.origin);
        let rules = self
            .credentials
            .iter()
            .flat_map(|rule| match &rule.placement {
                Placement::Basic(user) => vec![&rule.origin, user],
                _ => vec![&rule.origin],
            });
        needs
            .chain(rules)
            .chain(&self.remote_hosts)
            .map(String::as_str)
    }
}

fn is_name(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    starts_well
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// RFC 9110, section 5.6.2, less the headers that frame a message or belong to the connection.
fn is_header(name: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let framing = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "upgrade",
        "trailer",
    ];
    !name.is_empty()
        && name.bytes().all(is_token)
        && !framing.contains(&name.to_lowercase().as_str())
}

/// Characters that make a terminal show text in another order than it has (Unicode, UAX 9).
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::description::{Need, tests::forge};
    use zeroize::Zeroizing;

    fn needs(description: &Description, given: &[(&str, &str)]) -> Result<Needs, NeedError> {
        let given = given.iter().chain(&[("owner", "acme")]);
        let given =
            given.map(|(name, value)| (name.to_string(), Zeroizing::new(value.to_string())));
        Needs::of(description, &Options::check(description, given).unwrap())
    }

    fn origins(needs: &Needs) -> Vec<String> {
        needs
            .grants
            .0
            .iter()
            .map(|grant| grant.origin.to_string())
            .collect()
    }

    #[test]
    fn conditions_decide_which_origins_are_asked_for() {
        let by_default = needs(&forge(), &[]).unwrap();
        assert_eq!(
            origins(&by_default),
            ["https://api.forge.example", "https://files.forge.example"]
        );
        assert_eq!(by_default.remote_hosts, ["forge.example"]);
        let given = needs(&forge(), &[("web_url", "https://w.example")]).unwrap();
        assert_eq!(
            origins(&given),
            ["https://api.forge.example", "https://w.example"]
        );
    }

    #[test]
    fn an_address_has_neither_subdomain_nor_parent_and_nothing_is_asked_for_there() {
        let needs = needs(&forge(), &[("api_url", "http://127.0.0.1:8080/api")]).unwrap();
        assert_eq!(origins(&needs), ["http://127.0.0.1:8080"]);
        assert!(needs.remote_hosts.is_empty());
    }

    #[test]
    fn the_first_credential_rule_whose_conditions_hold_comes_first() {
        let with_user = needs(&forge(), &[("token", "hunter2"), ("username", "me")]).unwrap();
        assert_eq!(
            with_user.credentials[0].placement,
            Placement::Basic("me".into())
        );
        let without = needs(&forge(), &[("token", "hunter2")]).unwrap();
        assert_eq!(without.credentials.len(), 1);
        assert_eq!(without.credentials[0].placement, Placement::Bearer);
        assert!(needs(&forge(), &[]).unwrap().credentials.is_empty());
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let error = needs(&forge(), &[("api_url", "http://forge.example")]).unwrap_err();
        assert!(matches!(error, NeedError::Insecure(_)));
    }

    #[test]
    fn a_credential_goes_to_no_origin_that_is_not_asked_for() {
        let mut greedy = forge();
        greedy.credentials[1].origin = "https://evil.example".into();
        let error = needs(&greedy, &[("token", "hunter2")]).unwrap_err();
        assert!(matches!(error, NeedError::Stray { .. }));
    }

    #[test]
    fn a_user_name_with_a_colon_is_refused() {
        let error = needs(&forge(), &[("token", "hunter2"), ("username", "me:you")]).unwrap_err();
        assert_eq!(error, NeedError::UserName("token".into()));
    }

    #[test]
    fn a_description_that_misleads_is_refused() {
        assert_eq!(forge().validate(), Ok(()));
        let spoilers: [fn(&mut Description); 9] = [
            |d| d.summary = "\u{1b}[2Jsafe".into(),
            |d| d.summary = "\u{202e}efas".into(),
            |d| d.summary = "x".repeat(501),
            |d| d.settings[0].name = "Owner".into(),
            |d| d.settings[0].name = "token".into(),
            |d| d.settings[1].default = Some("x".into()),
            |d| d.needs[0].origin = "https://{token}.evil.example".into(),
            |d| d.credentials[0].setting = "owner".into(),
            |d| d.credentials[0].placement = Placement::Header("Host".into()),
        ];
        for (at, spoil) in spoilers.iter().enumerate() {
            let mut description = forge();
            spoil(&mut description);
            assert!(description.validate().is_err(), "spoiler {at}");
        }
        let mut many = forge();
        many.needs = vec![
            Need {
                origin: "https://a.example".into(),
                methods: vec![],
                conditions: vec![]
            };
            65
        ];
        assert!(many.validate().is_err());
    }
}
