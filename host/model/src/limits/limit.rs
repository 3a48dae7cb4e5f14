//! The table of limits: name, unit, default and meaning of each.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{LONGEST, nearest};

/// A limit of a call or a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Limit {
    /// Wall-clock time of any call but a download.
    CallTime,
    /// Wall-clock time of a download.
    DownloadTime,
    /// CPU time of the component, and of the host on its behalf.
    CpuTime,
    /// Bytes in all memories of the component together.
    Memory,
    /// Elements in all tables together.
    TableElements,
    /// Core instances.
    Instances,
    /// Resources of the host to which the component has handles.
    Handles,
    /// Bytes of the component's own stack.
    Stack,
    /// Bytes that the component passes in one call of the host.
    CallBytes,
    /// Bytes of log messages.
    LogBytes,
    /// Requests, with redirects and retries.
    Requests,
    /// Requests at the same time.
    ConcurrentRequests,
    /// Bytes sent, with headers.
    BytesOut,
    /// Bytes received.
    BytesIn,
    /// Bytes of the bodies that are in memory at the same time.
    Body,
    /// Headers of a request or an answer.
    Headers,
    /// Bytes of all headers of a request or an answer.
    HeaderBytes,
    /// Entries of an archive.
    ArchiveEntries,
    /// Bytes of an archive's files.
    ArchiveBytes,
    /// Bytes of an archive's names and link targets.
    ArchiveNames,
    /// Bytes of an archive's files for each byte received.
    ArchiveRatio,
    /// Bytes of a path.
    PathLength,
    /// Components of a path.
    PathDepth,
}

/// The unit of a limit's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Bytes,
    Count,
}

struct Row(Limit, &'static str, Unit, u64, &'static str);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1000;

/// The stacks that a provider can have, in bytes; a limit between two of them is rounded up. Each is an engine of its own, which reserves
/// two terabytes of address space for the memories of its instances, of which a process has 128: so there are only these.
pub const STACK_CLASSES: [u64; 4] = [512 * KIB, 2 * MIB, 8 * MIB, 64 * MIB];

/// Ample for interpreters (an instance of CPython or StarlingMonkey takes about 23 MB), for the largest listing that GitHub gives
/// (100,000 entries, about 30 MB), and for the largest repositories (Chromium has 480,000 files).
const TABLE: [Row; 23] = [
    Row(Limit::CallTime, "call_time", Unit::Milliseconds, 60 * SECOND, "how long a call may last, waits included"),
    Row(Limit::DownloadTime, "download_time", Unit::Milliseconds, 1800 * SECOND, "how long a download may last"),
    Row(
        Limit::CpuTime,
        "cpu_time",
        Unit::Milliseconds,
        10 * SECOND,
        "how long the provider, and the host for it, may compute",
    ),
    Row(Limit::Memory, "memory", Unit::Bytes, 256 * MIB, "the provider's memories together"),
    Row(Limit::TableElements, "table_elements", Unit::Count, 100_000, "elements of the provider's tables together"),
    Row(Limit::Instances, "instances", Unit::Count, 64, "core modules that the provider consists of"),
    Row(Limit::Handles, "handles", Unit::Count, 1024, "resources of the host that the provider uses at the same time"),
    Row(
        Limit::Stack,
        "stack",
        Unit::Bytes,
        512 * KIB,
        "the provider's own stack, rounded up to 512 KiB, 2, 8 or 64 MiB",
    ),
    Row(Limit::CallBytes, "call_bytes", Unit::Bytes, 16 * MIB, "what the provider hands to the host at once"),
    Row(Limit::LogBytes, "log_bytes", Unit::Bytes, 64 * KIB, "log messages; what is over is left out"),
    Row(Limit::Requests, "requests", Unit::Count, 50_000, "requests of one call"),
    Row(Limit::ConcurrentRequests, "concurrent_requests", Unit::Count, 16, "requests at the same time; others wait"),
    Row(Limit::BytesOut, "bytes_out", Unit::Bytes, 64 * MIB, "what is sent in one call"),
    Row(Limit::BytesIn, "bytes_in", Unit::Bytes, 32 * GIB, "what is received in one call"),
    Row(Limit::Body, "body", Unit::Bytes, 64 * MIB, "answers that are held in memory at the same time"),
    Row(Limit::Headers, "headers", Unit::Count, 100, "headers of a request or an answer"),
    Row(Limit::HeaderBytes, "header_bytes", Unit::Bytes, 64 * KIB, "all headers of a request or an answer"),
    Row(Limit::ArchiveEntries, "archive_entries", Unit::Count, 500_000, "files, links and directories of a download"),
    Row(Limit::ArchiveBytes, "archive_bytes", Unit::Bytes, 32 * GIB, "files of a download together"),
    Row(Limit::ArchiveNames, "archive_names", Unit::Bytes, 32 * MIB, "names and link targets of a download together"),
    Row(
        Limit::ArchiveRatio,
        "archive_ratio",
        Unit::Count,
        200,
        "bytes of a download for each that came, from 1 GiB on",
    ),
    Row(Limit::PathLength, "path_length", Unit::Bytes, 4096, "a path in a download"),
    Row(Limit::PathDepth, "path_depth", Unit::Count, 256, "components of a path in a download"),
];

/// Why a limit cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// No such limit.
    #[error("there is no limit {name:?}{}; the limits are {}", .nearest.as_ref().map(|name| format!(" (did you mean {name}?)")).unwrap_or_default(), names().join(", "))]
    Unknown {
        /// As given.
        name: String,
        /// The limit with the most similar name.
        nearest: Option<String>,
    },
    /// There is no `=`.
    #[error("{0:?} has not the form NAME=VALUE: write it like memory=512MiB")]
    Form(String),
    /// The value cannot be read.
    #[error("{text:?} is not a value for the limit {limit}: write it like {}", limit.written(limit.default_value()).replace(' ', ""))]
    Value {
        /// Which limit.
        limit: Limit,
        /// As given.
        text: String,
    },
    /// The value is above the maximum.
    #[error("the limit {limit} cannot be more than {}: set a lower value", limit.written(limit.most()))]
    Most {
        /// Which limit.
        limit: Limit,
    },
    /// The value is above the operator's policy.
    #[error("the limit {limit} cannot be more than {} on this host: the operator's policy allows no more", limit.written(*.most))]
    Policy {
        /// Which limit.
        limit: Limit,
        /// The most that is allowed.
        most: u64,
    },
}

fn names() -> Vec<&'static str> {
    TABLE.iter().map(|row| row.1).collect()
}

impl Limit {
    /// All limits with their names, defaults (as written) and meanings.
    pub fn all() -> impl Iterator<Item = (Limit, &'static str, String, &'static str)> {
        TABLE.iter().map(|row| (row.0, row.1, row.0.written(row.3), row.4))
    }

    fn row(self) -> &'static Row {
        // The table has a row for each; a test walks it.
        &TABLE[self as usize]
    }

    /// The name by which it is set.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it limits, for a person.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.row().4
    }

    /// The value where none is set: milliseconds, bytes or a number.
    #[must_use]
    pub fn default_value(self) -> u64 {
        self.row().3
    }

    /// The maximum, whoever sets it: the capacity of the engine, of clocks, of maps of headers (which panic at 24,576 entries), and of
    /// systems and the unpacker for paths.
    #[must_use]
    pub const fn most(self) -> u64 {
        match self {
            Limit::CallTime | Limit::DownloadTime | Limit::CpuTime => LONGEST.as_millis() as u64,
            Limit::Headers => 10_000,
            Limit::Memory => 4 * GIB,
            Limit::TableElements => 1_000_000,
            Limit::Instances => 64,
            Limit::Stack => STACK_CLASSES[STACK_CLASSES.len() - 1],
            Limit::PathLength => 4096,
            Limit::PathDepth => 256,
            _ => u64::MAX,
        }
    }

    /// The value that is enforced where this one is set: a stack has one of a few sizes, and nothing is above the most.
    #[must_use]
    pub fn effective(self, value: u64) -> u64 {
        let value = value.min(self.most());
        if self != Limit::Stack {
            return value;
        }
        STACK_CLASSES.into_iter().find(|class| *class >= value).unwrap_or(value)
    }

    /// A value as a person reads it.
    #[must_use]
    pub fn written(self, value: u64) -> String {
        let units: &[(u64, &str)] = match self.row().2 {
            Unit::Milliseconds => &[(60 * SECOND, "min"), (SECOND, "s"), (1, "ms")],
            Unit::Bytes => &[(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "bytes")],
            Unit::Count => &[],
        };
        match units.iter().find(|(size, _)| value >= *size && value.is_multiple_of(*size)) {
            Some((size, unit)) => format!("{} {unit}", value / size),
            None => value.to_string(),
        }
    }

    /// Parses a value: a whole number, with a unit where the limit has one (`512MiB`, `90s`, `2min`).
    ///
    /// # Errors
    /// When the text is no such number, is zero, or is above the maximum.
    pub fn read(self, text: &str) -> Result<u64, LimitError> {
        let bad = || LimitError::Value { limit: self, text: text.to_owned() };
        let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.trim().split_at(digits);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let size = match (self.row().2, unit.trim().to_ascii_lowercase().as_str()) {
            (Unit::Count, "") | (Unit::Bytes, "" | "b" | "byte" | "bytes") | (Unit::Milliseconds, "ms") => 1,
            (Unit::Bytes, "kib" | "k") => KIB,
            (Unit::Bytes, "mib" | "m") => MIB,
            (Unit::Bytes, "gib" | "g") => GIB,
            (Unit::Milliseconds, "s") => SECOND,
            (Unit::Milliseconds, "min") => 60 * SECOND,
            (Unit::Milliseconds, "h") => 3600 * SECOND,
            _ => return Err(bad()),
        };
        let value = number.checked_mul(size).filter(|value| *value > 0).ok_or_else(bad)?;
        if value > self.most() { Err(LimitError::Most { limit: self }) } else { Ok(value) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let name = crate::normalise_name(text.trim());
        let found = TABLE.iter().find(|row| row.1 == name).map(|row| row.0);
        found.ok_or_else(|| LimitError::Unknown { nearest: nearest(&name, names()), name })
    }
}

impl TryFrom<String> for Limit {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        text.parse()
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> String {
        limit.name().to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_rounded_up_to_its_class_and_every_other_limit_is_kept() {
        let class = |text: &str| Limit::Stack.written(Limit::Stack.effective(Limit::Stack.read(text).unwrap()));
        for (text, rounded) in [
            ("1", "512 KiB"),
            ("512KiB", "512 KiB"),
            ("513KiB", "2 MiB"),
            ("2MiB", "2 MiB"),
            ("3MiB", "8 MiB"),
            ("16MiB", "64 MiB"),
            ("64MiB", "64 MiB"),
        ] {
            assert_eq!(class(text), rounded, "{text}");
        }
        assert_eq!(Limit::Stack.effective(Limit::Stack.default_value()), Limit::Stack.default_value());
        assert_eq!(Limit::Memory.effective(3 * MIB + 1), 3 * MIB + 1);
    }

    #[test]
    fn every_limit_has_its_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index, "{}", row.1);
            assert_eq!(row.1.parse::<Limit>().unwrap(), row.0);
            assert_eq!(row.0.read(&row.0.written(row.3)).unwrap(), row.3, "{}", row.1);
        }
    }
}
