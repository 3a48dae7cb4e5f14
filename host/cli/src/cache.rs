//! `forgeport cache`.

use crate::{args::CacheCommand, output::Output, progress::bytes};
use anyhow::{Context, Result};
use forgeport_service::Service;

pub fn run(service: &Service, output: Output, command: CacheCommand) -> Result<()> {
    let cache = service.cache();
    match command {
        CacheCommand::Show => {
            let usage = cache.usage().context("cannot read the cache")?;
            output
                .data(&usage, || format!("{} kept, {} of {}\n", usage.entries, bytes(usage.bytes), bytes(usage.limit)))
        }
        CacheCommand::Clear => {
            let usage = cache.clear().context("cannot clear the cache")?;
            output.data(&usage, || format!("Removed {} kept downloads, {}.\n", usage.entries, bytes(usage.bytes)))
        }
    }
}
