//! The audit writer: records each request of a provider before it leaves, and its outcome afterwards, off the path of the requests.

mod pending;

use forgeport_egress::Auditor;
use forgeport_model::AuditRecord;
use forgeport_store::{Intents, Store};
use pending::Pending;
use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};
use tokio::runtime::Handle;

/// A thread that writes records as they come; what has come is written before it ends.
pub(crate) struct AuditWriter {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<()>>,
}

/// The queue of records until they are written. Adding one does not wait.
struct Desk {
    intents: Intents,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pending: Pending,
    /// The ids of those that were announced.
    announced: Vec<String>,
    stopped: bool,
}

impl AuditWriter {
    pub(crate) fn start(store: Arc<Store>) -> AuditWriter {
        let intents = store.audit().intents();
        let desk = Arc::new(Desk { intents, state: Mutex::default(), changed: Condvar::new() });
        let theirs = desk.clone();
        let runtime = Handle::current();
        let writer = std::thread::spawn(move || theirs.write_to(&store, &runtime));
        AuditWriter { desk, writer: Some(writer) }
    }

    pub(crate) fn auditor(&self) -> Arc<dyn Auditor> {
        self.desk.clone()
    }
}

impl Drop for AuditWriter {
    fn drop(&mut self) {
        self.desk.state().stopped = true;
        self.desk.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Auditor for Desk {
    fn leaving(&self, record: &AuditRecord) -> Result<(), String> {
        self.intents.announce(record).map_err(|error| error.to_string())
    }

    fn record(&self, record: AuditRecord) {
        // Its id is lost where it is added to another.
        let announced = self.intents.is_announced(&record.id).then(|| record.id.clone());
        let mut state = self.state();
        state.announced.extend(announced);
        state.pending.add(record);
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
        while let Some((records, announced)) = self.take() {
            match runtime.block_on(store.audit().append(&records)) {
                Ok(()) => self.intents.written(&announced),
                Err(error) => {
                    tracing::warn!(%error, "requests are not in the audit log yet; the next command that makes some puts them there");
                    self.postpone(&records, announced);
                }
            }
        }
    }

    /// Keeps records beside the log, under their ids: what was announced of them is no longer true, also of those that were merged.
    fn postpone(&self, records: &[AuditRecord], mut announced: Vec<String>) {
        match self.intents.postpone(records) {
            Ok(()) => {
                let kept: HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
                announced.retain(|id| !kept.contains(id.as_str()));
                self.intents.written(&announced);
            }
            Err(error) => {
                let missing: u64 = records.iter().map(|record| record.count).sum();
                tracing::warn!(%error, "how {missing} requests ended is missing from the audit log");
            }
        }
    }

    /// Waits for records, and the ids of those that were announced; none when all are written and no more come.
    fn take(&self) -> Option<(Vec<AuditRecord>, Vec<String>)> {
        let mut state = self.state();
        loop {
            let records = state.pending.take();
            if !records.is_empty() {
                return Some((records, std::mem::take(&mut state.announced)));
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_egress::{Call, EgressError, Gate, GateSettings, Request, Session};
    use forgeport_model::{AuditContext, Authority, Limit, Limits};
    use forgeport_store::{AuditFilter, KeySource};
    use std::time::Duration;

    fn call(writer: &AuditWriter, repository: &str) -> Call {
        let (registration, repository) = (format!("id of {repository}"), repository.into());
        let context = AuditContext { registration, repository, ..AuditContext::default() };
        let authority = Authority::default();
        let mut limits = Limits::default();
        limits.set(Limit::Requests, 300);
        let session = Session { context: Arc::new(context), auditor: writer.auditor(), ..Session::new(authority) };
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
        let writer = AuditWriter::start(store.clone());
        let gate = Gate::new(GateSettings::default()).unwrap();
        gate.open(&call(&writer, "quiet"), get("")).await.map(drop).unwrap_err();
        let (same, each) = (call(&writer, "same"), call(&writer, "each another"));
        let asked = 20_000;
        let mut last = None;
        for number in 0..asked {
            last = gate.open(&same, get("same")).await.err();
            gate.open(&each, get(&number.to_string())).await.map(drop).unwrap_err();
        }
        assert!(matches!(last, Some(EgressError::Limit(reached)) if reached.limit == Limit::Requests));
        drop(writer);
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
