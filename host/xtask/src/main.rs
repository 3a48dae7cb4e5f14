//! Tasks for the people who work on the project, and for the authors of providers: `cargo xtask`.

mod artifacts;
mod component;
mod dependencies;
mod interfaces;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
Usage: cargo xtask <TASK>

  components                   Build every provider in providers/ and write providers/artifacts/
  components --check           Are the artifacts those of the sources? Rebuilds them where the compiler is the same
  interfaces                   Copy WASI's interfaces into wit/wasi, as the host speaks them
  interfaces --check           Are those in wit/wasi the host's?
  dependencies                 Have all dependencies licences and sources that deny.toml allows?
  component <FOLDER> [-o FILE] Build one crate into a component, by default into FOLDER/<name>.wasm";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root()?;
    match words.as_slice() {
        ["components"] => artifacts::build(&root),
        ["components", "--check"] => artifacts::check(&root),
        ["interfaces"] => interfaces::copy(&root),
        ["interfaces", "--check"] => interfaces::check(&root),
        ["dependencies"] => dependencies::check(&root),
        ["component", folder] => component(Path::new(folder), None),
        ["component", folder, "-o", file] | ["component", "-o", file, folder] => {
            component(Path::new(folder), Some(Path::new(file)))
        }
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("no such task\n\n{USAGE}"),
    }
}

fn component(folder: &Path, file: Option<&Path>) -> Result<()> {
    let built = component::build(folder, &toolchain::any()?)?;
    let default = || folder.join(format!("{}.wasm", built.name));
    let file = file.map_or_else(default, Path::to_path_buf);
    std::fs::write(&file, &built.bytes).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{} ({} bytes)", file.display(), built.bytes.len());
    Ok(())
}

/// The project's folder; this crate lies two levels below it.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).context("this crate has been moved")?;
    Ok(root.to_owned())
}
