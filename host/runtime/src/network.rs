//! The network of one call: the gate, with the session and the budget that every request of the call passes it with. Imports of the
//! guest get no further than this.

use forgeport_egress::{Answer, Call, Checked, EgressError, Gate, Request};

/// Why a request is refused of a call that has no network.
pub(crate) const UNGRANTED: &str =
    "a provider gets no network to describe itself, to recognise a remote, or to make a link";

/// The only way to the network, for one call.
pub(crate) struct Network {
    gate: Gate,
    pub(crate) call: Call,
}

impl Network {
    pub(crate) fn new(gate: Gate, call: Call) -> Network {
        Network { gate, call }
    }

    /// See [`Gate::fetch`].
    pub(crate) async fn fetch(&self, request: Request) -> Result<Checked, EgressError> {
        self.gate.fetch(&self.call, request).await
    }

    /// See [`Gate::open`].
    pub(crate) async fn open(&self, request: Request) -> Result<Answer, EgressError> {
        self.gate.open(&self.call, request).await
    }

    /// A text for a person, without any part of a credential of the session.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.call.session.redact(text)
    }
}
