//! The limits of unpacking: unpacked bytes, and their ratio to packed bytes.

use forgeport_model::{Limit, Limits};

use crate::error::Rejected;

/// Unpacked bytes beyond which the ratio is checked.
const RATIO_COUNTS_FROM: u64 = 1 << 30;

/// Counts what comes out of what is packed.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    /// Bytes that earlier content of the same download took.
    used: u64,
    packed: u64,
    unpacked: u64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, used: u64) -> Self {
        Self { limits: limits.clone(), used, packed: 0, unpacked: 0 }
    }

    /// Bytes that came so far.
    pub(crate) fn came(&mut self, packed: u64) {
        self.packed = packed;
    }

    pub(crate) fn packed(&self) -> u64 {
        self.packed
    }

    /// Checks that this many more bytes may come out.
    pub(crate) fn check_room(&self, more: u64) -> Result<(), Rejected> {
        check(&self.limits, Limit::ArchiveBytes, self.used.saturating_add(self.unpacked).saturating_add(more))
    }

    /// This many more bytes came out.
    pub(crate) fn pass(&mut self, more: u64) -> Result<(), Rejected> {
        self.check_room(more)?;
        self.unpacked += more;
        let ratio = self.limits.get(Limit::ArchiveRatio).max(1);
        if self.unpacked > RATIO_COUNTS_FROM && self.unpacked / ratio > self.packed {
            return Err(Rejected::archive(self.limits.reached(Limit::ArchiveRatio)));
        }
        Ok(())
    }
}

/// Checks that this much is within the limit.
pub(crate) fn check(limits: &Limits, limit: Limit, used: u64) -> Result<(), Rejected> {
    if used > limits.get(limit) { Err(Rejected::archive(limits.reached(limit))) } else { Ok(()) }
}
