//! The audit log: what is found in it, what is one record, and what goes.

use crate::support::{Place, Store, on_both};
use forgeport_model::{
    AuditAction, AuditContext, AuditEvent, AuditRecord, AuditedChange, AuditedRequest, Digest,
    Outcome::{self, Answered, Failed, Refused, Unrecorded},
};
use forgeport_store::{AuditFilter, LOCAL};

/// So many stand-ins for requests that could not be written down are kept of each registration.
const KEPT: i64 = 100;
const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

pub fn context(workspace: &str, repository: &str) -> AuditContext {
    AuditContext {
        workspace: workspace.to_owned(),
        registration: format!("id of {repository}"),
        repository: repository.to_owned(),
        provider: "github 1".to_owned(),
        digest: Some(Digest::of(b"component")),
        ..AuditContext::default()
    }
}

pub fn record(at: i64, context: AuditContext, outcome: Outcome) -> AuditRecord {
    let request = AuditedRequest {
        method: "GET".to_owned(),
        origin: "https://h".to_owned(),
        path: "/".to_owned(),
        status: Some(200),
        sent: 1,
        received: u64::MAX >> 1,
        secrets: vec!["token".to_owned()],
        outcome,
        rule: "r".to_owned(),
    };
    AuditRecord { at, until: at, ..AuditRecord::now(context, AuditEvent::Request(request)) }
}

fn local(at: i64, repository: &str, outcome: Outcome) -> AuditRecord {
    record(at, context(LOCAL, repository), outcome)
}

fn change(at: i64, action: AuditAction) -> AuditRecord {
    let change = AuditedChange { action, subject: "github".to_owned(), detail: "token".to_owned() };
    AuditRecord { at, until: at, ..AuditRecord::now(context(LOCAL, ""), AuditEvent::Change(change)) }
}

/// As the store has them then.
pub fn numbered(records: &[AuditRecord]) -> Vec<AuditRecord> {
    (1..).zip(records).map(|(sequence, record)| AuditRecord { sequence: Some(sequence), ..record.clone() }).collect()
}

fn found(store: &Store, filter: AuditFilter) -> Vec<AuditRecord> {
    store.audit().list(&filter).unwrap()
}

fn kept(store: &Store, repository: &str) -> Vec<AuditRecord> {
    found(store, AuditFilter { repository: Some(repository.to_owned()), ..AuditFilter::default() })
}

fn times(records: &[AuditRecord]) -> Vec<i64> {
    records.iter().map(|record| record.at).collect()
}

fn records_are_found_by_repository_time_and_outcome_in_order(place: &Place) {
    let store = place.open();
    let mut of_a_run = local(4, "c", Failed);
    of_a_run.context = AuditContext {
        actor: "me".into(),
        request_id: "q".into(),
        run_id: Some("r".into()),
        digest: None,
        ..of_a_run.context
    };
    let all = [
        local(1, "a", Answered),
        local(2, "b", Refused),
        local(3, "a", Refused),
        of_a_run,
        change(5, AuditAction::SecretCreated),
    ];
    store.audit().append(&all).unwrap();
    let times = |filter| times(&found(&store, filter));
    assert_eq!(found(&store, AuditFilter::default()), numbered(&all));
    assert_eq!(times(AuditFilter { repository: Some("a".to_owned()), ..AuditFilter::default() }), [1, 3]);
    assert_eq!(times(AuditFilter { since: Some(2), ..AuditFilter::default() }), [2, 3, 4, 5]);
    assert_eq!(times(AuditFilter { refused: true, ..AuditFilter::default() }), [2, 3]);
    assert_eq!(times(AuditFilter { last: Some(1), ..AuditFilter::default() }), [5]);
}

fn every_action_and_outcome_is_read_as_it_was_stored(place: &Place) {
    let store = place.open();
    let changes = AuditAction::ALL.iter().map(|action| change(1, *action));
    let requests = Outcome::ALL.iter().map(|outcome| local(1, "a", *outcome));
    let all: Vec<_> = changes.chain(requests).collect();
    store.audit().append(&all).unwrap();
    assert_eq!(found(&store, AuditFilter::default()), numbered(&all));
}

fn the_sequence_grows_by_one_in_each_workspace_also_where_refusals_are_merged(place: &Place) {
    let store = place.open();
    let of = |workspace: &str, at, outcome| record(at, context(workspace, "a"), outcome);
    let sequences = |workspace: &str| -> Vec<_> {
        let records = place.open().in_workspace(workspace).audit().list(&AuditFilter::default()).unwrap();
        records.iter().map(|record| record.sequence.unwrap()).collect()
    };
    store.audit().append(&[of("one", 1, Refused), of("other", 2, Answered), of("one", 3, Refused)]).unwrap();
    store.audit().append(&[of("one", 4, Refused), of("one", 5, Failed)]).unwrap();
    store.audit().append(&[of("one", 6, Failed), of("other", 7, Failed)]).unwrap();
    assert_eq!((sequences("one"), sequences("other")), (vec![1, 2, 3], vec![1, 2]));
}

fn equal_refusals_are_one_record_with_their_number_and_their_last_time(place: &Place) {
    let store = place.open();
    let refused = |at| local(at, "a", Refused);
    let mut elsewhere = refused(3);
    elsewhere.context.actor = "somebody else".to_owned();
    store.audit().append(&[refused(1), refused(2), elsewhere]).unwrap();
    store.audit().append(&[AuditRecord { count: 5, until: 9, ..refused(4) }, local(5, "b", Refused)]).unwrap();
    let of_a = |record: &AuditRecord| (record.context.actor.clone(), record.at, record.until, record.count);
    let merged: Vec<_> = kept(&store, "a").iter().map(of_a).collect();
    assert_eq!(merged, [(String::new(), 1, 9, 7), ("somebody else".to_owned(), 3, 3, 1)]);
    assert_eq!(kept(&store, "b").len(), 1);
    let since = AuditFilter { since: Some(8), ..AuditFilter::default() };
    assert_eq!(found(&store, since).len(), 1, "the last one counts");
    store.audit().append(&[refused(10 * MINUTE + 1)]).unwrap();
    assert_eq!(kept(&store, "a").len(), 3, "after a while it is another one");
}

fn what_left_is_never_one_record(place: &Place) {
    let store = place.open();
    for outcome in [Answered, Failed] {
        let of = outcome.as_str();
        store.audit().append(&[local(1, of, outcome), local(1, of, outcome)]).unwrap();
        assert_eq!(kept(&store, of).len(), 2);
    }
}

fn each_registration_has_room_of_its_own_and_loses_only_its_oldest_records(place: &Place) {
    let store = place.open();
    let mut again = local(1, "a", Unrecorded);
    again.context.registration = "another id".to_owned();
    let first = [local(1, "a", Answered), local(1, "b", Unrecorded), local(1, "b", Answered), again];
    store.audit().append(&first).unwrap();
    let first = numbered(&first);
    let noise = |number: i64| local(number, "a", Unrecorded);
    store.audit().append(&(2..1000).map(noise).collect::<Vec<_>>()).unwrap();
    let (loud, quiet) = (kept(&store, "a"), kept(&store, "b"));
    assert!(loud.contains(&first[0]) && loud.contains(&first[3]) && quiet == first[1..3]);
    let unrecorded = loud.iter().filter(|record| record.outcome() == Some(Unrecorded) && record.at > 1);
    assert_eq!(unrecorded.map(|record| record.at).collect::<Vec<_>>(), (1000 - KEPT..1000).collect::<Vec<_>>());
}

fn what_is_older_than_all_that_is_kept_goes(place: &Place) {
    let store = place.open();
    let later = 400 * DAY + 2;
    store.audit().append(&[local(1, "a", Answered), local(later, "b", Answered)]).unwrap();
    assert_eq!(kept(&store, "a").len(), 1);
    store.audit().append(&(0..256).map(|_| local(later, "b", Answered)).collect::<Vec<_>>()).unwrap();
    assert_eq!(kept(&store, "a").len(), 0);
}

on_both! {
    records_are_found_by_repository_time_and_outcome_in_order,
    every_action_and_outcome_is_read_as_it_was_stored,
    the_sequence_grows_by_one_in_each_workspace_also_where_refusals_are_merged,
    equal_refusals_are_one_record_with_their_number_and_their_last_time,
    what_left_is_never_one_record,
    each_registration_has_room_of_its_own_and_loses_only_its_oldest_records,
    what_is_older_than_all_that_is_kept_goes,
}
