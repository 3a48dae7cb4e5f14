//! Work that blocks, kept off the threads of async code.

use crate::error::{Result, StoreError};
use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

type Work<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread that owns a state; what is asked of it is done in the order in which it was asked. It starts when it is first needed and
/// ends, its state with it, when this is dropped.
pub(crate) struct Owner<S> {
    started: Mutex<Started<S>>,
}

enum Started<S> {
    Not(Option<S>),
    Running { sender: Option<Sender<Work<S>>>, thread: Option<JoinHandle<()>> },
}

impl<S: Send + 'static> Owner<S> {
    pub(crate) fn of(state: S) -> Owner<S> {
        Owner { started: Mutex::new(Started::Not(Some(state))) }
    }

    /// Does some work with the state. None when the thread has ended, which only a panic in it can have done.
    ///
    /// A caller that stops waiting does not stop the work.
    pub(crate) async fn call<T: Send + 'static>(&self, work: impl FnOnce(&mut S) -> T + Send + 'static) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.send(Box::new(move |state| {
            // Nobody may be waiting any more.
            let _ = done.send(work(state));
        }));
        answer.await.ok()
    }

    /// Leaves some work to be done, after all that was asked before.
    pub(crate) fn leave(&self, work: impl FnOnce(&mut S) + Send + 'static) {
        self.send(Box::new(work));
    }

    fn send(&self, work: Work<S>) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Started::Not(state) = &mut *started {
            let (sender, receiver) = channel::<Work<S>>();
            let mut state = state.take();
            let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || {
                let Some(state) = &mut state else { return };
                while let Ok(work) = receiver.recv() {
                    work(state);
                }
            });
            *started = Started::Running { sender: Some(sender), thread: thread.ok() };
        }
        if let Started::Running { sender: Some(sender), .. } = &*started {
            // The thread has ended; the work is dropped, and so is what would answer.
            let _ = sender.send(work);
        }
    }
}

impl<S> Drop for Owner<S> {
    fn drop(&mut self) {
        let started = self.started.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Started::Running { sender, thread } = started {
            sender.take();
            // Whoever closes a store may open its file themselves: nothing of it must be open by then.
            if let Some(Err(_)) = thread.take().map(JoinHandle::join) {
                tracing::debug!("a thread of the store has panicked");
            }
        }
    }
}

/// Does what blocks, on a thread of its own. It needs no runtime, as the audit log is written after all have ended.
pub(crate) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (done, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("store-files".to_owned());
    // Where no thread can be made, `done` is dropped with the work.
    let _ = thread.spawn(move || done.send(work()));
    answer.await.unwrap_or(Err(StoreError::Interrupted))
}
