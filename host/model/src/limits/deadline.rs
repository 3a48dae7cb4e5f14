//! Sums of times that cannot overflow. `Instant` and `SystemTime` panic where a sum is beyond their range, and the times that are added
//! come from forges, providers and options: one answer with `Retry-After: 18446744073709551615` ended the whole process.

use std::time::{Duration, Instant, SystemTime};

/// The longest call and the longest wait, whatever is requested: a year.
pub const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The moment that is this long after now, at most [`LONGEST`].
#[must_use]
#[allow(clippy::arithmetic_side_effects)] // No clock ends within a year.
pub fn deadline(after: Duration) -> Instant {
    Instant::now() + after.min(LONGEST)
}

/// The date that is this long after another; the other date itself where the sum overflows.
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
