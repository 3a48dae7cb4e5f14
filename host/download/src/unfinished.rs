//! The download that left a target incomplete: the content of the mark, and the command that an error advises to finish it.

use std::fmt;
use std::path::Path;

use forgeport_model::shell_word;
use serde::{Deserialize, Serialize};

use forgeport_model::ObjectId;
use forgeport_model::RepoPath;

/// The download of which a target contains a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    commit: ObjectId,
    subdirectory: String,
}

impl Unfinished {
    pub(crate) fn new(commit: ObjectId, subdirectory: &RepoPath) -> Self {
        Self { commit, subdirectory: String::from_utf8_lossy(subdirectory.as_bytes()).into_owned() }
    }
}

/// As the command line takes it.
impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "--commit={}", self.commit)?;
        match self.subdirectory.as_str() {
            "" => Ok(()),
            path => write!(f, " --subdirectory={}", shell_word(Path::new(path))),
        }
    }
}
