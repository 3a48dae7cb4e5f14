//! What a provider may do with the options of a registration: what a person consents to, what is stored, and what the gate enforces.
//!
//! It is concrete: it has no templates and no conditions, so that the component need not be asked again.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::{
    Condition, CredentialRule, Description, Grant, Grants, Need, Options, Origin, Placement, Scheme, Template,
    TemplateError,
    manifest::validate::is_secret_header,
    names::{
        host,
        text::{deceives, quote_untrusted},
    },
};

/// The origins, credentials and remote hosts that follow from a description and options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Where requests may go.
    pub origins: Grants,
    /// How secrets are sent, in the description's order: of the plans for a request's origin, the first one applies whose beginnings match.
    pub credentials: Vec<CredentialPlan>,
    /// The hosts that a checkout's remote may have, spelled as [`RemoteUrl::host`](crate::RemoteUrl::host) has them.
    pub remote_hosts: Vec<String>,
}

/// Which secret is sent where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialPlan {
    /// The secret option, which was given.
    #[serde(alias = "setting")]
    pub option: String,
    /// The only origin that it is sent to.
    pub origin: Origin,
    /// Where in a request; a user name is filled in.
    pub placement: Placement,
    /// It applies to secrets that begin with each of these, which is checked when it is sent: the value may change each hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beginnings: Vec<String>,
}

/// Why the access that a description and options lead to cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// A template could not be read or filled in.
    #[error("cannot work out what the provider requests: {0}")]
    Template(#[from] TemplateError),
    /// Requests could be read and altered on their way.
    #[error(
        "the provider would reach {0} without encryption: only https is granted, except on this machine; give the option an `https://` URL"
    )]
    Plain(Origin),
    /// A secret for an origin that the provider does not request.
    #[error(
        "the provider's description sends option `{option}` to {origin}, which it does not request: its author has to add the origin to the needs"
    )]
    Ungranted {
        /// The secret option.
        option: String,
        /// The origin that it would be sent to.
        origin: Origin,
    },
    /// A credential rule for an option that does not exist.
    #[error(
        "the provider's description sends option {0} as a credential, but does not declare it: its author has to add it to the options"
    )]
    Unknown(String),
    /// A credential rule for an option that is no secret.
    #[error(
        "the provider's description sends option `{0}` as a credential, but does not declare it secret: its author has to say `secret: true`"
    )]
    NotSecret(String),
    /// No header's name, or one that is not for a secret.
    #[error(
        "the provider's description sends a secret in header {0}, which is not the name of a header for secrets: its author has to name one like `PRIVATE-TOKEN`"
    )]
    Header(String),
    /// A user name that Basic cannot carry (RFC 7617, section 2).
    #[error("the user name that goes with option `{0}` has a colon or a control character in it: give it without")]
    UserName(String),
}

impl Access {
    /// Works out the access with these options: conditions are decided, templates filled in, origins merged. Only whether a secret begins
    /// as a credential requires it is decided later, so that no secret has to be known here.
    ///
    /// A remote host whose template has no value (or no parent domain) to fill in is left out: it has no conditions, and then names none.
    ///
    /// # Errors
    /// When the description requests what cannot be granted, or a template cannot be filled in.
    pub fn of(description: &Description, options: &Options) -> Result<Self, AccessError> {
        let needs = description.needs.iter().filter(|need| options.hold_all(&need.conditions));
        let origins: Grants = needs.filter_map(|need| grant(need, options).transpose()).collect::<Result<_, _>>()?;
        let mut credentials = Vec::new();
        for rule in &description.credentials {
            credentials.extend(plan(rule, description, options, &origins)?);
        }
        Ok(Self { origins, credentials, remote_hosts: remote_hosts(description, options)? })
    }

    /// The secret options that may be sent to an origin, each once.
    #[must_use]
    pub fn secrets_for(&self, origin: &Origin) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for plan in self.credentials.iter().filter(|plan| plan.origin == *origin) {
            if !names.contains(&plan.option.as_str()) {
                names.push(&plan.option);
            }
            if plan.beginnings.is_empty() {
                break;
            }
        }
        names
    }

    /// A link that a provider made, if a person may follow it: https to a remote host, or to an origin that may be reached.
    #[must_use]
    pub fn web_url(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let origin = Origin::of(&url).ok()?;
        let host = host::normal(url.host_str()?).ok()?;
        let is_remote = origin.scheme() == Scheme::Https && self.remote_hosts.contains(&host);
        (is_remote || self.origins.reach(&origin)).then_some(url)
    }
}

/// True if a credential with these [beginnings](CredentialPlan::beginnings) applies to a secret of this value.
#[must_use]
pub fn holds_for(beginnings: &[String], secret: &str) -> bool {
    beginnings.iter().all(|beginning| secret.starts_with(beginning))
}

/// The grant that a need leads to; none where it needs a parent domain, which an address or a bare name has not.
fn grant(need: &Need, options: &Options) -> Result<Option<Grant>, AccessError> {
    let origin = match Template::parse(&need.origin)?.expand_pattern(options) {
        Err(TemplateError::NoParent(_)) => return Ok(None),
        origin => origin?,
    };
    if origin.base().scheme() == Scheme::Http && !origin.base().is_loopback() {
        return Err(AccessError::Plain(origin.base().clone()));
    }
    let paths = need.paths.iter().map(|path| Template::parse(path)?.expand_path(options)).collect::<Result<_, _>>()?;
    Ok(Some(Grant { origin, methods: need.methods.clone(), paths, private: false }))
}

fn plan(
    rule: &CredentialRule,
    description: &Description,
    options: &Options,
    origins: &Grants,
) -> Result<Option<CredentialPlan>, AccessError> {
    let option = description.options.iter().find(|option| option.name == rule.option);
    let option = option.ok_or_else(|| AccessError::Unknown(quote_untrusted(&rule.option)))?;
    if !option.secret {
        return Err(AccessError::NotSecret(option.name.clone()));
    }
    let (beginnings, conditions) = parted(rule);
    if !options.is_given(&rule.option) || !options.hold_all(conditions) {
        return Ok(None);
    }
    let option = rule.option.clone();
    let origin = match Template::parse(&rule.origin)?.expand_origin(options) {
        // The origin is not requested either, so the secret is not sent.
        Err(TemplateError::NoParent(_)) => return Ok(None),
        origin => origin?,
    };
    if !origins.reach(&origin) {
        return Err(AccessError::Ungranted { option, origin });
    }
    let placement = placement(rule, options)?;
    let beginnings = beginnings.into_iter().map(str::to_owned).collect();
    Ok(Some(CredentialPlan { option, origin, placement, beginnings }))
}

/// The conditions about the rule's own secret, and those that can be decided now.
fn parted(rule: &CredentialRule) -> (Vec<&str>, Vec<&Condition>) {
    let (mut beginnings, mut conditions) = (Vec::new(), Vec::new());
    for condition in &rule.conditions {
        match condition {
            Condition::StartsWith(name, start) if *name == rule.option => beginnings.push(start.as_str()),
            condition => conditions.push(condition),
        }
    }
    (beginnings, conditions)
}

fn placement(rule: &CredentialRule, options: &Options) -> Result<Placement, AccessError> {
    match &rule.placement {
        Placement::Bearer => Ok(Placement::Bearer),
        Placement::Header(name) if is_secret_header(name) => Ok(Placement::Header(name.clone())),
        Placement::Header(name) => Err(AccessError::Header(quote_untrusted(name))),
        Placement::Basic(user) => {
            let user = Template::parse(user)?.expand(options)?;
            if user.contains(|c| c == ':' || deceives(c)) {
                return Err(AccessError::UserName(rule.option.clone()));
            }
            Ok(Placement::Basic(user))
        }
    }
}

fn remote_hosts(description: &Description, options: &Options) -> Result<Vec<String>, AccessError> {
    let mut hosts: Vec<String> = Vec::new();
    for template in &description.remote_hosts {
        match Template::parse(template)?.expand_host(options) {
            Ok(host) if hosts.contains(&host) => {}
            Ok(host) => hosts.push(host),
            Err(TemplateError::NoValue(_) | TemplateError::NoParent(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(hosts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        OptionValue,
        manifest::description::{Need, tests::forge},
    };
    use zeroize::Zeroizing;

    fn access(description: &Description, given: &[(&str, &str)]) -> Result<Access, AccessError> {
        let given = given.iter().chain(&[("owner", "acme")]);
        let typed = |value: &str| OptionValue::Typed(Zeroizing::new(value.to_owned()));
        let given = given.map(|(name, value)| (name.to_string(), typed(value)));
        Access::of(description, &Options::check(&description.options, given).unwrap())
    }

    fn origins(access: &Access) -> Vec<String> {
        access.origins.iter().map(|grant| grant.origin.to_string()).collect()
    }

    #[test]
    fn conditions_decide_which_origins_are_requested() {
        let by_default = access(&forge(), &[]).unwrap();
        assert_eq!(origins(&by_default), ["https://api.forge.example", "https://files.forge.example"]);
        assert_eq!(by_default.remote_hosts, ["forge.example"]);
        let given = access(&forge(), &[("web_url", "https://w.example")]).unwrap();
        assert_eq!(origins(&given), ["https://api.forge.example", "https://w.example"]);
    }

    #[test]
    fn for_an_address_no_subdomain_and_no_parent_is_requested() {
        let access = access(&forge(), &[("api_url", "http://127.0.0.1:8080/api")]).unwrap();
        assert_eq!(origins(&access), ["http://127.0.0.1:8080"]);
        assert!(access.remote_hosts.is_empty());
    }

    #[test]
    fn without_a_parent_no_origin_is_requested_and_no_secret_is_sent() {
        let mut description = forge();
        let parent = "https://{api_url.parent}".to_owned();
        description.needs.push(Need { origin: parent.clone(), ..description.needs[0].clone() });
        description.credentials = vec![CredentialRule { origin: parent, ..description.credentials[1].clone() }];
        for (api, sent) in [("https://api.forge.example", 1), ("https://api.forge", 0), ("http://127.0.0.1:80", 0)] {
            let access = access(&description, &[("token", "hunter2"), ("api_url", api)]).unwrap();
            assert_eq!(access.credentials.len(), sent, "{api}");
        }
    }

    #[test]
    fn the_first_credential_rule_whose_conditions_are_met_comes_first() {
        let with_user = access(&forge(), &[("token", "hunter2"), ("username", "me")]).unwrap();
        assert_eq!(with_user.credentials[0].placement, Placement::Basic("me".into()));
        let without = access(&forge(), &[("token", "hunter2")]).unwrap();
        assert_eq!(without.credentials.len(), 1);
        assert_eq!(without.credentials[0].placement, Placement::Bearer);
        assert!(access(&forge(), &[]).unwrap().credentials.is_empty());
    }

    #[test]
    fn a_secrets_beginning_is_kept_for_the_gate_to_judge_and_only_about_the_credential_itself() {
        let begins = |name: &str| Condition::StartsWith(name.into(), "job-".into());
        let mut description = forge();
        description.credentials[0].conditions = vec![begins("token")];
        description.validate().unwrap();
        for token in ["job-1", "other"] {
            let access = access(&description, &[("token", token), ("username", "me")]).unwrap();
            assert_eq!(access.credentials[0].beginnings, ["job-"]);
            let [first, second] = &access.credentials[..] else { panic!("{access:?}") };
            assert_eq!(holds_for(&first.beginnings, token), token == "job-1");
            assert!(second.beginnings.is_empty() && holds_for(&second.beginnings, token));
            assert_eq!(access.secrets_for(&Origin::parse("https://api.forge.example").unwrap()), ["token"]);
        }
        let mut of_another = forge();
        of_another.options[3].secret = true;
        of_another.credentials[0].placement = Placement::Bearer;
        of_another.credentials[0].conditions = vec![begins("username")];
        let mut of_a_need = forge();
        of_a_need.needs[0].conditions = vec![begins("token")];
        for (refused, name) in [(of_another, "username"), (of_a_need, "token")] {
            assert_eq!(refused.validate(), Err(crate::DescriptionError::SecretBeginning(name.into())));
        }
    }

    #[test]
    fn a_link_leads_to_a_host_that_was_consented_to_and_is_https() {
        let access = access(&forge(), &[("web_url", "http://127.0.0.1:80")]).unwrap();
        for text in [
            "https://forge.example/a",
            "https://FORGE.example:8443/a#b",
            "https://api.forge.example",
            "http://127.0.0.1/x",
        ] {
            assert!(access.web_url(text).is_some(), "{text}");
        }
        for text in [
            "javascript:alert(1)//forge.example",
            "http://forge.example/a",
            "https://forge.example.evil.example/",
            "https://me:pw@forge.example/",
            "https://evil.example/forge.example",
            "data:text/html,x",
            "//forge.example/a",
            "",
        ] {
            assert_eq!(access.web_url(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_stored_is_what_was_worked_out() {
        let access = access(&forge(), &[("token", "hunter2"), ("username", "me")]).unwrap();
        let json = serde_json::to_string(&access).unwrap();
        assert_eq!(serde_json::from_str::<Access>(&json).unwrap(), access);
        assert!(!json.contains("hunter2") && !json.contains("{username}"), "{json}");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let error = access(&forge(), &[("api_url", "http://forge.example")]).unwrap_err();
        assert!(matches!(error, AccessError::Plain(_)));
    }

    #[test]
    fn a_credential_is_sent_to_no_origin_that_is_not_requested() {
        let mut greedy = forge();
        greedy.credentials[1].origin = "https://evil.example".into();
        let error = access(&greedy, &[("token", "hunter2")]).unwrap_err();
        assert!(matches!(error, AccessError::Ungranted { .. }));
    }

    #[test]
    fn a_user_name_with_a_colon_is_refused() {
        let error = access(&forge(), &[("token", "hunter2"), ("username", "me:you")]).unwrap_err();
        assert_eq!(error, AccessError::UserName("token".into()));
    }

    #[test]
    fn a_description_that_misleads_is_refused() {
        assert_eq!(forge().validate(), Ok(()));
        let spoilers: [fn(&mut Description); 9] = [
            |d| d.summary = "\u{1b}[2Jsafe".into(),
            |d| d.summary = "\u{202e}efas".into(),
            |d| d.summary = "x".repeat(1025),
            |d| d.options[0].name = "Owner".into(),
            |d| d.options[0].name = "token".into(),
            |d| d.options[1].default = Some("x".into()),
            |d| d.needs[0].origin = "https://{token}.evil.example".into(),
            |d| d.credentials[0].option = "owner".into(),
            |d| d.credentials[0].placement = Placement::Header("Host".into()),
        ];
        for (at, spoil) in spoilers.iter().enumerate() {
            let mut description = forge();
            spoil(&mut description);
            assert!(description.validate().is_err(), "spoiler {at}");
        }
        let mut many = forge();
        many.needs =
            vec![Need { origin: "https://a.example".into(), methods: vec![], paths: vec![], conditions: vec![] }; 65];
        assert!(many.validate().is_err());
    }

    #[test]
    fn what_was_stored_when_an_option_was_called_a_setting_is_read() {
        let plan = r#"{"setting": "token", "origin": "https://api.forge.example", "placement": "bearer"}"#;
        assert_eq!(serde_json::from_str::<CredentialPlan>(plan).unwrap().option, "token");
        let mut description = serde_json::to_value(forge()).unwrap();
        let options = description["options"].take();
        description.as_object_mut().unwrap().remove("options");
        description["settings"] = options;
        assert_eq!(serde_json::from_value::<Description>(description).unwrap(), forge());
    }
}
