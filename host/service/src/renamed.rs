//! Repositories that a forge has another name for than they are registered under. It redirects from the old name, so that downloads go on,
//! but whoever clones anew has the new name in the remote, which `status` would not know.
//!
//! How options make up a name only a provider knows. So a new name is put into them in the usual way, last part last, and is told only if
//! the provider takes the old options for the old name and the new ones for the new one.

use crate::Service;
use forgeport_model::RemoteUrl;
use forgeport_runtime::{Identity, Provider};
use forgeport_store::{CodeRepository, Consent, StoredOption};
use serde::Serialize;

/// A repository that is called otherwise now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// What its options say.
    pub from: String,
    /// What the forge says.
    pub to: String,
    /// Options and values that say the same as the forge.
    pub options: Vec<(String, String)>,
}

impl Service {
    /// Has the forge another name for it? Nothing where that cannot be told for sure.
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

    /// Does the provider recognise a remote of this path at any of its hosts?
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

/// The options that must be given and are no secrets, in the provider's order: those that name a repository on every forge known here.
fn naming(repository: &CodeRepository, consent: &Consent) -> Option<Vec<(String, String)>> {
    let required = consent.settings.iter().filter(|setting| setting.required && !setting.secret);
    let value = |name: &String| match repository.options.get(name) {
        Some(StoredOption::Plain(value)) => Some((name.clone(), value.clone())),
        _ => None,
    };
    required.map(|setting| value(&setting.name)).collect()
}

/// A name in the place of these values: the last of them gets its last part, and so on, the first whatever is left.
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
