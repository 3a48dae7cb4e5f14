//! How much a call and a download may use.
//!
//! A provider and a forge are strangers: each could run, send or fill the disk without end. One table ([`Limit`]) has the name, the unit, the
//! default and the meaning of every limit. [`Limits`] are the values for one registration, lowered by the operator's policy. Sums of times
//! that could overflow are computed here and nowhere else.
//!
//! | What decides | Where it is set | Order |
//! | --- | --- | --- |
//! | the maximum | in the code, for what the engine and the system can take ([`Limit::most`]) | always applies |
//! | the policy | `[limits]` of `/etc/forgeport/policy.toml` | lowers the two below |
//! | the registration | `--limit NAME=VALUE`; `NAME=default` removes it | replaces the default |
//! | the default | the table | |
//!
//! # Accepted forms
//!
//! | Unit | Form | Example |
//! | --- | --- | --- |
//! | bytes | a whole number, alone or with `b`, `kib`, `mib`, `gib` (or `k`, `m`, `g`), in any case | `memory=512MiB` |
//! | time | a whole number with `ms`, `s`, `min` or `h` | `call_time=90s` |
//! | count | a whole number | `requests=1000` |
//!
//! # Example
//!
//! ```
//! use forgeport_model::{Limit, Limits};
//!
//! let mut limits = Limits::default();
//! limits.set_text("memory=512MiB")?;
//! let policy = Limits::default().with(Limit::Memory, 64 << 20);
//! assert_eq!(limits.within(&policy).get(Limit::Memory), 64 << 20);
//! assert!(limits.check_within(&policy).is_err());
//! # Ok::<(), forgeport_model::LimitError>(())
//! ```

mod call_of;
mod deadline;
mod limit;
mod values;

pub use call_of::CallOf;
pub use deadline::{LONGEST, date_after, deadline};
pub use limit::{Limit, LimitError, STACK_CLASSES};
pub use values::{LimitReached, Limits};
