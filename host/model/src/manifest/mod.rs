//! What a provider declares of itself, and what it gets for the options of a registration.
//!
//! The component is not trusted: its description is data, checked once before anything else is done with it. Everything that follows from
//! the description and the options is worked out on the host and stored; the component is not asked again.
//!
//! | Step | Type | What it decides |
//! | --- | --- | --- |
//! | the component describes itself | [`Description`] | none: a stranger wrote it |
//! | [`Description::validate`] | [`DescriptionError`] | names, texts, lengths, headers; no secret where it could be read |
//! | a person gives options | [`Options::check`] | each option is known, given once, and a secret stays one |
//! | [`Access::of`] | [`Access`] | the layer "requested" (see `network`), which secret is sent where, the hosts of remotes |
//!
//! # Accepted forms
//!
//! | What | Form | Example |
//! | --- | --- | --- |
//! | name of a provider | a lower-case letter, then lower-case letters, digits, `-` and `_`; at most 64 | `git-hub` |
//! | name of an option | the same without `-`; a person may write `-` for `_` | `api_url`, `--api-url` |
//! | version | 1 to 64 ASCII characters without spaces | `1.2.0` |
//! | text for a person | at most 1024 bytes, without control and invisible characters | `The owner of the repository.` |
//! | method | upper-case letters, at most 16; neither `CONNECT` nor `TRACE` | `GET` |
//! | header for a secret | a token of RFC 9110 that frames no message and routes none | `PRIVATE-TOKEN` |
//! | list | at most 64 entries | |
//!
//! # Example
//!
//! ```
//! use forgeport_model::{Access, Description, OptionValue, Options};
//!
//! let description: Description = serde_json::from_str(
//!     r#"{
//!         "name": "forge", "version": "1", "summary": "A forge.", "remote_hosts": ["forge.example"],
//!         "options": [{ "name": "token", "help": "The token.", "required": false, "secret": true, "default": null }],
//!         "needs": [{ "origin": "https://api.forge.example", "methods": [], "paths": [], "conditions": [] }],
//!         "credentials": [{ "option": "token", "origin": "https://api.forge.example", "placement": "bearer", "conditions": [] }]
//!     }"#,
//! )?;
//! description.validate()?;
//!
//! let token = OptionValue::Hidden("hunter2".to_owned().into());
//! let options = Options::check(&description.options, [("token".to_owned(), token)])?;
//! let access = Access::of(&description, &options)?;
//! assert_eq!(access.credentials[0].origin.to_string(), "https://api.forge.example");
//! assert_eq!(options.get("token"), None, "the provider never gets a secret");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
