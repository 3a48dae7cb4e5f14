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

use anyhow::Result;
use place::Place;

fn main() -> Result<()> {
    forgeport_runtime::serve_as_child();
    if std::env::args().nth(1).as_deref() == Some(sandbox::FRESH) {
        return sandbox::fresh();
    }
    // Some need neither rivals nor minutes.
    if std::env::args().nth(1).as_deref() != Some("--quick") {
        let place = Place::new()?;
        download::measure(&place)?;
        checkout::measure(&place)?;
    }
    sandbox::measure()?;
    gate::measure()?;
    crowd::measure()
}
