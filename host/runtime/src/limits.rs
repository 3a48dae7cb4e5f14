//! What one call of a provider may use.

use crate::error::CallError;
use std::time::Duration;
use wasmtime::ResourceLimiter;

/// The bounds of one call. Time on the wall and bytes from the network are bounded by the call's permit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time that the component itself computes, waiting not counted.
    pub cpu: Duration,
    /// Bytes, summed over all memories of the component.
    pub memory: usize,
    /// Elements, summed over all tables.
    pub table_elements: usize,
    /// Bytes of log messages; what is over is dropped, and said once.
    pub log_bytes: usize,
    /// Bytes of one string or list that the component hands to the host, and of all within one host call.
    pub call_bytes: usize,
}

impl Default for Limits {
    /// Ample for interpreters: an instance of CPython or StarlingMonkey takes about 23 MB.
    fn default() -> Self {
        Limits {
            cpu: Duration::from_secs(10),
            memory: 256 << 20,
            table_elements: 100_000,
            log_bytes: 64 << 10,
            call_bytes: 16 << 20,
        }
    }
}

/// Sums what a store's memories and tables grow to, and refuses what is over.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: usize,
    table_elements: usize,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Meter {
        Meter { limits, memory: 0, table_elements: 0 }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self.memory.saturating_add(desired - current);
        if sum > self.limits.memory {
            // An error ends the call with the limit's name; answering `false` would leave the guest to abort without one.
            return Err(wasmtime::Error::new(CallError::limit("memory", format!("{} bytes", self.limits.memory))));
        }
        self.memory = sum;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let sum = self.table_elements.saturating_add(desired - current);
        if sum > self.limits.table_elements {
            let value = format!("{} elements", self.limits.table_elements);
            return Err(wasmtime::Error::new(CallError::limit("tables", value)));
        }
        self.table_elements = sum;
        Ok(true)
    }
}
