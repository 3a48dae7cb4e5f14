//! The status of a checkout: its state, and the code repositories that it belongs to.

use super::checkout::Checkout;
use serde::Serialize;

/// A checkout, and the code repositories that it is one of.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The state on the disk.
    #[serde(flatten)]
    pub checkout: Checkout,
    /// The code repositories of the checkout, ordered by name; there can be several.
    pub code_repositories: Vec<Match>,
    /// Why it is unknown of some code repositories whether the checkout belongs to them.
    pub problems: Vec<String>,
}

/// A code repository that tracks a checkout.
#[derive(Clone, Debug, Serialize)]
pub struct Match {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The type it was registered as.
    pub kind: String,
    /// The remote of the checkout that it is.
    pub remote: String,
    /// Whether the remote has the commit.
    pub pushed: RemoteState,
    /// The web page of the commit.
    pub url: Option<String>,
}

/// Whether a remote has the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
pub enum RemoteState {
    /// These refs have it, or the forge itself says so.
    Pushed(Vec<String>),
    /// It does not have the commit, as far as is known here, or as the forge itself says.
    NotPushed,
    /// Unknown, with the reason.
    Unknown(String),
}

impl From<&forgeport_worktree::Pushed> for RemoteState {
    fn from(pushed: &forgeport_worktree::Pushed) -> RemoteState {
        use forgeport_worktree::Pushed;
        match pushed {
            Pushed::Pushed { refs } => RemoteState::Pushed(refs.clone()),
            Pushed::NotPushed => RemoteState::NotPushed,
            Pushed::Unknown { why } => RemoteState::Unknown(why.clone()),
        }
    }
}
