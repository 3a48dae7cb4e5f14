//! `forgeport cache`.

use crate::{args::CacheCommand, output::Output, progress::bytes};
use anyhow::{Context, Result};
use forgeport_service::Cache;

pub fn run(cache: &Cache, output: Output, command: CacheCommand) -> Result<()> {
    match command {
        CacheCommand::Show => {
            let usage = cache.usage().context("cannot read the cache")?;
            output
                .data(&usage, || format!("{} kept, {} of {}\n", usage.entries, bytes(usage.bytes), bytes(usage.limit)))
        }
        CacheCommand::Clear => {
            let usage =
                cache.clear().context("cannot clear the cache, which is below FORGEPORT_HOME where that is set")?;
            output.data(&usage, || format!("Removed {} kept downloads, {}.\n", usage.entries, bytes(usage.bytes)))
        }
    }
}
