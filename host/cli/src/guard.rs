//! Keeps credentials in memory out of core dumps and out of the texts of panics.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::Write,
    panic::{self, PanicHookInfo},
};

pub use forgeport_platform::process::keep_memory_private;

/// A panic reports where it happened, and its message only if that is a constant: a formatted one may contain anything.
pub fn keep_panics_silent() {
    panic::set_hook(Box::new(|info| {
        // There is nowhere to report that standard error is closed.
        let _ = writeln!(std::io::stderr(), "{}", message_of(info));
    }));
}

fn message_of(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info.payload().downcast_ref::<&'static str>().map(|text| format!(": {text}")).unwrap_or_default();
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("\n{trace}"),
        _ => String::new(),
    };
    format!("error: Forgeport failed at {place}{message}; this is a defect, report it with this line{trace}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The hook is the process' own, and other tests run in this one.
    #[test]
    fn a_panic_reports_its_place_and_no_formatted_message() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "guard::tests::a_process_panics_three_times", "--ignored", "--nocapture"]);
        let output = command.output().unwrap();
        let reported = String::from_utf8(output.stderr).unwrap();
        let reported: Vec<&str> = reported.lines().filter(|line| line.contains("Forgeport failed at")).collect();
        assert_eq!(reported.len(), 3, "{reported:?}");
        assert!(reported.iter().all(|line| line.contains("guard.rs:") && !line.contains("canary")), "{reported:?}");
        assert!(reported[0].contains("a message of the program"), "{reported:?}");
    }

    #[test]
    #[ignore = "another test runs it, in a process of its own"]
    fn a_process_panics_three_times() {
        keep_panics_silent();
        let failed = || -> Result<(), String> { Err("ghp_canary".to_owned()) };
        let _ = panic::catch_unwind(|| panic!("a message of the program"));
        let _ = panic::catch_unwind(|| panic!("with {:?}", failed()));
        let _ = panic::catch_unwind(|| failed().unwrap());
    }
}
