//! The registry of loaded values, by key: a second use of a value waits for no file, MAC or compiler. Callers that need a value while it is
//! being loaded wait for it, and it is loaded once (single flight); a failure is not kept.
//!
//! | bound | what is removed |
//! | --- | --- |
//! | entries, and the sum of their bytes | the least recently used, until the rest is within both |
//! | one entry that alone is too large | none: it is kept as the only one |
//!
//! Removal only drops the registry's reference: its users keep the value alive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegistryBounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// Something loaded, with what it takes.
#[derive(Clone, Debug)]
pub(crate) struct Measured<T> {
    pub(crate) value: T,
    pub(crate) bytes: usize,
}

pub(crate) struct Registry<K, T> {
    bounds: RegistryBounds,
    /// The least recently used comes first.
    entries: Mutex<Vec<Entry<K, T>>>,
}

struct Entry<K, T> {
    key: K,
    cell: Cell<T>,
}

type Cell<T> = Arc<OnceCell<Measured<T>>>;

impl<K: PartialEq + Clone, T: Clone> Registry<K, T> {
    pub(crate) fn new(bounds: RegistryBounds) -> Registry<K, T> {
        Registry { bounds, entries: Mutex::default() }
    }

    /// The value of a key, loaded if it is not there; `load` is not polled if it is not needed.
    ///
    /// # Errors
    /// Those of `load`. The next who asks tries again.
    pub(crate) async fn get_or_load<E>(
        &self,
        key: &K,
        load: impl Future<Output = Result<Measured<T>, E>>,
    ) -> Result<T, E> {
        let cell = self.cell(key);
        if let Some(loaded) = cell.get() {
            return Ok(loaded.value.clone());
        }
        let loaded = cell.get_or_try_init(|| load).await.map(|loaded| loaded.value.clone());
        drop(cell);
        self.remove_least_used();
        loaded
    }

    /// The place for a key, which is the one that was used last from now on.
    fn cell(&self, key: &K) -> Cell<T> {
        let mut entries = self.entries();
        let known = entries.iter().position(|entry| entry.key == *key).map(|at| entries.remove(at));
        let entry = known.unwrap_or_else(|| Entry { key: key.clone(), cell: Cell::default() });
        let cell = entry.cell.clone();
        entries.push(entry);
        cell
    }

    fn remove_least_used(&self) {
        let mut entries = self.entries();
        // An empty place that nobody waits at is one of a load that failed or was dropped.
        entries.retain(|entry| entry.cell.initialized() || Arc::strong_count(&entry.cell) > 1);
        let size = |entry: &Entry<K, T>| entry.cell.get().map_or(0, |loaded| loaded.bytes);
        let mut sum: usize = entries.iter().map(size).sum();
        while entries.len() > 1 && (entries.len() > self.bounds.entries || sum > self.bounds.bytes) {
            sum = sum.saturating_sub(size(&entries.remove(0)));
        }
    }

    /// Valid at every moment, also after a panic elsewhere.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry<K, T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const AMPLE: RegistryBounds = RegistryBounds { entries: 100, bytes: 1000 };

    async fn load(registry: &Registry<&str, usize>, loads: &AtomicUsize, key: &'static str, bytes: usize) -> usize {
        let loading = async {
            tokio::task::yield_now().await;
            Ok::<_, ()>(Measured { value: loads.fetch_add(1, Relaxed), bytes })
        };
        registry.get_or_load(&key, loading).await.unwrap()
    }

    fn kept(registry: &Registry<&'static str, usize>) -> Vec<&'static str> {
        registry.entries().iter().map(|entry| entry.key).collect()
    }

    #[tokio::test]
    async fn who_asks_at_the_same_time_or_later_waits_for_one_load() {
        let (registry, loads) = (Registry::new(AMPLE), AtomicUsize::new(0));
        let all = (0..10).map(|_| load(&registry, &loads, "a", 1));
        let values = futures_util::future::join_all(all).await;
        assert_eq!((values, loads.load(Relaxed)), (vec![0; 10], 1));
        assert_eq!(load(&registry, &loads, "a", 1).await, 0);
        assert_eq!(load(&registry, &loads, "b", 1).await, 1);
    }

    #[tokio::test]
    async fn a_load_that_fails_or_is_dropped_is_tried_again_and_leaves_no_entry() {
        let (registry, loads) = (Registry::new(AMPLE), AtomicUsize::new(0));
        assert_eq!(registry.get_or_load(&"a", async { Err("no file") }).await, Err("no file"));
        assert_eq!(kept(&registry), [] as [&str; 0]);
        let dropped = registry.get_or_load(&"a", std::future::pending::<Result<_, ()>>());
        assert!(futures_util::FutureExt::now_or_never(dropped).is_none());
        assert_eq!(load(&registry, &loads, "b", 1).await, 0);
        assert_eq!(kept(&registry), ["b"]);
        assert_eq!(load(&registry, &loads, "a", 1).await, 1);
    }

    #[tokio::test]
    async fn what_was_not_used_for_the_longest_time_is_removed_by_count_and_by_bytes() {
        for bounds in [RegistryBounds { entries: 2, ..AMPLE }, RegistryBounds { bytes: 25, ..AMPLE }] {
            let (registry, loads) = (Registry::new(bounds), AtomicUsize::new(0));
            for key in ["a", "b", "a", "c"] {
                load(&registry, &loads, key, 10).await;
            }
            assert_eq!(kept(&registry), ["a", "c"]);
            // One that alone is too much is kept all the same.
            load(&registry, &loads, "large", 2000).await;
            assert_eq!(kept(&registry).last(), Some(&"large"));
        }
    }
}
