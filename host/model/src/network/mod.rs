//! Where a provider's requests may go.
//!
//! A provider is code of somebody else. It sends no request itself: it asks the host, which adds the credential. This folder decides about
//! each request and each redirect, from values alone: [`Authority::decide`] takes a method and a URL, and returns the grant that permits
//! the request, or a [`Denial`] that says which layer refuses it, why, and what to do next. Names are not resolved here: the gate
//! (`forgeport-egress`) checks each address where it is dialled.
//!
//! # The three layers
//!
//! A request has to pass all of them. An empty list permits none.
//!
//! | Layer | Who decides | Where it comes from |
//! | --- | --- | --- |
//! | requested | the provider's author | the needs in its description, with the options filled in ([`Access`](crate::Access)) |
//! | granted | a person | `--grant` or a consent, for one registration and one digest of the component; a built-in provider is granted what it requests |
//! | policy | the operator of the host | `/etc/forgeport/policy.toml` ([`Policy`]); without `allow` it permits all that is granted |
//!
//! # Accepted forms
//!
//! | Form | Example | What it permits |
//! | --- | --- | --- |
//! | origin | `https://api.example.com`, `https://git.example.com:8443` | this scheme, host and port; a `/` at the end is accepted |
//! | subdomains | `https://*.example.com` | every host that ends in `.example.com`, with the same scheme and port; not `example.com` itself |
//! | http | `http://127.0.0.1:3000`, `http://localhost:3000` | a provider is granted `http` on this machine only |
//! | private | `private = true` beside an origin | addresses on this machine and in private networks, if grant and policy both say so |
//! | method | `POST` | this method, compared with its case; where none is named, `GET` and `HEAD` |
//! | path prefix | `/repos/acme` | this path and all below it, segment by segment and decoded; where none is named, every path |
//!
//! Refused, since two programs could read it in two ways or it would permit too much: a user name or a password, a path, a query or a
//! fragment after an origin; a wildcard anywhere but in the first label; `*.` before an address or a public suffix (`https://*.co.uk`);
//! white space, `\` and `%` in an origin; `..`, empty segments and wildcards in a path.
//!
//! # Example
//!
//! ```
//! use forgeport_model::{Authority, CallOf, Grant, Grants, Layer, OriginPattern};
//!
//! let grants = |origin| OriginPattern::parse(origin).map(|pattern| Grants::from(vec![Grant::reading(pattern)]));
//! let authority = Authority {
//!     requested: grants("https://*.example.com")?,
//!     granted: grants("https://api.example.com")?,
//!     policy: None,
//!     of: CallOf::Nobody,
//! };
//!
//! let decide = |method, url: &str| authority.decide(method, &url.parse().unwrap()).map_err(|denial| denial.layer);
//! assert!(decide("GET", "https://api.example.com/user").is_ok());
//! assert_eq!(decide("GET", "https://uploads.example.com/"), Err(Layer::Granted));
//! assert_eq!(decide("GET", "https://example.com/"), Err(Layer::Requested));
//! assert_eq!(decide("DELETE", "https://api.example.com/user"), Err(Layer::Requested));
//! # Ok::<(), forgeport_model::OriginError>(())
//! ```

mod authority;
mod denial;
mod grant;
mod origin;
mod path;
mod pattern;
mod policy;

pub use authority::{Authority, Permission};
pub use denial::{Denial, DenialReason, Layer};
pub use grant::{Grant, Grants};
pub use origin::{Origin, OriginError, Scheme};
pub use path::{PathPrefix, PathPrefixError};
pub use pattern::OriginPattern;
pub use policy::{Policy, PolicyError};
