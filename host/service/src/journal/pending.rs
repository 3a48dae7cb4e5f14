//! Entries that wait to be written.
//!
//! A provider makes refusals faster than a disk takes them: 13,000 a second were seen. Equal ones become one entry here already, and of
//! different ones only so many wait. What finds no room is counted, and told as one entry: nobody waits, and nothing goes unnoticed.

use forgeport_store::{AuditEntry, UNRECORDED};
use std::collections::HashMap;

/// Refusals that wait at the same time, each of another kind. They cost a provider nothing.
const REFUSALS: usize = 4096;
/// Requests that left and wait at the same time. Each of them took time on the network.
const SENT: usize = 16_384;

/// What has come since the last time, in that order.
#[derive(Default)]
pub struct Pending {
    entries: Vec<AuditEntry>,
    /// Where equal entries are, those of refusals and of what found no room.
    places: HashMap<Key, usize>,
    refusals: usize,
}

/// What equal entries share: all that is told of a refusal but its time.
#[derive(PartialEq, Eq, Hash)]
struct Key([String; 9]);

impl Pending {
    pub fn add(&mut self, entry: AuditEntry) {
        let refused = entry.outcome == "refused";
        if refused && self.is_merged(&entry) {
            return;
        }
        let full = if refused { self.refusals >= REFUSALS } else { self.entries.len() - self.refusals >= SENT };
        let entry = if full { unrecorded(entry) } else { entry };
        if full && self.is_merged(&entry) {
            return;
        }
        if refused || full {
            self.places.insert(Key::of(&entry), self.entries.len());
        }
        self.refusals += usize::from(refused);
        self.entries.push(entry);
    }

    pub fn take(&mut self) -> Vec<AuditEntry> {
        std::mem::take(self).entries
    }

    fn is_merged(&mut self, entry: &AuditEntry) -> bool {
        let Some(earlier) = self.places.get(&Key::of(entry)).map(|place| &mut self.entries[*place]) else {
            return false;
        };
        earlier.count = earlier.count.saturating_add(entry.count);
        earlier.until = earlier.until.max(entry.until);
        true
    }
}

impl Key {
    fn of(entry: &AuditEntry) -> Key {
        let AuditEntry {
            tenant, registration, repository, provider, digest, method, origin, path, outcome, rule, ..
        } = entry;
        let what = format!("{outcome} {rule}");
        Key([tenant, registration, repository, provider, digest, method, origin, path, &what].map(String::clone))
    }
}

/// All that is left of an entry without room: whose it was.
fn unrecorded(entry: AuditEntry) -> AuditEntry {
    AuditEntry {
        method: String::new(),
        origin: String::new(),
        path: String::new(),
        status: None,
        sent: 0,
        received: 0,
        secrets: Vec::new(),
        outcome: UNRECORDED.to_owned(),
        rule: "came faster than it could be written down".to_owned(),
        ..entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(repository: &str, path: usize, outcome: &str) -> AuditEntry {
        AuditEntry {
            at: path as i64,
            until: path as i64,
            count: 1,
            tenant: String::new(),
            registration: String::new(),
            repository: repository.into(),
            provider: String::new(),
            digest: String::new(),
            method: "GET".into(),
            origin: "https://h".into(),
            path: format!("/{path}"),
            status: None,
            sent: 0,
            received: 0,
            secrets: Vec::new(),
            outcome: outcome.into(),
            rule: "r".into(),
        }
    }

    fn sum(entries: &[AuditEntry]) -> u64 {
        entries.iter().map(|entry| entry.count).sum()
    }

    #[test]
    fn equal_refusals_take_one_place_and_requests_that_left_one_each() {
        let mut pending = Pending::default();
        for _ in 0..1000 {
            pending.add(entry("a", 1, "refused"));
            pending.add(entry("a", 2, "refused"));
            pending.add(entry("b", 1, "refused"));
        }
        pending.add(entry("a", 1, "answered"));
        pending.add(entry("a", 1, "answered"));
        let entries = pending.take();
        assert_eq!((entries.len(), sum(&entries)), (5, 3002));
        assert!(pending.take().is_empty());
    }

    #[test]
    fn what_finds_no_room_is_counted_for_its_repository_and_what_left_has_room_of_its_own() {
        let mut pending = Pending::default();
        for number in 0..REFUSALS * 3 {
            pending.add(entry("loud", number, "refused"));
        }
        pending.add(entry("quiet", 0, "refused"));
        pending.add(entry("quiet", 1, "answered"));
        for number in 0..SENT * 2 {
            pending.add(entry("busy", number, "failed"));
        }
        let entries = pending.take();
        assert!(entries.len() <= REFUSALS + SENT + 3, "{}", entries.len());
        assert_eq!(sum(&entries), (REFUSALS * 3 + 2 + SENT * 2) as u64);
        let lost = |repository: &str| {
            entries
                .iter()
                .filter(|entry| entry.repository == repository && entry.outcome == UNRECORDED)
                .map(|entry| entry.count)
                .sum()
        };
        let counts: [u64; 3] = ["loud", "quiet", "busy"].map(lost);
        assert_eq!(counts, [2 * REFUSALS as u64, 1, SENT as u64 + 1]);
    }
}
