//! Writes down what providers do on the network, off the path of the requests themselves.

use forgeport_egress::{Auditor, Caller, Record};
use forgeport_store::{AuditEntry, Store};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

/// Entries that are written in one transaction.
const BATCH: usize = 256;

/// A thread that writes entries as they come; what has come is written before it goes.
pub(crate) struct Journal {
    sender: Sender<Message>,
    writer: Option<JoinHandle<()>>,
}

enum Message {
    Entry(Box<AuditEntry>),
    Stop,
}

/// Hands records over to the journal's thread.
struct Hand(Sender<Message>);

impl Journal {
    pub(crate) fn start(store: Arc<Store>) -> Journal {
        let (sender, receiver) = channel();
        let writer = std::thread::spawn(move || write(&store, &receiver));
        Journal { sender, writer: Some(writer) }
    }

    pub(crate) fn auditor(&self) -> Arc<dyn Auditor> {
        Arc::new(Hand(self.sender.clone()))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Stop);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Auditor for Hand {
    fn record(&self, caller: &Caller, record: Record) {
        let _ = self.0.send(Message::Entry(Box::new(entry(caller, record))));
    }
}

fn write(store: &Store, receiver: &Receiver<Message>) {
    while let Ok(Message::Entry(first)) = receiver.recv() {
        let mut entries = vec![*first];
        let mut stopped = false;
        while entries.len() < BATCH {
            match receiver.try_recv() {
                Ok(Message::Entry(entry)) => entries.push(*entry),
                Ok(Message::Stop) => {
                    stopped = true;
                    break;
                }
                Err(_) => break,
            }
        }
        if let Err(error) = store.audit().append(&entries) {
            tracing::warn!(%error, "{} requests are missing from the audit log", entries.len());
        }
        if stopped {
            return;
        }
    }
}

fn entry(caller: &Caller, record: Record) -> AuditEntry {
    let Caller { tenant, repository, provider, digest } = caller.clone();
    let Record { at, method, origin, path, status, sent, received, secrets, outcome, rule } = record;
    let outcome = outcome.as_str().to_owned();
    AuditEntry {
        at,
        tenant,
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
