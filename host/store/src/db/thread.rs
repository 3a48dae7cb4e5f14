//! Runs work that blocks, such as SQLite and files, where it delays no other task.
//!
//! | caller | work runs | cost |
//! | --- | --- | --- |
//! | a task, or any future of a runtime with a single thread | on a thread of its own | two changes of thread: 40 to 100 µs on a virtual machine |
//! | the root future of a runtime with several threads, as in the command | on the caller's thread, which serves no task | none |

use crate::error::{Result, StoreError};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::oneshot,
    task,
};

type Work<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The owner of a state. Work on the state is done in the order of the calls: by a thread, which starts with the first call that must not
/// block and ends when this is dropped; until then by the callers.
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

    /// Does some work with the state. None after a panic, here or before.
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
            if may_block() {
                // After a panic the state is gone, as it is with the thread.
                *state = state.take().and_then(|mut state| {
                    std::panic::catch_unwind(AssertUnwindSafe(|| work(&mut state))).ok().map(|()| state)
                });
                return;
            }
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

/// True if the caller's thread may block: it runs no task.
fn may_block() -> bool {
    let shares_its_thread = |runtime: Handle| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
    task::try_id().is_none() && !Handle::try_current().is_ok_and(shares_its_thread)
}

/// Runs work that blocks. It needs no runtime, as the audit log is written after all have ended.
pub(crate) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    if may_block() {
        return work();
    }
    let (done, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("store-files".to_owned());
    // Where no thread can be made, `done` is dropped with the work.
    let _ = thread.spawn(move || done.send(work()));
    answer.await.unwrap_or(Err(StoreError::Interrupted))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::{sync::Arc, thread};
    use tokio::runtime::Builder;

    async fn thread_of(owner: &Owner<u32>) -> thread::ThreadId {
        owner.call(|_| thread::current().id()).await.unwrap()
    }

    #[test]
    fn the_root_of_a_runtime_with_several_threads_works_itself_until_a_task_needs_the_state() {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let (owner, here) = (Arc::new(Owner::of(0)), thread::current().id());
        runtime.block_on(async {
            assert_eq!(thread_of(&owner).await, here);
            assert_eq!(off_thread(this_thread).await.unwrap(), here);
            let (mine, task) = (owner.clone(), owner.clone());
            let (worker, theirs) =
                tokio::spawn(async move { (thread::current().id(), thread_of(&task).await) }).await.unwrap();
            assert!(theirs != worker && theirs != here);
            assert_eq!(thread_of(&mine).await, theirs);
        });
    }

    #[test]
    fn a_runtime_with_one_thread_is_never_blocked() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let here = thread::current().id();
            assert_ne!(thread_of(&Owner::of(0)).await, here);
            assert_ne!(off_thread(this_thread).await.unwrap(), here);
        });
    }

    #[test]
    fn work_is_done_in_the_order_of_the_calls_and_none_after_a_panic() {
        let both = [
            Builder::new_multi_thread().worker_threads(1).build().unwrap(),
            Builder::new_current_thread().build().unwrap(),
        ];
        for runtime in both {
            runtime.block_on(async {
                let owner = Owner::of(Vec::new());
                owner.leave(|all| all.push(1));
                assert_eq!(owner.call(|all| all.clone()).await, Some(vec![1]));
                owner.leave(|all| all.push(2));
                assert_eq!(owner.call(|all| all.clone()).await, Some(vec![1, 2]));
                assert_eq!(owner.call(|_| panic!("a defect")).await, None::<()>);
                assert_eq!(owner.call(|all| all.len()).await, None);
            });
        }
    }

    fn this_thread() -> Result<thread::ThreadId> {
        Ok(thread::current().id())
    }
}
