//! A progress bar on a terminal, and none elsewhere.

use crate::output::{escape_untrusted, print_stderr};
use forgeport_service::{Notices, Progress};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Shows bytes, files and speed.
pub struct Bar {
    bar: ProgressBar,
    files: AtomicU64,
}

impl Bar {
    pub fn new(what: &str) -> Bar {
        let target =
            if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_prefix(what.to_owned());
        let template = "{spinner} {prefix}  {bytes} at {bytes_per_sec}  {msg}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar { bar, files: AtomicU64::new(0) }
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn received(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn advance(&self, _bytes: u64, files: u64) {
        let files = self.files.fetch_add(files, Ordering::Relaxed) + files;
        // Formatting for each file of many would cost more than writing it.
        if !self.bar.is_hidden() && files.is_multiple_of(64) {
            self.bar.set_message(format!("{files} files"));
        }
    }
}

impl Notices for Bar {
    fn waiting(&self, why: &str, how_long: Duration) {
        if self.bar.is_hidden() {
            Lines.waiting(why, how_long);
        } else {
            self.bar.println(waiting(why, how_long));
        }
    }
}

/// Reports waits line by line, where no bar is shown.
pub struct Lines;

impl Notices for Lines {
    fn waiting(&self, why: &str, how_long: Duration) {
        print_stderr(&format!("{}\n", waiting(why, how_long)));
    }
}

/// The reason contains text of the forge.
fn waiting(why: &str, how_long: Duration) -> String {
    format!("{}; trying again in {:.1} s", escape_untrusted(why), how_long.as_secs_f64())
}

/// A number of bytes for people.
pub fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}
