//! WASI's interfaces, for authors of providers whose language needs them: those of the crate that the host speaks them with.

use crate::dependencies;
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const CRATE: &str = "wasmtime-wasi-http";

/// The project's own among them.
const OWN: &str = "code-repository.wit";

/// Writes those of the crate.
pub fn copy(root: &Path) -> Result<()> {
    let (theirs, folder) = (theirs(root)?, folder(root));
    for name in read(&folder)?.keys().filter(|name| !theirs.contains_key(*name)) {
        fs::remove_file(folder.join(name))?;
    }
    for (name, text) in &theirs {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    println!("{} interfaces of {CRATE} are in {}", theirs.len(), folder.display());
    Ok(())
}

/// Compares them with the crate's.
pub fn check(root: &Path) -> Result<()> {
    if read(&folder(root))? == theirs(root)? {
        Ok(())
    } else {
        bail!("wit/wasi/deps is not what {CRATE} speaks; `cargo xtask interfaces` writes it anew")
    }
}

fn folder(root: &Path) -> PathBuf {
    root.join("wit/wasi/deps")
}

fn theirs(root: &Path) -> Result<BTreeMap<String, String>> {
    read(&dependencies::sources(root, CRATE)?.join("wit/deps"))
}

fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let (name, path) = entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))?;
        if name != OWN {
            files.insert(name, fs::read_to_string(path)?);
        }
    }
    Ok(files)
}
