//! Patterns of origins: one origin, or all subdomains of a domain.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Origin, OriginError};

/// One origin (`https://api.example.com`), or every origin whose host is a subdomain of another (`https://*.example.com`).
/// The domain itself is not among its subdomains; scheme and port have to be the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginPattern {
    /// The origin, or that of the domain.
    base: Origin,
    /// That only subdomains of the host are meant, and not the host itself.
    subdomains: bool,
}

impl OriginPattern {
    /// Parses an origin that may have `*.` in front of its host.
    ///
    /// # Errors
    /// As [`Origin::parse`]; also when what follows `*.` is an address, a name without a dot, or a public suffix such as `co.uk`,
    /// whose subdomains belong to strangers (<https://publicsuffix.org>).
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        match text.split_once("://*.") {
            None => Ok(Origin::parse(text)?.into()),
            Some((scheme, domain)) => Self::subdomains_of(Origin::parse(&format!("{scheme}://{domain}"))?),
        }
    }

    /// Every origin whose host is a subdomain of this one's.
    ///
    /// # Errors
    /// When these subdomains belong to more than one owner.
    pub fn subdomains_of(base: Origin) -> Result<Self, OriginError> {
        let has_owner = base.address().is_none() && psl::domain_str(base.host()).is_some();
        if has_owner {
            Ok(Self { base, subdomains: true })
        } else {
            Err(OriginError::PublicSuffix(base.host().to_owned()))
        }
    }

    /// True if the origin is one of these.
    #[must_use]
    pub fn covers(&self, origin: &Origin) -> bool {
        if !self.subdomains {
            return self.base == *origin;
        }
        let same_way = (self.base.scheme(), self.base.port()) == (origin.scheme(), origin.port());
        let labels = origin.host().strip_suffix(self.base.host()).and_then(|labels| labels.strip_suffix('.'));
        same_way && labels.is_some_and(|labels| !labels.is_empty())
    }

    /// True if there is an origin that both are about.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        match (self.origin(), other.origin()) {
            (Some(one), _) => other.covers(one),
            (None, Some(other)) => self.covers(other),
            (None, None) => self == other || self.covers(&other.base) || other.covers(&self.base),
        }
    }

    /// The one origin, where it is one.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        (!self.subdomains).then_some(&self.base)
    }

    /// The origin, or that of the domain whose subdomains are meant.
    #[must_use]
    pub const fn base(&self) -> &Origin {
        &self.base
    }
}

impl From<Origin> for OriginPattern {
    fn from(base: Origin) -> Self {
        Self { base, subdomains: false }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.subdomains {
            return self.base.fmt(f);
        }
        let text = self.base.to_string();
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        write!(f, "{scheme}://*.{rest}")
    }
}

impl TryFrom<String> for OriginPattern {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<OriginPattern> for String {
    fn from(pattern: OriginPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(pattern: &str, origin: &str) -> bool {
        OriginPattern::parse(pattern).unwrap().covers(&Origin::parse(origin).unwrap())
    }

    #[test]
    fn patterns_meet_where_one_covers_the_other() {
        let meets =
            |one: &str, other: &str| OriginPattern::parse(one).unwrap().meets(&OriginPattern::parse(other).unwrap());
        for (one, other, expected) in [
            ("https://a.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://*.example.com", true),
            ("https://*.example.com", "https://*.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://a.example.com", "https://b.example.com", false),
            ("https://*.a.example.com", "https://*.b.example.com", false),
        ] {
            assert_eq!((meets(one, other), meets(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn a_wildcard_matches_whole_labels_only() {
        for inside in ["https://a.example.com", "https://a.b.example.com", "https://A.EXAMPLE.com:443"] {
            assert!(covers("https://*.example.com", inside), "{inside}");
        }
        for outside in [
            "https://example.com",
            "https://notexample.com",
            "https://a.example.com.evil.net",
            "https://a.example.com:8443",
            "http://a.example.com",
            "https://xexample.com",
        ] {
            assert!(!covers("https://*.example.com", outside), "{outside}");
        }
    }

    #[test]
    fn a_wildcard_for_subdomains_of_many_owners_is_refused() {
        for pattern in [
            "https://*.com",
            "https://*.co.uk",
            "https://*.github.io",
            "https://*.localhost",
            "http://*.127.0.0.1",
            "https://*.[::1]",
            "https://*.1",
            "https://*.",
            "https://*",
            "https://*.*.example.com",
            "https://a.*.example.com",
            "https://a*.example.com",
            "https://*.me@example.com",
            "https://*.example.com/path",
        ] {
            assert!(OriginPattern::parse(pattern).is_err(), "{pattern}");
        }
        for pattern in ["https://*.example.co.uk", "https://*.me.github.io", "https://*.git.corp:8443"] {
            assert_eq!(OriginPattern::parse(pattern).unwrap().to_string(), pattern);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same_way(text in "https?://(\\*\\.)?[a-z0-9.-]{1,20}(:[0-9]{1,5})?") {
            if let Ok(pattern) = OriginPattern::parse(&text) {
                prop_assert_eq!(OriginPattern::parse(&pattern.to_string()).unwrap(), pattern);
            }
        }

        #[test]
        fn a_wildcard_never_covers_what_does_not_end_in_its_domain(host in "[a-z.-]{1,30}") {
            let pattern = OriginPattern::parse("https://*.example.com").unwrap();
            if let Ok(origin) = Origin::parse(&format!("https://{host}")) {
                prop_assert_eq!(pattern.covers(&origin), origin.host().ends_with(".example.com"));
            }
        }
    }
}
