//! The audit log: what is found in it, what is one entry, and what goes.

use crate::support::{Place, Store, on_both};
use forgeport_store::{AuditEntry, AuditFilter, LOCAL, UNRECORDED};

const ANSWERED: &str = "answered";
const REFUSED: &str = "refused";
/// So many stand-ins for requests that could not be written down are kept of each registration.
const KEPT: i64 = 100;
const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

fn entry(at: i64, repository: &str, outcome: &str) -> AuditEntry {
    AuditEntry {
        at,
        until: at,
        count: 1,
        tenant: LOCAL.to_owned(),
        registration: format!("id of {repository}"),
        repository: repository.to_owned(),
        provider: "github 1".to_owned(),
        digest: "d".to_owned(),
        method: "GET".to_owned(),
        origin: "https://h".to_owned(),
        path: "/".to_owned(),
        status: Some(200),
        sent: 1,
        received: u64::MAX >> 1,
        secrets: vec!["token".to_owned()],
        outcome: outcome.to_owned(),
        rule: "r".to_owned(),
    }
}

fn found(store: &Store, filter: AuditFilter) -> Vec<AuditEntry> {
    store.audit().list(&filter).unwrap()
}

fn kept(store: &Store, repository: &str) -> Vec<AuditEntry> {
    found(store, AuditFilter { repository: Some(repository.to_owned()), ..AuditFilter::default() })
}

fn entries_are_found_by_repository_time_and_outcome_in_order(place: &Place) {
    let store = place.open();
    let all = [entry(1, "a", ANSWERED), entry(2, "b", REFUSED), entry(3, "a", REFUSED)];
    store.audit().append(&all).unwrap();
    let times = |filter| found(&store, filter).iter().map(|entry| entry.at).collect::<Vec<_>>();
    assert_eq!(found(&store, AuditFilter::default()), all);
    assert_eq!(times(AuditFilter { repository: Some("a".to_owned()), ..AuditFilter::default() }), [1, 3]);
    assert_eq!(times(AuditFilter { since: Some(2), ..AuditFilter::default() }), [2, 3]);
    assert_eq!(times(AuditFilter { refused: true, ..AuditFilter::default() }), [2, 3]);
    assert_eq!(times(AuditFilter { last: Some(1), ..AuditFilter::default() }), [3]);
}

fn equal_refusals_are_one_entry_with_their_number_and_their_last_time(place: &Place) {
    let store = place.open();
    let refused = |at| entry(at, "a", REFUSED);
    store.audit().append(&[refused(1), refused(2), AuditEntry { path: "/other".to_owned(), ..refused(3) }]).unwrap();
    store.audit().append(&[AuditEntry { count: 5, until: 9, ..refused(4) }, entry(5, "b", REFUSED)]).unwrap();
    let of_a = |entry: &AuditEntry| (entry.path.clone(), entry.at, entry.until, entry.count);
    let told: Vec<_> = kept(&store, "a").iter().map(of_a).collect();
    assert_eq!(told, [("/".to_owned(), 1, 9, 7), ("/other".to_owned(), 3, 3, 1)]);
    assert_eq!(kept(&store, "b").len(), 1);
    let since = AuditFilter { since: Some(8), ..AuditFilter::default() };
    assert_eq!(found(&store, since).len(), 1, "the last one counts");
    store.audit().append(&[refused(10 * MINUTE + 1)]).unwrap();
    assert_eq!(kept(&store, "a").len(), 3, "after a while it is another one");
}

fn what_left_is_never_one_entry(place: &Place) {
    let store = place.open();
    for outcome in [ANSWERED, "failed"] {
        store.audit().append(&[entry(1, outcome, outcome), entry(1, outcome, outcome)]).unwrap();
        assert_eq!(kept(&store, outcome).len(), 2);
    }
}

fn each_registration_has_room_of_its_own_and_loses_only_its_oldest_entries(place: &Place) {
    let store = place.open();
    let again = AuditEntry { registration: "another id".to_owned(), ..entry(1, "a", UNRECORDED) };
    let first = [entry(1, "a", ANSWERED), entry(1, "b", UNRECORDED), entry(1, "b", ANSWERED), again];
    store.audit().append(&first).unwrap();
    let noise = |number: i64| entry(number, "a", UNRECORDED);
    store.audit().append(&(2..1000).map(noise).collect::<Vec<_>>()).unwrap();
    let (loud, quiet) = (kept(&store, "a"), kept(&store, "b"));
    assert!(loud.contains(&first[0]) && loud.contains(&first[3]) && quiet == first[1..3]);
    let unrecorded = loud.iter().filter(|entry| entry.outcome == UNRECORDED && entry.at > 1);
    assert_eq!(unrecorded.map(|entry| entry.at).collect::<Vec<_>>(), (1000 - KEPT..1000).collect::<Vec<_>>());
}

fn what_is_older_than_all_that_is_kept_goes(place: &Place) {
    let store = place.open();
    let later = 400 * DAY + 2;
    store.audit().append(&[entry(1, "a", ANSWERED), entry(later, "b", ANSWERED)]).unwrap();
    assert_eq!(kept(&store, "a").len(), 1);
    store.audit().append(&vec![entry(later, "b", ANSWERED); 256]).unwrap();
    assert_eq!(kept(&store, "a").len(), 0);
}

on_both! {
    entries_are_found_by_repository_time_and_outcome_in_order,
    equal_refusals_are_one_entry_with_their_number_and_their_last_time,
    what_left_is_never_one_entry,
    each_registration_has_room_of_its_own_and_loses_only_its_oldest_entries,
    what_is_older_than_all_that_is_kept_goes,
}
