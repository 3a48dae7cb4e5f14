//! Repositories that were renamed at the forge. The forge redirects from the old name, so downloads still work; but a new clone has the new
//! name in its remote, which `status` would not recognize.
//!
//! Which options make up a name is the provider's matter. So the new name is put into them in the usual order, and it is reported only if
//! the provider confirms that the old options give the old name and the new ones the new name.

use crate::Service;
use forgeport_model::{Identity, RemoteUrl};
use forgeport_runtime::Provider;
use forgeport_store::{CodeRepository, Consent, StoredOption};
use serde::Serialize;

/// A repository that has another name now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// The name in its options.
    pub from: String,
    /// The name at the forge.
    pub to: String,
    /// The options that have to change, with their new values.
    pub options: Vec<(String, String)>,
}

impl Service {
    /// The new name of a repository, if the forge has another one; none if that is uncertain.
    pub(crate) async fn renamed(
        &self,
        repository: &CodeRepository,
        provider: &Provider,
        identity: &Identity,
    ) -> Option<Renamed> {
        let consent = repository.consent.as_ref()?;
        let names = naming(repository, consent)?;
        let to = identity.repository.trim_matches('/').to_owned();
        let from = names.iter().map(|(_, value)| value.trim_matches('/')).collect::<Vec<_>>().join("/");
        let options = spread(&names, &to)?;
        let mut corrected = repository.clone();
        let changed = options.iter().map(|(name, value)| (name.clone(), StoredOption::Plain(value.clone())));
        corrected.options.extend(changed);
        let is_one = !self.owns_path(repository, consent, provider, &to).await
            && self.owns_path(repository, consent, provider, &from).await
            && self.owns_path(&corrected, consent, provider, &to).await;
        let differ = |(name, value): &(String, String)| !names.iter().any(|(known, old)| known == name && old == value);
        is_one.then(|| Renamed { from, to, options: options.into_iter().filter(differ).collect() })
    }

    /// True if the provider recognizes a remote with this path at any of its hosts.
    async fn owns_path(&self, repository: &CodeRepository, consent: &Consent, provider: &Provider, path: &str) -> bool {
        let Ok(offline) = self.offline(repository, consent, provider) else { return false };
        for host in &consent.access.remote_hosts {
            for scheme in ["ssh", "https"] {
                let Ok(remote) = RemoteUrl::parse(&format!("{scheme}://{host}/{path}")) else { continue };
                if offline.owns_remote(&remote).await.unwrap_or(false) {
                    return true;
                }
            }
        }
        false
    }
}

/// The options that are required and not secret, in the provider's order: these name a repository on every forge known here.
fn naming(repository: &CodeRepository, consent: &Consent) -> Option<Vec<(String, String)>> {
    let required = consent.settings.iter().filter(|option| option.required && !option.secret);
    let value = |name: &String| match repository.options.get(name) {
        Some(StoredOption::Plain(value)) => Some((name.clone(), value.clone())),
        _ => None,
    };
    required.map(|option| value(&option.name)).collect()
}

/// Spreads a name over these options: the last one gets the last part, and so on; the first one gets the rest.
fn spread(names: &[(String, String)], to: &str) -> Option<Vec<(String, String)>> {
    let mut parts: Vec<&str> = to.rsplitn(names.len().max(1), '/').collect();
    parts.reverse();
    let spread = names.iter().zip(&parts).map(|((name, _), part)| (name.clone(), (*part).to_owned()));
    (parts.len() == names.len()).then(|| spread.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_name_is_spread_over_options_last_part_last() {
        let names = pairs(&[("group", "a"), ("project", "b")]);
        assert_eq!(spread(&names, "x/y/z"), Some(pairs(&[("group", "x/y"), ("project", "z")])));
        assert_eq!(spread(&names, "z"), None);
        assert_eq!(spread(&pairs(&[("slug", "b")]), "x/y"), Some(pairs(&[("slug", "x/y")])));
        assert_eq!(spread(&[], "x"), None);
    }
}
