//! From a crate to a component.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use wit_component::{ComponentEncoder, DecodedWasm};

use crate::toolchain::{TARGET, Toolchain};

/// The only package whose interfaces a component may import.
const PACKAGE: (&str, &str) = ("forgeport", "code-repository");

/// A component that was built.
pub struct Built {
    /// The crate's folder's name.
    pub name: String,
    /// The component.
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
}

/// One line of what `cargo build --message-format=json` prints.
#[derive(Deserialize)]
struct Message {
    target: Option<MessageTarget>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct MessageTarget {
    crate_types: Vec<String>,
}

/// Builds the crate in a folder.
///
/// # Errors
/// It does not compile, is no `cdylib`, or needs more than a provider may import.
pub fn build(folder: &Path, toolchain: &Toolchain) -> Result<Built> {
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let name = folder.file_name().context("a crate's folder has a name")?;
    let module = compile(&folder, toolchain)?;
    let core = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let bytes = wrap(&core).with_context(|| format!("{} is no provider", folder.display()))?;
    Ok(Built { name: name.to_string_lossy().into_owned(), bytes })
}

fn compile(folder: &Path, toolchain: &Toolchain) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    let metadata = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
        .arg(&manifest)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(metadata.status.success(), "cargo cannot read {}", manifest.display());
    let metadata: Metadata = serde_json::from_slice(&metadata.stdout)?;
    let output = toolchain
        .cargo(&metadata.workspace_root)?
        .current_dir(folder)
        .args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"])
        .args(toolchain.arguments())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "{} does not compile", folder.display());
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice(line).ok());
    match messages.filter_map(module_of).next_back() {
        Some(module) => Ok(module),
        None => bail!("{} makes no module; add crate-type = [\"cdylib\"] to its [lib]", manifest.display()),
    }
}

fn module_of(message: Message) -> Option<PathBuf> {
    let loadable = |target: &MessageTarget| target.crate_types.iter().any(|kind| kind == "cdylib");
    message.target.filter(loadable)?;
    let module = |file: &PathBuf| file.extension().is_some_and(|end| end == "wasm");
    message.filenames.into_iter().find(module)
}

/// The component around a core module that was compiled with the interface's bindings.
fn wrap(core: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default().validate(true).module(core)?.encode()?;
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&component)? else {
        bail!("it exports no provider");
    };
    for key in resolve.worlds[world].imports.keys() {
        let import = resolve.name_world_key(key);
        let (namespace, name) = PACKAGE;
        ensure!(import.starts_with(&format!("{namespace}:{name}/")), "it imports {import}, which no provider is given");
    }
    Ok(component)
}
