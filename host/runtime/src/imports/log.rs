//! `log`: what a provider says to whoever debugs it.

use crate::{
    bindings::log::{Host, Level},
    state::State,
};
use forgeport_egress::redact_text;

impl Host for State {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        if self.log_bytes_left == 0 {
            return Ok(());
        }
        if message.len() > self.log_bytes_left {
            self.log_bytes_left = 0;
            tracing::warn!(target: "provider", "the provider logs too much; the rest of this call's messages is left out");
            return Ok(());
        }
        self.log_bytes_left -= message.len();
        // A stranger's text: control characters could rewrite the terminal.
        let message = match &self.session {
            Some(session) => redact_text(&session.permit, &message),
            None => message,
        };
        let message = message.escape_debug();
        match level {
            Level::Debug => tracing::debug!(target: "provider", "{message}"),
            Level::Info => tracing::info!(target: "provider", "{message}"),
            Level::Warn => tracing::warn!(target: "provider", "{message}"),
        }
        Ok(())
    }
}
