//! Where a request may go: origins and their patterns, grants, the three layers of the decision, and the operator's policy.

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
