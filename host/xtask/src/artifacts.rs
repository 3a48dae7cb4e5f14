//! The built-in components: committed, with a lock file that tells what they were made from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::component;
use crate::toolchain::{self, Toolchain};

const LOCK: &str = "artifacts.lock";

/// What every provider is built from besides its own folder.
const SHARED: [&str; 4] = ["providers/Cargo.lock", "providers/Cargo.toml", "sdk/rust", "wit"];

/// The endings of files that can change what is built.
const SOURCES: [&str; 4] = ["rs", "toml", "lock", "wit"];

/// `artifacts.lock`, in JSON.
#[derive(Serialize, Deserialize)]
struct Lock {
    /// The version line of the compiler that built all of them.
    compiler: String,
    /// By name.
    artifacts: BTreeMap<String, Locked>,
}

/// SHA-256 digests in hex.
#[derive(Serialize, Deserialize)]
struct Locked {
    artifact: String,
    sources: String,
}

/// Builds all providers and locks them.
///
/// # Errors
/// No compiler, or one provider does not build.
pub fn build(root: &Path) -> Result<()> {
    let toolchain = toolchain::any()?;
    let folder = folder(root);
    std::fs::create_dir_all(&folder)?;
    let mut artifacts = BTreeMap::new();
    for name in providers(root)? {
        let bytes = component::build(&root.join("providers").join(&name), &toolchain)?.bytes;
        let locked = Locked { artifact: hex(Sha256::digest(&bytes)), sources: sources(root, &name)? };
        std::fs::write(folder.join(format!("{name}.wasm")), &bytes)?;
        println!("{name}: {} bytes, sha256 {}", bytes.len(), locked.artifact);
        artifacts.insert(name, locked);
    }
    let lock = Lock { compiler: toolchain.version, artifacts };
    let text = serde_json::to_string_pretty(&lock)? + "\n";
    std::fs::write(folder.join(LOCK), text)?;
    Ok(())
}

/// Checks that the artifacts are those of the sources.
///
/// # Errors
/// One is not.
pub fn check(root: &Path) -> Result<()> {
    let lock = folder(root).join(LOCK);
    let text = std::fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let lock: Lock = serde_json::from_str(&text).with_context(|| format!("cannot read {}", lock.display()))?;
    check_digests(root, &lock)?;
    let same = |toolchain: &Toolchain| toolchain.version == lock.compiler;
    match toolchain::available().into_iter().find(same) {
        Some(toolchain) => rebuild(root, &lock, &toolchain),
        None => {
            println!("not rebuilt: the artifacts come from {}, which is not here", lock.compiler);
            Ok(())
        }
    }
}

fn check_digests(root: &Path, lock: &Lock) -> Result<()> {
    let names = providers(root)?;
    if !names.iter().eq(lock.artifacts.keys()) {
        bail!("the providers are {names:?}, but others were built; run `cargo xtask components`");
    }
    for (name, locked) in &lock.artifacts {
        if sources(root, name)? != locked.sources {
            bail!("the sources of {name} have changed since it was built; run `cargo xtask components`");
        }
        if hex(Sha256::digest(artifact(root, name)?)) != locked.artifact {
            bail!("{name}.wasm is not what was locked; run `cargo xtask components`");
        }
    }
    Ok(())
}

fn rebuild(root: &Path, lock: &Lock, toolchain: &Toolchain) -> Result<()> {
    for name in lock.artifacts.keys() {
        let built = component::build(&root.join("providers").join(name), toolchain)?;
        if built.bytes != artifact(root, name)? {
            bail!("{name}.wasm is not what its sources make with {}", lock.compiler);
        }
        println!("{name}: the same to the bit");
    }
    Ok(())
}

fn folder(root: &Path) -> PathBuf {
    root.join("providers/artifacts")
}

fn artifact(root: &Path, name: &str) -> Result<Vec<u8>> {
    let path = folder(root).join(format!("{name}.wasm"));
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The names of the folders that hold a provider, sorted.
fn providers(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("providers"))? {
        let entry = entry?;
        // The SDK is there as a link.
        if entry.file_type()?.is_dir() && entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// One digest over the names and contents of everything that a provider is built from.
fn sources(root: &Path, name: &str) -> Result<String> {
    let mut files = Vec::new();
    collect(&root.join("providers").join(name), &mut files)?;
    for shared in SHARED {
        collect(&root.join(shared), &mut files)?;
    }
    let mut contents = BTreeMap::new();
    for file in files {
        let relative = file.strip_prefix(root)?;
        let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
        contents.insert(parts.collect::<Vec<_>>().join("/"), std::fs::read(&file)?);
    }
    let mut digest = Sha256::new();
    for (name, content) in &contents {
        digest.update(format!("{name}\0{}\0", content.len()));
        digest.update(content);
    }
    Ok(hex(digest.finalize()))
}

/// Tests are left out, and so are links: the SDK's `wit` is one, and its target counts by itself.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let kind = path.symlink_metadata().with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if kind.is_dir() && !matches!(name.as_ref(), "target" | "tests" | "examples") {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    }
    let test = name == "tests.rs" || name.ends_with("_tests.rs");
    let source = path.extension().is_some_and(|end| SOURCES.iter().any(|known| end == *known));
    if kind.is_file() && source && !test {
        files.push(path.to_owned());
    }
    Ok(())
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
