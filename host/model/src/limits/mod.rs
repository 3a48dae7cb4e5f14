//! How much a call and a download may use: the one table of limits, their values for a registration, and sums of times that cannot overflow.

mod call_of;
mod deadline;
mod limit;
mod values;

pub use call_of::CallOf;
pub use deadline::{LONGEST, date_after, deadline};
pub use limit::{Limit, LimitError};
pub use values::{LimitReached, Limits};
