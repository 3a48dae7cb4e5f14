//! What a provider says of itself: its description, its options, and the access that follows from both.

mod access;
mod description;
mod options;
mod template;
mod validate;

pub use access::{Access, AccessError, CredentialPlan, holds_for};
pub use description::{Condition, CredentialRule, Description, Need, OptionDefinition, Placement};
pub use options::{OptionError, OptionValue, Options};
pub use template::{Template, TemplateError};
pub use validate::DescriptionError;
