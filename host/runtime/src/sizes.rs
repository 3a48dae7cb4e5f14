//! The sizes of a component's parts, checked before any of it is compiled. A small component can still be costly to compile; the compiling
//! process is bounded for that.

use crate::error::LoadError;

/// A part of a component that there can be too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Bytes,
    Depth,
    Components,
    Modules,
    Instances,
    TypeBytes,
    Functions,
    FunctionBytes,
    FunctionLocals,
    Imports,
    Exports,
    NameBytes,
}

const MIB: u64 = 1 << 20;

impl Part {
    /// What it is called, and the most there may be. One in Python (componentize-py 0.25) has 22 MB (54 with larger libraries), 14
    /// modules, 76 instances, 25 kB of types, 13,504 functions, of which the largest has 427 kB and 271 locals, and 30 imports; one in
    /// JavaScript (StarlingMonkey) 15 MB, 12,789 functions and the rest less.
    const fn row(self) -> (&'static str, u64) {
        match self {
            Part::Bytes => ("bytes", 96 * MIB),
            Part::Depth => ("components in each other", 32),
            Part::Components => ("components in it", 256),
            Part::Modules => ("core modules", 128),
            Part::Instances => ("instances", 1000),
            Part::TypeBytes => ("bytes of types", MIB),
            Part::Functions => ("functions", 100_000),
            Part::FunctionBytes => ("bytes in one function", MIB),
            Part::FunctionLocals => ("locals in one function", 10_000),
            Part::Imports => ("imports", 256),
            Part::Exports => ("exports", 256),
            Part::NameBytes => ("bytes in a name", 1024),
        }
    }
}

/// The most bytes of a component: a longer file is not worth reading.
pub const MOST_BYTES: u64 = Part::Bytes.row().1;

/// The sums so far.
#[derive(Debug, Default)]
pub(crate) struct Sizes([u64; Part::NameBytes as usize + 1]);

impl Sizes {
    /// So many more.
    pub(crate) fn add(&mut self, part: Part, more: u64) -> Result<(), LoadError> {
        self.reach(part, self.0[part as usize].saturating_add(more))
    }

    /// As many as this.
    pub(crate) fn reach(&mut self, part: Part, found: u64) -> Result<(), LoadError> {
        let seen = &mut self.0[part as usize];
        *seen = found.max(*seen);
        match part.row() {
            (what, most) if found > most => Err(LoadError::TooLarge { what, found, most }),
            _ => Ok(()),
        }
    }
}
