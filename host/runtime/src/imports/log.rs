//! `log`: messages of a provider, for debugging it.

use crate::{
    bindings::log::{Host, Level},
    state::State,
};

impl Host for State {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.log.write(level, &message);
        Ok(())
    }
}
