//! What a provider asks for once its options are known: what a person consents to, and what the gate enforces.

use thiserror::Error;

use crate::{
    CredentialRule, Description, Grant, Grants, Need, Options, Origin, Placement, Scheme, Template, TemplateError,
    text::{deceives, quoted},
    validate::is_secret_header,
};

/// The grants, credentials and remote hosts that follow from a description and options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Where requests may go.
    pub grants: Grants,
    /// How secrets are sent, in the description's order: the first one for a request's origin counts.
    pub credentials: Vec<CredentialPlan>,
    /// The hosts that a checkout's remote may have, spelled as [`RemoteUrl::host`](crate::RemoteUrl::host) has them.
    pub remote_hosts: Vec<String>,
}

/// Which secret goes where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialPlan {
    /// The secret option, which was given.
    pub setting: String,
    /// The only origin that it is sent to.
    pub origin: Origin,
    /// Where in a request; a user name is filled in.
    pub placement: Placement,
}

/// Why a description and options do not give something that can be granted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NeedError {
    /// A template could not be read or filled in.
    #[error("what the provider needs to reach cannot be told: {0}")]
    Template(#[from] TemplateError),
    /// Requests could be read and altered on their way.
    #[error(
        "the provider would reach {0} without encryption: only https is granted (http on loopback excepted); use an option's `https://` URL"
    )]
    Plain(Origin),
    /// A secret for somewhere that the provider does not even ask to reach.
    #[error(
        "the provider would have option `{setting}` sent to {origin}, which is not among the origins that it needs: its description must name it among the needs"
    )]
    Ungranted {
        /// The secret option.
        setting: String,
        /// Where it would go.
        origin: Origin,
    },
    /// A credential rule for an option that does not exist.
    #[error("the provider's description sends option {0} as a credential, but does not declare it")]
    Unknown(String),
    /// A credential rule for an option that is no secret.
    #[error("the provider's description sends option `{0}` as a credential, but does not declare it secret")]
    NotSecret(String),
    /// No header's name, or one that is not for a secret.
    #[error(
        "the provider's description sends a secret in header {0}, which is no header's name, or not one for secrets"
    )]
    Header(String),
    /// A user name that Basic cannot carry (RFC 7617, section 2).
    #[error("the user name that goes with option `{0}` has a colon or a control character in it: give it without")]
    UserName(String),
}

impl Needs {
    /// Works out what a provider asks for with these options: conditions are decided, templates filled in, origins merged.
    ///
    /// A remote host whose template has no value (or no parent domain) to fill in is left out: it has no conditions, and then names nothing.
    ///
    /// # Errors
    /// Something is asked for that cannot be granted, or a template cannot be filled in.
    pub fn of(description: &Description, options: &Options) -> Result<Self, NeedError> {
        let needs = description.needs.iter().filter(|need| options.hold_all(&need.conditions));
        let grants: Grants = needs.filter_map(|need| grant(need, options).transpose()).collect::<Result<_, _>>()?;
        let mut credentials = Vec::new();
        for rule in &description.credentials {
            credentials.extend(plan(rule, description, options, &grants)?);
        }
        Ok(Self { grants, credentials, remote_hosts: remote_hosts(description, options)? })
    }

    /// The credential for an origin: the first plan that names it.
    #[must_use]
    pub fn credential_for(&self, origin: &Origin) -> Option<&CredentialPlan> {
        self.credentials.iter().find(|plan| plan.origin == *origin)
    }
}

/// An address or a bare name has no parent, so there is nothing to ask for.
fn grant(need: &Need, options: &Options) -> Result<Option<Grant>, NeedError> {
    let origin = match Template::parse(&need.origin)?.expand_pattern(options) {
        Err(TemplateError::NoParent(_)) => return Ok(None),
        origin => origin?,
    };
    if origin.base().scheme() == Scheme::Http && !origin.base().is_loopback() {
        return Err(NeedError::Plain(origin.base().clone()));
    }
    let paths = need.paths.iter().map(|path| Template::parse(path)?.expand_path(options)).collect::<Result<_, _>>()?;
    Ok(Some(Grant { origin, methods: need.methods.clone(), paths, private: false }))
}

fn plan(
    rule: &CredentialRule,
    description: &Description,
    options: &Options,
    grants: &Grants,
) -> Result<Option<CredentialPlan>, NeedError> {
    let setting = description.settings.iter().find(|setting| setting.name == rule.setting);
    let setting = setting.ok_or_else(|| NeedError::Unknown(quoted(&rule.setting)))?;
    if !setting.secret {
        return Err(NeedError::NotSecret(setting.name.clone()));
    }
    if !options.is_given(&rule.setting) || !options.hold_all(&rule.conditions) {
        return Ok(None);
    }
    let setting = rule.setting.clone();
    let origin = Template::parse(&rule.origin)?.expand_origin(options)?;
    if !grants.reach(&origin) {
        return Err(NeedError::Ungranted { setting, origin });
    }
    let placement = placement(rule, options)?;
    Ok(Some(CredentialPlan { setting, origin, placement }))
}

fn placement(rule: &CredentialRule, options: &Options) -> Result<Placement, NeedError> {
    match &rule.placement {
        Placement::Bearer => Ok(Placement::Bearer),
        Placement::Header(name) if is_secret_header(name) => Ok(Placement::Header(name.clone())),
        Placement::Header(name) => Err(NeedError::Header(quoted(name))),
        Placement::Basic(user) => {
            let user = Template::parse(user)?.expand(options)?;
            if user.contains(|c| c == ':' || deceives(c)) {
                return Err(NeedError::UserName(rule.setting.clone()));
            }
            Ok(Placement::Basic(user))
        }
    }
}

fn remote_hosts(description: &Description, options: &Options) -> Result<Vec<String>, NeedError> {
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
    use crate::description::{Need, tests::forge};
    use zeroize::Zeroizing;

    fn needs(description: &Description, given: &[(&str, &str)]) -> Result<Needs, NeedError> {
        let given = given.iter().chain(&[("owner", "acme")]);
        let given = given.map(|(name, value)| (name.to_string(), Zeroizing::new(value.to_string())));
        Needs::of(description, &Options::check(description, given).unwrap())
    }

    fn origins(needs: &Needs) -> Vec<String> {
        needs.grants.iter().map(|grant| grant.origin.to_string()).collect()
    }

    #[test]
    fn conditions_decide_which_origins_are_asked_for() {
        let by_default = needs(&forge(), &[]).unwrap();
        assert_eq!(origins(&by_default), ["https://api.forge.example", "https://files.forge.example"]);
        assert_eq!(by_default.remote_hosts, ["forge.example"]);
        let given = needs(&forge(), &[("web_url", "https://w.example")]).unwrap();
        assert_eq!(origins(&given), ["https://api.forge.example", "https://w.example"]);
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
        assert_eq!(with_user.credentials[0].placement, Placement::Basic("me".into()));
        let without = needs(&forge(), &[("token", "hunter2")]).unwrap();
        assert_eq!(without.credentials.len(), 1);
        assert_eq!(without.credentials[0].placement, Placement::Bearer);
        assert!(needs(&forge(), &[]).unwrap().credentials.is_empty());
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let error = needs(&forge(), &[("api_url", "http://forge.example")]).unwrap_err();
        assert!(matches!(error, NeedError::Plain(_)));
    }

    #[test]
    fn a_credential_goes_to_no_origin_that_is_not_asked_for() {
        let mut greedy = forge();
        greedy.credentials[1].origin = "https://evil.example".into();
        let error = needs(&greedy, &[("token", "hunter2")]).unwrap_err();
        assert!(matches!(error, NeedError::Ungranted { .. }));
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
            |d| d.summary = "x".repeat(1025),
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
        many.needs =
            vec![Need { origin: "https://a.example".into(), methods: vec![], paths: vec![], conditions: vec![] }; 65];
        assert!(many.validate().is_err());
    }
}
