//! Audit records that wait to be written.
//!
//! A provider can cause refusals faster than a disk writes records: 13,000 a second were measured. Equal refusals become one record with a
//! count before they are written, and the number of different ones that wait is bounded. Those beyond it are counted in one record, so no
//! request waits and every refusal is counted.

use forgeport_model::{AuditEvent, AuditRecord, AuditedRequest, Digest, Outcome};
use std::collections::HashMap;

/// Different refusals that wait at the same time. They cost a provider no time on the network.
const REFUSALS: usize = 4096;
/// Records of sent requests that wait at the same time. Each request took time on the network.
const SENT: usize = 16_384;

/// Records since the last write, in their order.
#[derive(Default)]
pub struct Pending {
    records: Vec<AuditRecord>,
    /// The positions of records by their equality: those of refusals and of records beyond the bound.
    places: HashMap<Digest, usize>,
    refusals: usize,
}

impl Pending {
    pub fn add(&mut self, record: AuditRecord) {
        let refused = record.outcome() == Some(Outcome::Refused);
        if refused && self.is_merged(&record) {
            return;
        }
        let full = if refused { self.refusals >= REFUSALS } else { self.records.len() - self.refusals >= SENT };
        let record = if full { unrecorded(record) } else { record };
        if full && self.is_merged(&record) {
            return;
        }
        if refused || full {
            self.places.insert(record.likeness(), self.records.len());
        }
        self.refusals += usize::from(refused);
        self.records.push(record);
    }

    pub fn take(&mut self) -> Vec<AuditRecord> {
        std::mem::take(self).records
    }

    fn is_merged(&mut self, record: &AuditRecord) -> bool {
        let place = self.places.get(&record.likeness());
        let Some(earlier) = place.and_then(|place| self.records.get_mut(*place)) else { return false };
        earlier.merge(record);
        true
    }
}

/// All that is left of a request without room: whose it was.
fn unrecorded(record: AuditRecord) -> AuditRecord {
    let request = AuditedRequest {
        method: String::new(),
        origin: String::new(),
        path: String::new(),
        status: None,
        sent: 0,
        received: 0,
        secrets: Vec::new(),
        outcome: Outcome::Unrecorded,
        rule: "came faster than it could be written down".to_owned(),
    };
    AuditRecord { event: AuditEvent::Request(request), ..record }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forgeport_model::AuditContext;

    fn record(repository: &str, path: usize, outcome: Outcome) -> AuditRecord {
        let context = AuditContext { repository: repository.into(), ..AuditContext::default() };
        let request = AuditedRequest {
            method: "GET".into(),
            origin: "https://h".into(),
            path: format!("/{path}"),
            status: None,
            sent: 0,
            received: 0,
            secrets: Vec::new(),
            outcome,
            rule: "r".into(),
        };
        AuditRecord::now(context, AuditEvent::Request(request))
    }

    fn sum(records: &[AuditRecord]) -> u64 {
        records.iter().map(|record| record.count).sum()
    }

    #[test]
    fn equal_refusals_take_one_place_and_requests_that_left_one_each() {
        let mut pending = Pending::default();
        for _ in 0..1000 {
            pending.add(record("a", 1, Outcome::Refused));
            pending.add(record("a", 2, Outcome::Refused));
            pending.add(record("b", 1, Outcome::Refused));
        }
        pending.add(record("a", 1, Outcome::Answered));
        pending.add(record("a", 1, Outcome::Answered));
        let records = pending.take();
        assert_eq!((records.len(), sum(&records)), (5, 3002));
        assert!(pending.take().is_empty());
    }

    #[test]
    fn what_finds_no_room_is_counted_for_its_repository_and_what_left_has_room_of_its_own() {
        let mut pending = Pending::default();
        for number in 0..REFUSALS * 3 {
            pending.add(record("loud", number, Outcome::Refused));
        }
        pending.add(record("quiet", 0, Outcome::Refused));
        pending.add(record("quiet", 1, Outcome::Answered));
        for number in 0..SENT * 2 {
            pending.add(record("busy", number, Outcome::Failed));
        }
        let records = pending.take();
        assert!(records.len() <= REFUSALS + SENT + 3, "{}", records.len());
        assert_eq!(sum(&records), (REFUSALS * 3 + 2 + SENT * 2) as u64);
        let lost = |repository: &str| {
            records
                .iter()
                .filter(|record| {
                    record.context.repository == repository && record.outcome() == Some(Outcome::Unrecorded)
                })
                .map(|record| record.count)
                .sum()
        };
        let counts: [u64; 3] = ["loud", "quiet", "busy"].map(lost);
        assert_eq!(counts, [2 * REFUSALS as u64, 1, SENT as u64 + 1]);
    }
}
