//! The decision about one request: it has to pass all three layers.

use url::Url;

use super::denial::{Denial, Layer};
use crate::{CallOf, Grant, Grants};

/// The three layers that decide whether a request may be sent.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    /// The access that the provider's description requests, with the options filled in.
    pub requested: Grants,
    /// The access that a person granted to this digest of the component.
    pub granted: Grants,
    /// The access that the operator's policy allows, if there is one.
    pub policy: Option<Grants>,
    /// The registration whose requests these are.
    pub of: CallOf,
}

/// The permission to send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission<'a> {
    /// The grant that permits it.
    pub grant: &'a Grant,
    /// True if the address that is dialled may be a private one.
    pub private: bool,
}

impl Authority {
    /// Decides about one request.
    ///
    /// # Errors
    /// The first layer that refuses the request, and why.
    pub fn decide(&self, method: &str, url: &Url) -> Result<Permission<'_>, Denial> {
        let by = |layer: Layer| move |reason| Denial::new(layer, reason, self.of.clone());
        self.requested.allows(method, url).map_err(by(Layer::Requested))?;
        let grant = self.granted.allows(method, url).map_err(by(Layer::Granted))?;
        let policy = self.policy.as_ref().map(|policy| policy.allows(method, url)).transpose();
        let policy = policy.map_err(by(Layer::Policy))?;
        Ok(Permission { grant, private: grant.private && policy.is_none_or(|policy| policy.private) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::OriginPattern;

    fn grants(origins: &[(&str, bool)]) -> Grants {
        let grant = |(origin, private): &(&str, bool)| Grant {
            private: *private,
            ..Grant::reading(OriginPattern::parse(origin).unwrap())
        };
        origins.iter().map(grant).collect()
    }

    fn decide(authority: &Authority, url: &str) -> Result<bool, Layer> {
        let decided = authority.decide("GET", &Url::parse(url).unwrap());
        decided.map(|permission| permission.private).map_err(|denial| denial.layer)
    }

    #[test]
    fn a_request_needs_all_three_layers() {
        let authority = Authority {
            requested: grants(&[("https://a.example.com", false), ("https://b.example.com", false)]),
            granted: grants(&[("https://*.example.com", true)]),
            policy: Some(grants(&[("https://a.example.com", false), ("https://c.example.com", true)])),
            of: CallOf::Registered("demo".into()),
        };
        assert_eq!(decide(&authority, "https://a.example.com/"), Ok(false));
        assert_eq!(decide(&authority, "https://b.example.com/"), Err(Layer::Policy));
        assert_eq!(decide(&authority, "https://c.example.com/"), Err(Layer::Requested));
        let revoked = Authority { granted: grants(&[]), ..authority };
        assert_eq!(decide(&revoked, "https://a.example.com/"), Err(Layer::Granted));
        let denial =
            revoked.decide("GET", &Url::parse("https://a.example.com/secret").unwrap()).unwrap_err().to_string();
        assert!(
            denial.ends_with("`forgeport code-repository update demo --grant=https://a.example.com` grants it"),
            "{denial}"
        );
    }

    #[test]
    fn private_addresses_need_the_grant_and_the_policy() {
        let requested = grants(&[("https://git.corp.example", false)]);
        let private = grants(&[("https://git.corp.example", true)]);
        let with = |granted: &Grants, policy: Option<&Grants>| Authority {
            requested: requested.clone(),
            granted: granted.clone(),
            policy: policy.cloned(),
            of: CallOf::Nobody,
        };
        let url = "https://git.corp.example/";
        assert_eq!(decide(&with(&requested, None), url), Ok(false));
        assert_eq!(decide(&with(&private, None), url), Ok(true));
        assert_eq!(decide(&with(&private, Some(&requested)), url), Ok(false));
        assert_eq!(decide(&with(&private, Some(&private)), url), Ok(true));
    }

    #[test]
    fn without_grants_no_request_is_allowed() {
        assert_eq!(decide(&Authority::default(), "https://a.example.com/"), Err(Layer::Requested));
    }
}
