//! The access of providers: described, explained, and revoked.

use crate::{Result, Service, ServiceError, api};
use forgeport_egress::address::{Reach, reach};
use forgeport_model::{
    Access, AuditAction, Authority, CredentialPlan, Denial, Digest, Grant, Grants, Layer, Limit, Origin, OriginPattern,
    Permission, Scheme,
};
use forgeport_store::CodeRepository;
use serde::Serialize;
use url::Url;

/// The access of one code repository's provider.
#[derive(Clone, Debug, Serialize)]
pub struct AccessReport {
    /// Its name.
    pub name: String,
    /// The component that the grants belong to.
    pub digest: Digest,
    /// The access that its provider requests.
    pub requested: Grants,
    /// The access that it was granted.
    pub granted: Grants,
    /// The access that the operator's policy allows; none without a policy.
    pub policy: Option<Grants>,
    /// Which secret option goes where, and how.
    pub credentials: Vec<CredentialPlan>,
    /// The hosts whose remotes the provider is given, and to which its links may lead.
    pub remote_hosts: Vec<String>,
    /// The limits of its calls, by name, as they are written on a command line.
    pub limits: Vec<(String, String)>,
}

/// Whether a request would be allowed, by which rule, and what would change that.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// True if it would be allowed.
    pub allowed: bool,
    /// Which layer decides: `requested`, `granted`, `policy` or `gate`.
    pub by: &'static str,
    /// The rule, in words.
    pub rule: String,
    /// The secret option that would be sent.
    pub secret: Option<String>,
    /// The command, or the change to a file, that would reverse the decision.
    pub change: String,
}

impl Service {
    /// The access of a code repository's provider; no network is needed.
    ///
    /// # Errors
    /// When there is no such code repository, or nothing was consented to yet.
    pub async fn access_of(&self, name: &str) -> Result<AccessReport> {
        let (repository, consent) = self.consented(self.find_stored(name).await?).await?;
        let access = consent.access;
        let authority = self.authority(&repository, &access.origins);
        let limits = repository.limits.within(&self.host.policy.limits);
        Ok(AccessReport {
            name: repository.name,
            digest: repository.provider.digest,
            requested: authority.requested,
            granted: authority.granted,
            policy: authority.policy,
            credentials: access.credentials,
            remote_hosts: access.remote_hosts,
            limits: Limit::all().map(|(limit, name, ..)| (name.to_owned(), limit.written(limits.get(limit)))).collect(),
        })
    }

    /// Explains whether a request would be allowed, and what would change that. Host names are not resolved.
    ///
    /// # Errors
    /// As [`Service::access_of`], and when the URL cannot be read.
    pub async fn explain(&self, name: &str, method: &str, url: &str) -> Result<Explanation> {
        let (repository, consent) = self.consented(self.find_stored(name).await?).await?;
        let url = Url::parse(url).map_err(|error| ServiceError::Url(error.to_string()))?;
        let authority = self.authority(&repository, &consent.access.origins);
        Ok(match authority.decide(&method.to_ascii_uppercase(), &url) {
            Ok(permission) => allowed(&repository, &consent.access, permission, &url),
            Err(denial) => denied(&repository, &denial),
        })
    }

    /// Revokes the grants with this origin. A built-in provider is always granted what it requests; its permission to reach a private
    /// network is revoked.
    ///
    /// # Errors
    /// When there is no such grant, or no such permission.
    pub async fn revoke(&self, name: &str, origin: &str) -> Result<api::CodeRepository> {
        let mut repository = self.store().code_repositories().get(name).await?;
        let built_in = repository.provider.source.is_built_in();
        let pattern =
            OriginPattern::parse(origin).map_err(|why| ServiceError::Grant { text: origin.to_owned(), why })?;
        let meant = |grant: &Grant| grant.origin == pattern && (grant.private || !built_in);
        let (gone, left): (Vec<_>, Vec<_>) = repository.grants.into_iter().partition(meant);
        if gone.is_empty() {
            return Err(if built_in {
                ServiceError::BuiltInGrants(repository.kind)
            } else {
                ServiceError::NotGranted { pattern, granted: left.iter().map(|g| g.origin.to_string()).collect() }
            });
        }
        let no_longer_private = gone.into_iter().filter(|_| built_in).map(|grant| Grant { private: false, ..grant });
        repository.grants = left.into_iter().chain(no_longer_private).collect();
        let stored = self.store().code_repositories().update(&repository, None).await?;
        self.record(&stored, AuditAction::Revoked, pattern.to_string()).await;
        Ok(stored.into())
    }

    /// The three layers of a registration: what is requested, what is granted, and what the policy allows.
    pub(crate) fn authority(&self, repository: &CodeRepository, requested: &Grants) -> Authority {
        // A built-in provider is granted what this version of it requests; a person only says what may be private.
        let granted = if repository.provider.source.is_built_in() {
            requested.iter().cloned().map(|grant| with_private_of(grant, &repository.grants)).collect()
        } else {
            repository.grants.clone()
        };
        let of = repository.limits.call_of().clone();
        Authority { requested: requested.clone(), granted, policy: self.host.policy.allow.clone(), of }
    }
}

/// Private if the same grant is private among the others.
pub(crate) fn with_private_of(grant: Grant, others: &Grants) -> Grant {
    let private = others.iter().any(|other| other.private && other.origin == grant.origin);
    Grant { private: grant.private || private, ..grant }
}

fn allowed(repository: &CodeRepository, access: &Access, permission: Permission<'_>, url: &Url) -> Explanation {
    let Permission { grant, private } = permission;
    let name = &repository.name;
    let origin = Origin::of(url).ok();
    if let Some(refused) = origin.as_ref().and_then(|origin| by_address(name, origin, private)) {
        return refused;
    }
    let secrets = origin.map(|origin| access.secrets_for(&origin).join(" or --")).unwrap_or_default();
    let secret = Some(secrets).filter(|names| !names.is_empty());
    let where_to = if private { "also in a private network" } else { "if its address is a public one" };
    let methods: Vec<&str> = grant.methods().collect();
    let change = if repository.provider.source.is_built_in() && !private {
        "in the operator's policy, /etc/forgeport/policy.toml, leave the origin out of [[allow]]".to_owned()
    } else {
        format!("forgeport grants revoke {name} {}", grant.origin)
    };
    let rule = format!("{} on {}, {where_to}", methods.join(", "), grant.origin);
    Explanation { allowed: true, by: "granted", rule, secret, change }
}

/// The gate's own decision about an address in the URL, whatever is granted.
fn by_address(name: &str, origin: &Origin, private: bool) -> Option<Explanation> {
    let never = "nothing: no grant leads there".to_owned();
    let (rule, change) = match origin.address().map(reach) {
        _ if origin.scheme() == Scheme::Http && !origin.is_loopback() => {
            (format!("{origin} is not encrypted, and not on this machine"), never)
        }
        Some(Reach::Never(what)) => (format!("the address is {what}"), never),
        Some(Reach::Private(what)) if !private => (
            format!("the address is {what}"),
            format!("forgeport code-repository update {name} --allow-private={origin}"),
        ),
        _ => return None,
    };
    Some(Explanation { allowed: false, by: "gate", rule, secret: None, change })
}

fn denied(repository: &CodeRepository, denial: &Denial) -> Explanation {
    let Denial { layer, reason, .. } = denial;
    let name = &repository.name;
    let custom = !repository.provider.source.is_built_in();
    let change = match (layer, denial.origin()) {
        (_, None) => "nothing: write another URL".to_owned(),
        (Layer::Requested, _) if custom => {
            format!(
                "its author adds it to the needs; then `forgeport code-repository update {name} --source=FILE.wasm`"
            )
        }
        (Layer::Requested, _) => format!(
            "an option that names the origin, see `forgeport code-repository options --type={}`: `forgeport code-repository update {name} --OPTION=VALUE`",
            repository.kind
        ),
        (Layer::Granted, Some(origin)) => format!("forgeport code-repository update {name} --grant={origin}"),
        (Layer::Policy, Some(origin)) => {
            format!("in the operator's policy, /etc/forgeport/policy.toml: [[allow]] origin = \"{origin}\"")
        }
    };
    Explanation { allowed: false, by: layer.as_str(), rule: reason.to_string(), secret: None, change }
}
