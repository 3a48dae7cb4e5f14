//! What a try brought that failed before the end is kept, so that the next one need not ask for it again: a forge that limits the rate of
//! requests would otherwise answer the same first ones in each try, and never come to the last.
//!
//! Nothing of it is believed: it is unpacked and hashed like what comes from a forge, and judged with the rest.

use crate::error::UnpackError;
use crate::staged::Staged;

/// What is known of the archives that a staged directory was filled from.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// The names of those that came whole, in this try or an earlier one.
    archives: Vec<String>,
    /// All that is here is an earlier try's.
    earlier: bool,
    /// A part of an archive may be here.
    torn: bool,
}

impl Tries {
    /// After all that was here has been removed.
    pub(crate) fn again(&self) -> Self {
        Self { torn: self.torn, ..Self::default() }
    }
}

impl Staged {
    /// Is nothing here, which an archive that comes again could stand beside?
    pub fn is_empty(&self) -> bool {
        self.state().tree.is_empty()
    }

    /// An archive of this name is to be unpacked. Is all of it here already, since an earlier try? If that try began with another one,
    /// what it brought is of no use, and is removed.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn has_archive(&self, name: &str) -> Result<bool, UnpackError> {
        let mut state = self.state();
        if state.tries.archives.iter().any(|known| known == name) {
            state.tries.earlier = false;
            return Ok(true);
        }
        let useless = state.tries.earlier;
        drop(state);
        if useless {
            self.start_again()?;
        }
        self.state().tries.torn = true;
        Ok(false)
    }

    /// The archive of this name has been unpacked, all of it.
    pub fn archive_came(&self, name: &str) {
        let tries = &mut self.state().tries;
        tries.torn = false;
        tries.archives.push(name.to_owned());
    }

    /// Is there something that a later try could go on with?
    pub(crate) fn is_of_use(&self) -> bool {
        let state = self.state();
        !state.tree.is_empty() && !state.tries.torn
    }

    /// The names of the archives that came whole.
    pub(crate) fn archives(&self) -> Vec<String> {
        self.state().tries.archives.clone()
    }

    /// All that is here came in an earlier try, with these archives.
    pub(crate) fn came_earlier(&self, archives: Vec<String>) {
        let mut state = self.state();
        // No copy of what the forge sent is here.
        state.copied = None;
        state.tries = Tries { archives, earlier: true, torn: false };
    }
}
