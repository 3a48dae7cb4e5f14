//! Moments in the future. `Instant` and `SystemTime` panic where a sum is beyond what they hold, and the times that are added come from
//! forges, providers and settings: one answer with `Retry-After: 18446744073709551615` ended the whole process. So the sums stand here.

use std::time::{Duration, Instant, SystemTime};

/// No call and no wait lasts longer than a year, whatever is asked for.
pub const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The moment so long after now, or a year from now if that is sooner.
#[must_use]
#[allow(clippy::arithmetic_side_effects)] // No clock ends within a year.
pub fn deadline(after: Duration) -> Instant {
    Instant::now() + after.min(LONGEST)
}

/// The date so long after another; that one itself where there is no such date.
#[must_use]
pub fn date_after(date: SystemTime, time: Duration) -> SystemTime {
    date.checked_add(time).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn no_time_is_too_long_for_a_deadline_or_a_date() {
        for time in
            [Duration::ZERO, LONGEST, Duration::from_millis(u64::MAX), Duration::from_secs(u64::MAX), Duration::MAX]
        {
            let until = deadline(time).saturating_duration_since(Instant::now());
            assert!(until <= LONGEST, "{time:?}");
            assert!(date_after(UNIX_EPOCH, time) >= UNIX_EPOCH, "{time:?}");
        }
    }
}
