//! Writes down what providers do on the network: that a request leaves, before it does, and how it ended, off the path of the requests.

mod pending;

use forgeport_egress::{Auditor, Caller, Record};
use forgeport_store::{AuditEntry, Intents, Store};
use pending::Pending;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};
use tokio::runtime::Handle;

/// A thread that writes entries as they come; what has come is written before it goes.
pub(crate) struct Journal {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<()>>,
}

/// Where entries lie until they are written. Nobody waits who brings one.
struct Desk {
    intents: Intents,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pending: Pending,
    /// The numbers of those that were announced.
    announced: Vec<u64>,
    stopped: bool,
}

impl Journal {
    pub(crate) fn start(store: Arc<Store>) -> Journal {
        let intents = store.audit().intents();
        let desk = Arc::new(Desk { intents, state: Mutex::default(), changed: Condvar::new() });
        let theirs = desk.clone();
        let runtime = Handle::current();
        let writer = std::thread::spawn(move || theirs.write_to(&store, &runtime));
        Journal { desk, writer: Some(writer) }
    }

    pub(crate) fn auditor(&self) -> Arc<dyn Auditor> {
        self.desk.clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.desk.state().stopped = true;
        self.desk.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Auditor for Desk {
    fn leaving(&self, caller: &Caller, record: Record) -> Result<Option<u64>, String> {
        self.intents.announce(&entry(caller, record)).map(Some).map_err(|error| error.to_string())
    }

    fn record(&self, caller: &Caller, record: Record) {
        let mut state = self.state();
        state.announced.extend(record.number);
        state.pending.add(entry(caller, record));
        drop(state);
        self.changed.notify_all();
    }
}

impl Desk {
    fn write_to(&self, store: &Store, runtime: &Handle) {
        let recovered = runtime.block_on(store.audit().recover());
        if let Err(error) = recovered {
            tracing::warn!(%error, "requests of earlier commands are not in the audit log yet; the next one puts them there");
        }
        while let Some((entries, announced)) = self.take() {
            let written = runtime.block_on(store.audit().append(&entries));
            let kept = written.or_else(|error| {
                tracing::warn!(%error, "requests are not in the audit log yet; the next command that makes some puts them there");
                self.intents.postpone(&entries)
            });
            match kept {
                Ok(()) => self.intents.written(&announced),
                Err(error) => {
                    let missing: u64 = entries.iter().map(|entry| entry.count).sum();
                    tracing::warn!(%error, "how {missing} requests ended is missing from the audit log");
                }
            }
        }
    }

    /// Waits for entries, and the numbers under which they were announced; nothing when all are written and no more come.
    fn take(&self) -> Option<(Vec<AuditEntry>, Vec<u64>)> {
        let mut state = self.state();
        loop {
            let entries = state.pending.take();
            if !entries.is_empty() {
                return Some((entries, std::mem::take(&mut state.announced)));
            }
            if state.stopped {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// It holds at every moment, also after a panic elsewhere.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(caller: &Caller, record: Record) -> AuditEntry {
    let Caller { tenant, registration, repository, provider, digest } = caller.clone();
    let Record { at, method, origin, path, status, sent, received, secrets, outcome, rule, number: _ } = record;
    let outcome = outcome.as_str().to_owned();
    AuditEntry {
        at,
        until: at,
        count: 1,
        tenant,
        registration,
        repository,
        provider,
        digest,
        method,
        origin,
        path,
        status,
        sent,
        received,
        secrets,
        outcome,
        rule,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_egress::{Call, EgressError, Gate, GateSettings, Request, Session};
    use forgeport_model::{Authority, Limit, Limits};
    use forgeport_store::{AuditFilter, KeySource};
    use std::time::Duration;

    fn call(journal: &Journal, repository: &str) -> Call {
        let caller =
            Caller { registration: format!("id of {repository}"), repository: repository.into(), ..Caller::default() };
        let authority = Authority::default();
        let mut limits = Limits::default();
        limits.set(Limit::Requests, 300);
        let session = Session { caller: Arc::new(caller), auditor: journal.auditor(), ..Session::new(authority) };
        Call::new(session, limits, forgeport_model::deadline(Duration::from_secs(600)))
    }

    fn get(path: &str) -> Request {
        let url = format!("https://ungranted.example/{path}").parse().unwrap();
        Request { method: http::Method::GET, url, headers: http::HeaderMap::new(), body: None, secret: None }
    }

    #[tokio::test]
    async fn who_asks_again_and_again_for_what_it_may_not_fills_no_log_and_pushes_nobody_out() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), KeySource::File).await.unwrap());
        let journal = Journal::start(store.clone());
        let gate = Gate::new(GateSettings::default()).unwrap();
        gate.open(&call(&journal, "quiet"), get("")).await.map(drop).unwrap_err();
        let (same, each) = (call(&journal, "same"), call(&journal, "each another"));
        let asked = 20_000;
        let mut last = None;
        for number in 0..asked {
            last = gate.open(&same, get("same")).await.err();
            gate.open(&each, get(&number.to_string())).await.map(drop).unwrap_err();
        }
        assert!(matches!(last, Some(EgressError::Limit(reached)) if reached.limit == Limit::Requests));
        drop(journal);
        let of = async |repository: &str| {
            let filter = AuditFilter { repository: Some(repository.into()), ..AuditFilter::default() };
            let entries = store.in_workspace("").audit().list(&filter).await.unwrap();
            (entries.len(), entries.iter().map(|entry| entry.count).sum::<u64>())
        };
        assert_eq!(of("quiet").await, (1, 1));
        assert_eq!(of("same").await, (2, asked), "what was refused, and what was beyond the limit");
        assert_eq!(of("each another").await, (301, asked));
    }
}
