//! Measures Forgeport and its rivals in the same run, in turns, and prints medians and their ratios as Markdown.
//!
//! Everything goes to the directory for temporary files (`TMPDIR`). Targets are removed at the very end: for some minutes after many
//! files were deleted, ext4 makes new ones ten times as slowly, whoever does it (`recently_deleted` in fs/ext4/ialloc.c).

mod checkout;
mod crowd;
mod download;
mod gate;
mod place;
mod sandbox;
mod timing;

use anyhow::{Result, bail};
use place::Place;

fn main() -> Result<()> {
    forgeport_runtime::serve_as_child();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let place = Place::new()?;
            download::measure(&place)?;
            checkout::measure(&place)?;
        }
        // What needs neither rivals nor minutes.
        ["--quick"] => {}
        ["--loads", component] => return sandbox::loads_of(component.as_ref()),
        [sandbox::FRESH, cache] => return sandbox::fresh(cache.into()),
        _ => bail!("usage: cargo bench-rivals [--quick | --loads COMPONENT.wasm]"),
    }
    sandbox::measure()?;
    gate::measure()?;
    crowd::measure()
}
