//! The `forgeport` program. All of it is a library, so that the demo is built in one piece with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    forgeport_cli::main()
}
