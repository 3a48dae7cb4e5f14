//! The audit record of a request is written before the request leaves.

use crate::support::*;
use forgeport_egress::{Auditor, EgressError, Session};
use forgeport_model::{AuditRecord, Outcome};
use std::sync::{Arc, Mutex};

/// Keeps the records of requests that leave, or refuses them.
#[derive(Default)]
struct Recorder {
    refuses: bool,
    left: Mutex<Vec<AuditRecord>>,
    ended: Mutex<Vec<AuditRecord>>,
}

impl Auditor for Recorder {
    fn leaving(&self, record: &AuditRecord) -> Result<(), String> {
        if self.refuses {
            return Err("the disk is full".into());
        }
        self.left.lock().unwrap().push(record.clone());
        Ok(())
    }

    fn record(&self, record: AuditRecord) {
        self.ended.lock().unwrap().push(record);
    }
}

#[tokio::test]
async fn each_request_is_written_down_before_it_leaves_and_a_refused_one_is_none() {
    let recorder = Arc::new(Recorder::default());
    let other = Server::start(vec![ok("there")]);
    let home = Server::start(vec![redirect(&other.url("/archive?token=short"))]);
    let call = with_session(call_to(&[&home, &other]), |session| Session { auditor: recorder.clone(), ..session });
    gate().fetch(&call, get(home.url("/"))).await.unwrap();
    gate().fetch(&call, get("https://ungranted.example/".parse().unwrap())).await.unwrap_err();
    let left = recorder.left.lock().unwrap();
    let requests: Vec<_> = left.iter().filter_map(AuditRecord::request).collect();
    let shown: Vec<_> = requests.iter().map(|request| (request.path.clone(), request.outcome)).collect();
    assert_eq!(shown, [("/".into(), Outcome::InFlight), ("/archive?token=...".into(), Outcome::InFlight)]);
    let first = requests[0];
    assert!(first.secrets == ["token"] && first.sent > 0 && first.rule.contains("GET"), "{first:?}");
    let ids = |records: &[AuditRecord]| records.iter().map(|record| record.id.clone()).collect::<Vec<_>>();
    let (left, ended) = (ids(&left), ids(&recorder.ended.lock().unwrap()));
    assert!(ended.len() == 3 && ended[..2] == left && !left.contains(&ended[2]), "{left:?} {ended:?}");
}

#[tokio::test]
async fn what_cannot_be_written_down_does_not_leave() {
    let recorder = Arc::new(Recorder { refuses: true, ..Recorder::default() });
    let home = Server::start(vec![ok("there")]);
    let call = with_session(call_to(&[&home]), |session| Session { auditor: recorder.clone(), ..session });
    let error = gate().fetch(&call, get(home.url("/"))).await.unwrap_err();
    assert!(matches!(&error, EgressError::Unrecorded(why) if why == "the disk is full"), "{error:?}");
    assert!(home.asked().is_empty());
    assert_eq!(recorder.ended.lock().unwrap()[0].outcome(), Some(Outcome::Refused));
}
