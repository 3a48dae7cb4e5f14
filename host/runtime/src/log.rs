//! All messages of a provider in one call: `log`, standard output and standard error. With credentials masked and control characters
//! escaped, they are written to the host's own log.

use crate::{bindings::log::Level, network::Network};
use forgeport_model::escape_untrusted;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The messages of a provider in one call, up to a number of bytes.
pub(crate) struct ProviderLog {
    network: Option<Arc<Network>>,
    bytes_left: AtomicUsize,
}

impl ProviderLog {
    pub(crate) fn new(network: Option<Arc<Network>>, bytes: usize) -> ProviderLog {
        ProviderLog { network, bytes_left: AtomicUsize::new(bytes) }
    }

    pub(crate) fn write(&self, level: Level, message: &str) {
        // Its line's end counts too: endless empty messages are a flood as well.
        let size = message.len() + 1;
        let left = self.bytes_left.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_sub(size)));
        match left.unwrap_or_default() {
            0 => return,
            left if left < size => {
                tracing::warn!(target: "provider", "the provider logs too much; the rest of this call's messages is left out");
                return;
            }
            _ => {}
        }
        let message = match &self.network {
            Some(network) => network.redact(message),
            None => message.to_owned(),
        };
        let message = escape_untrusted(&message);
        match level {
            Level::Debug => tracing::debug!(target: "provider", "{message}"),
            Level::Info => tracing::info!(target: "provider", "{message}"),
            Level::Warn => tracing::warn!(target: "provider", "{message}"),
        }
    }
}
