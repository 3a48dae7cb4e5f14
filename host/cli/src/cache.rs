//! `forgeport cache`.

use crate::{args::CacheCommand, output::Output, progress::bytes};
use anyhow::Result;
use forgeport_service::{Home, Workspace};

pub fn run(output: Output, command: CacheCommand) -> Result<()> {
    let (home, workspace) = (Home::from_environment()?, Workspace::local());
    match command {
        CacheCommand::Show => {
            let usage = home.cache_usage(&workspace)?;
            output
                .data(&usage, || format!("{} kept, {} of {}\n", usage.entries, bytes(usage.bytes), bytes(usage.limit)))
        }
        CacheCommand::Clear => {
            let usage = home.clear_cache(&workspace)?;
            output.data(&usage, || format!("Removed {} kept downloads, {}.\n", usage.entries, bytes(usage.bytes)))
        }
    }
}
