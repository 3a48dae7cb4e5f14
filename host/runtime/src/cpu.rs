//! The CPU time of one call: its component's, and the host's on its behalf.
//!
//! Everything of a call happens while its future is polled, and what waits for the network is not polled. So the threads' own clocks are
//! read around each poll: a host function that computes for seconds counts for seconds (ticks of the component counted it as one), and
//! other work that keeps the processor busy does not count.

use crate::CallError;
use forgeport_model::{Limit, LimitReached, Limits};
use forgeport_platform::resource::thread_cpu_time;
use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    task::Poll,
};

/// The CPU time of one call so far.
#[derive(Clone)]
pub(crate) struct CpuTime {
    nanoseconds: Arc<AtomicI64>,
    most: i64,
    reached: LimitReached,
}

impl CpuTime {
    pub(crate) fn new(limits: &Limits) -> CpuTime {
        let most = i64::try_from(limits.time(Limit::CpuTime).as_nanos()).unwrap_or(i64::MAX);
        CpuTime { nanoseconds: Arc::default(), most, reached: limits.reached(Limit::CpuTime) }
    }

    /// The call itself. It ends when more was computed than may be, at the next moment when it gives way.
    pub(crate) async fn bound<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let mut call = pin!(self.count(call));
        poll_fn(|context| {
            let polled = call.as_mut().poll(context);
            let is_over = self.nanoseconds.load(Relaxed) > self.most;
            if is_over { Poll::Ready(Err(CallError::Limit(self.reached.clone()))) } else { polled }
        })
        .await
    }

    /// Counts a future that something else polls than the call.
    pub(crate) async fn count<T>(&self, work: impl Future<Output = T>) -> T {
        self.measured(work, 1).await
    }

    /// Does not count a part of the call: a transfer of gigabytes computes for seconds in small pieces, and has limits of its own.
    pub(crate) async fn leave_out<T>(&self, transfer: impl Future<Output = T>) -> T {
        self.measured(transfer, -1).await
    }

    /// Counts work that is done on the blocking pool.
    pub(crate) fn counted<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = thread_time();
        let done = work();
        self.nanoseconds.fetch_add(thread_time() - before, Relaxed);
        done
    }

    async fn measured<T>(&self, work: impl Future<Output = T>, sign: i64) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let before = thread_time();
            let polled = work.as_mut().poll(context);
            self.nanoseconds.fetch_add(sign * (thread_time() - before), Relaxed);
            polled
        })
        .await
    }
}

/// Nanoseconds for which this thread has computed.
fn thread_time() -> i64 {
    i64::try_from(thread_cpu_time().as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(text: &str) -> CpuTime {
        let mut limits = Limits::default();
        limits.set_text(text).unwrap();
        CpuTime::new(&limits)
    }

    fn compute(milliseconds: i64) {
        let before = thread_time();
        while thread_time() - before < milliseconds * 1_000_000 {
            std::hint::spin_loop();
        }
    }

    async fn giving_way(times: usize, work: impl Fn()) -> Result<(), CallError> {
        for _ in 0..times {
            work();
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    #[tokio::test]
    async fn whatever_a_call_computes_counts_in_one_piece_and_in_many() {
        let limited = |result: Result<(), CallError>| matches!(result, Err(CallError::Limit(reached)) if reached.limit == Limit::CpuTime);
        assert!(limited(of("cpu_time=20ms").bound(giving_way(1_000_000, || compute(1))).await));
        assert!(limited(
            of("cpu_time=20ms")
                .bound(async {
                    compute(30);
                    Ok(())
                })
                .await
        ));
        let cpu = of("cpu_time=20ms");
        let counting = cpu.clone();
        let elsewhere = tokio::task::spawn_blocking(move || counting.counted(|| compute(30)));
        assert!(limited(cpu.bound(async { elsewhere.await.map_err(|_| unreachable!()) }).await));
        let cpu = of("cpu_time=20ms");
        let of_a_task = {
            let cpu = cpu.clone();
            tokio::spawn(async move { cpu.count(async { compute(30) }).await })
        };
        assert!(limited(
            cpu.bound(async {
                of_a_task.await.unwrap();
                Ok(())
            })
            .await
        ));
        assert_eq!(of("cpu_time=500ms").bound(giving_way(10, || compute(1))).await, Ok(()));
    }

    #[tokio::test]
    async fn waiting_and_transfers_do_not_count() {
        let cpu = of("cpu_time=50ms");
        let waits = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        };
        assert_eq!(cpu.bound(waits).await, Ok(()));
        let transfers = async { cpu.leave_out(giving_way(10, || compute(20))).await };
        assert_eq!(cpu.bound(transfers).await, Ok(()));
    }
}
