//! The one gate to the network: every request of every provider goes through [`Gate`], within the [`Session`] and the budget of its
//! [`Call`].
//!
//! | file | what it decides |
//! | --- | --- |
//! | `gate` | the order of all checks; the only place where a request leaves |
//! | `redirect`, `retry` | where else a request goes, and how often |
//! | `credential`, `placeholder`, `headers` | what goes along |
//! | `redact`, `encodings`, `exits` | what comes back |
//! | `guard`, `address`, `clients` | which addresses are dialled, and who shares a connection |
//! | `budget` | how much of all this there may be |
//!
//! A request that no grant allows is refused before anything leaves:
//!
//! ```
//! use forgeport_egress::{Call, EgressError, Gate, GateSettings, Request, Session};
//! use forgeport_model::{Authority, Limits, deadline};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gate = Gate::new(GateSettings::default())?;
//! let session = Session::new(Authority::default());
//! let call = Call::new(session, Limits::default(), deadline(std::time::Duration::from_secs(10)));
//! let refused = gate.fetch(&call, Request::get("https://forge.example/".parse()?)).await;
//! assert!(matches!(refused, Err(EgressError::Refused(_))));
//! # Ok(()) }
//! ```

pub mod address;
mod audit;
mod blocking;
mod budget;
mod call;
mod certificates;
mod clients;
mod connect;
mod credential;
mod encodings;
mod error;
mod exits;
mod gate;
mod guard;
mod headers;
mod placeholder;
mod record;
mod redact;
mod redirect;
mod request;
pub mod retry;
mod secret;
mod session;
mod wait;

pub use audit::{Auditor, Unaudited};
pub use budget::{BodyBudget, Budget};
pub use call::{Call, Notices, Quiet};
pub use clients::GateSettings;
pub use error::EgressError;
pub use exits::{Answer, BodyReport, Checked, ForDisk};
pub use gate::Gate;
pub use guard::{AddressRefused, Lookup, SystemLookup};
pub use placeholder::Placeholder;
pub use request::{Request, SecretUse};
pub use secret::{Credential, Secret};
pub use session::{KnownForms, Session, Unauthorized};
pub use wait::{LONGEST_WAIT, try_again};
