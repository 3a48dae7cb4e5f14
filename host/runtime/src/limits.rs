//! The limits of one call on the machine's resources. Those on the network are counted by its budget (`forgeport_egress::Budget`).

use forgeport_model::{Limit, Limits};
use wasmtime::ResourceLimiter;

/// Sums what a store's memories and tables grow to, and refuses what is over.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: u64,
    table_elements: u64,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Meter {
        Meter { limits, memory: 0, table_elements: 0 }
    }

    /// An error ends the call with the limit's name; answering `false` would leave the guest to abort without one.
    fn check(&self, sum: u64, limit: Limit) -> wasmtime::Result<bool> {
        if sum > self.limits.get(limit) { Err(wasmtime::Error::new(self.limits.reached(limit))) } else { Ok(true) }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.memory = self.memory.saturating_add((desired - current) as u64);
        self.check(self.memory, Limit::Memory)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.table_elements = self.table_elements.saturating_add((desired - current) as u64);
        self.check(self.table_elements, Limit::TableElements)
    }

    fn instances(&self) -> usize {
        self.limits.size(Limit::Instances)
    }

    fn memories(&self) -> usize {
        self.instances()
    }

    fn tables(&self) -> usize {
        self.instances()
    }
}
