//! The limits of one call, and the error for one that was reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{CallOf, Limit, LimitError};

/// The limits of a call. Only those that are set are stored.
#[derive(Clone, Debug, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limits {
    set: BTreeMap<Limit, u64>,
    /// The most that the operator allows.
    #[serde(skip)]
    policy: BTreeMap<Limit, u64>,
    #[serde(skip)]
    of: CallOf,
}

/// A call was ended because it reached a limit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the limit `{limit}` of {} was reached ({}){}", .limit.written(*.value), .limit.help(), self.advice())]
pub struct LimitReached {
    /// The limit.
    pub limit: Limit,
    /// Its value in this call.
    pub value: u64,
    policy: Option<u64>,
    of: CallOf,
}

impl LimitReached {
    /// A limit that no option changes.
    #[must_use]
    pub fn fixed(limit: Limit, value: u64) -> Self {
        Self { limit, value, policy: None, of: CallOf::Nobody }
    }

    /// What to do, if anything: a limit that is at its maximum cannot be raised.
    fn advice(&self) -> String {
        let Self { limit, value, policy, of } = self;
        if *value >= limit.most() {
            return "; it cannot be higher".to_owned();
        }
        if policy.is_some_and(|policy| *value >= policy) {
            return "; the operator's policy allows no more".to_owned();
        }
        let most = policy.unwrap_or(u64::MAX).min(limit.most());
        let more = limit.written(limit.effective(value.saturating_mul(2)).min(most)).replace(' ', "");
        match of.with_option(&format!("--limit {limit}={more}")) {
            None => "; it cannot be changed here".to_owned(),
            Some(command) => format!("; if this is expected, raise it with {command}"),
        }
    }
}

/// Two limits with the same values are equal: `of` only changes what errors advise.
impl PartialEq for Limits {
    fn eq(&self, other: &Self) -> bool {
        (&self.set, &self.policy) == (&other.set, &other.policy)
    }
}

impl Limits {
    /// The value that is set, or the default. Stored limits and an operator's may be of another version, so the maximum applies here as well.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        limit.effective(self.set.get(&limit).copied().unwrap_or_else(|| limit.default_value()))
    }

    /// The value as a size in memory.
    #[must_use]
    pub fn size(&self, limit: Limit) -> usize {
        usize::try_from(self.get(limit)).unwrap_or(usize::MAX)
    }

    /// The value as a duration, for limits of time.
    #[must_use]
    pub fn time(&self, limit: Limit) -> std::time::Duration {
        std::time::Duration::from_millis(self.get(limit))
    }

    /// The moment at which a call that begins now reaches a limit of time.
    #[must_use]
    pub fn deadline(&self, limit: Limit) -> std::time::Instant {
        crate::deadline(self.time(limit))
    }

    /// Sets a limit. A stack is rounded up to its class.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.set.insert(limit, if limit == Limit::Stack { limit.effective(value) } else { value });
    }

    /// The same limits with one more set.
    #[must_use]
    pub fn with(mut self, limit: Limit, value: u64) -> Limits {
        self.set(limit, value);
        self
    }

    /// Removes a limit, so that its default applies.
    pub fn unset(&mut self, limit: Limit) {
        self.set.remove(&limit);
    }

    /// Sets a limit from what a person writes: `memory=512MiB`.
    ///
    /// # Errors
    /// When there is no `=`, no such limit, or the value cannot be read or is above the maximum.
    pub fn set_text(&mut self, text: &str) -> Result<(), LimitError> {
        let (name, value) = text.split_once('=').ok_or_else(|| LimitError::Form(text.to_owned()))?;
        let limit: Limit = name.parse()?;
        self.set(limit, limit.read(value)?);
        Ok(())
    }

    /// The limits that are set. A stack that was stored before there were classes is shown as its class.
    pub fn set_ones(&self) -> impl Iterator<Item = (Limit, u64)> {
        let enforced = |(limit, value): (&Limit, &u64)| match limit {
            Limit::Stack => (*limit, limit.effective(*value)),
            _ => (*limit, *value),
        };
        self.set.iter().map(enforced)
    }

    /// True if no limit is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// These limits, lowered to those of the policy.
    #[must_use]
    pub fn within(&self, policy: &Limits) -> Limits {
        let lowered = policy.set_ones().map(|(limit, most)| (limit, most.min(self.get(limit))));
        let mut set = self.set.clone();
        set.extend(lowered);
        Limits { set, policy: policy.set_ones().collect(), of: self.of.clone() }
    }

    /// Checks that no limit is set above the policy's.
    ///
    /// # Errors
    /// The first limit that is, and the policy's value.
    pub fn check_within(&self, policy: &Limits) -> Result<(), LimitError> {
        let over = policy.set_ones().find(|(limit, most)| self.set.get(limit).is_some_and(|value| value > most));
        over.map_or(Ok(()), |(limit, most)| Err(LimitError::Policy { limit, most }))
    }

    /// The error for a limit that was reached.
    #[must_use]
    pub fn reached(&self, limit: Limit) -> LimitReached {
        let policy = self.policy.get(&limit).copied();
        LimitReached { limit, value: self.get(limit), policy, of: self.of.clone() }
    }

    /// The same limits for calls of this registration, which decides what errors advise.
    #[must_use]
    pub fn of(self, of: CallOf) -> Limits {
        Limits { of, ..self }
    }

    /// Whose calls they are for.
    #[must_use]
    pub fn call_of(&self) -> &CallOf {
        &self.of
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn limits_are_written_with_units_and_read_the_same() {
        let mut limits = Limits::default();
        for text in ["memory=512MiB", "call-time=90s", "requests=7", "cpu_time = 250 ms"] {
            limits.set_text(text).unwrap();
        }
        assert_eq!(limits.get(Limit::Memory), 512 << 20);
        assert_eq!(limits.time(Limit::CallTime).as_secs(), 90);
        assert_eq!((limits.get(Limit::Requests), limits.get(Limit::CpuTime)), (7, 250));
        assert_eq!(limits.get(Limit::Headers), Limit::Headers.default_value());
        let json = serde_json::to_string(&limits).unwrap();
        assert_eq!(serde_json::from_str::<Limits>(&json).unwrap(), limits);
    }

    #[test]
    fn what_is_no_limit_is_an_error_that_teaches() {
        let error = |text: &str| Limits::default().set_text(text).unwrap_err().to_string();
        assert!(error("memry=1").contains("did you mean memory?"));
        assert!(error("memory").contains("memory=512MiB"));
        for bad in [
            "memory=",
            "memory=lots",
            "memory=-1",
            "memory=0",
            "memory=1s",
            "call_time=5",
            "requests=1k",
            "memory=99999999999GiB",
        ] {
            assert!(error(bad).contains("is not a value"), "{bad}");
        }
        for over in [
            "memory=5GiB",
            "stack=65MiB",
            "instances=65",
            "path_length=5KiB",
            "path_depth=257",
            "headers=24576",
            "call_time=18446744073709551615ms",
            "download_time=9999999h",
        ] {
            assert!(error(over).contains("cannot be more than"), "{over}");
        }
    }

    #[test]
    fn what_is_set_beyond_the_most_counts_as_the_most() {
        let mut limits = Limits::default();
        for (limit, ..) in Limit::all() {
            limits.set(limit, u64::MAX);
            assert_eq!(limits.get(limit), limit.most(), "{limit}");
            assert!(limits.deadline(limit) > std::time::Instant::now(), "{limit}");
        }
    }

    #[test]
    fn a_stack_is_set_stored_and_shown_as_its_class() {
        let mut limits = Limits::default();
        limits.set_text("stack=3MiB").unwrap();
        assert_eq!(limits.set_ones().collect::<Vec<_>>(), [(Limit::Stack, 8 << 20)]);
        let stored: Limits = serde_json::from_str(r#"{"stack":3000000}"#).unwrap();
        assert_eq!(stored.set_ones().collect::<Vec<_>>(), [(Limit::Stack, 8 << 20)]);
        assert_eq!(stored.get(Limit::Stack), 8 << 20);
        assert!(limits.reached(Limit::Stack).to_string().contains("of 8 MiB was reached"));
        let advised = limits.of(CallOf::New).reached(Limit::Stack).to_string();
        assert!(advised.ends_with("raise it with `--limit stack=64MiB`"), "{advised}");
    }

    #[test]
    fn a_policy_lowers_what_is_set_and_what_is_not() {
        let (mut set, mut policy) = (Limits::default(), Limits::default());
        set.set(Limit::Memory, 3 * GIB);
        policy.set(Limit::Memory, GIB);
        policy.set(Limit::Requests, 5);
        policy.set(Limit::Body, u64::MAX);
        let held = set.within(&policy);
        assert_eq!((held.get(Limit::Memory), held.get(Limit::Requests)), (GIB, 5));
        assert_eq!(held.get(Limit::Body), Limit::Body.default_value());
        assert_eq!(set.check_within(&policy), Err(LimitError::Policy { limit: Limit::Memory, most: GIB }));
    }

    #[test]
    fn a_limit_that_was_reached_says_how_it_is_raised_only_where_it_can_be() {
        let mut policy = Limits::default();
        policy.set(Limit::Requests, 60_000);
        policy.set(Limit::Handles, 100);
        let advised = |of, limit| Limits::default().of(of).within(&policy).reached(limit).to_string();
        let update = || CallOf::Registered("demo".into());
        assert_eq!(
            advised(update(), Limit::Memory),
            "the limit `memory` of 256 MiB was reached (the provider's memories together); if this is expected, raise it with \
             `forgeport code-repository update demo --limit memory=512MiB`"
        );
        assert!(advised(CallOf::New, Limit::CallTime).ends_with("raise it with `--limit call_time=2min`"));
        assert!(advised(update(), Limit::Requests).contains("--limit requests=60000`"));
        assert!(advised(update(), Limit::Handles).ends_with("; the operator's policy allows no more"));
        assert!(advised(update(), Limit::PathDepth).ends_with("; it cannot be higher"));
        assert!(advised(CallOf::Nobody, Limit::Memory).ends_with("; it cannot be changed here"));
        // What is advised is taken.
        for (limit, ..) in Limit::all() {
            let error = Limits::default().of(update()).within(&policy).reached(limit).to_string();
            let Some((_, advised)) = error.split_once("--limit ") else { continue };
            let mut raised = Limits::default();
            raised.set_text(advised.trim_end_matches('`')).unwrap();
            assert!(raised.get(limit) > Limits::default().within(&policy).get(limit), "{error}");
            raised.check_within(&policy).unwrap();
        }
    }
}
