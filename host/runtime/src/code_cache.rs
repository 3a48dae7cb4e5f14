//! Compiled code on disk. Whoever can change such a file can run anything as us, so each carries a MAC, is checked in memory
//! before it is used, and is compiled anew when anything is off.

use std::{
    collections::hash_map::DefaultHasher,
    fs::{self, File},
    hash::{Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::Builder;
use wasmtime::{Engine, Result, component::Component};
use zeroize::Zeroizing;

/// How the names of files begin that are being written.
const UNFINISHED: &str = ".tmp";

const MAC_LENGTH: usize = blake3::OUT_LEN;

/// Where compiled code is kept.
pub struct CodeCacheSettings {
    /// A directory of the user's own; made when it is missing.
    pub directory: PathBuf,
    /// The MAC's key.
    pub key: Zeroizing<[u8; 32]>,
}

pub(crate) struct CodeCache {
    settings: CodeCacheSettings,
    /// Tells the engine's version and configuration; code of another engine is not even looked at.
    engine: u64,
}

impl CodeCache {
    pub(crate) fn new(settings: CodeCacheSettings, engine: &Engine) -> CodeCache {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        CodeCache { settings, engine: hasher.finish() }
    }

    pub(crate) fn get_or_compile(
        &self,
        engine: &Engine,
        digest: &str,
        compile: impl FnOnce() -> Result<Component>,
    ) -> Result<Component> {
        let name = format!("{digest}-{:016x}.cwasm", self.engine);
        let path = self.settings.directory.join(&name);
        if let Some(component) = self.read(engine, &name, &path) {
            return Ok(component);
        }
        let component = compile()?;
        if let Err(error) = self.write(&name, &path, &component.serialize()?) {
            tracing::warn!(path = %path.display(), %error, "compiled code is not kept; the next start compiles it again");
        }
        Ok(component)
    }

    fn read(&self, engine: &Engine, name: &str, path: &Path) -> Option<Component> {
        let bytes = fs::read(path).ok()?;
        let (code, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LENGTH)?)?;
        let mac = blake3::Hash::from_slice(mac).ok()?;
        // `blake3::Hash` compares in constant time.
        if self.mac(name, code) != mac {
            tracing::warn!(path = %path.display(), "compiled code does not carry this store's seal; it is discarded and compiled anew");
            return None;
        }
        // SAFETY: the MAC says that these very bytes are what this program's `serialize` gave, under this name.
        unsafe { Component::deserialize(engine, code) }
            .inspect_err(|error| tracing::debug!(%error, "compiled code is of another engine"))
            .ok()
    }

    fn write(&self, name: &str, path: &Path, code: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.settings.directory)?;
        // The system gives the lock up when a process dies, so what is unfinished while we hold it was left by one that was killed.
        let writing = File::open(&self.settings.directory)?;
        writing.lock()?;
        self.sweep()?;
        let mut file = Builder::new().prefix(UNFINISHED).tempfile_in(&self.settings.directory)?;
        file.write_all(code)?;
        file.write_all(self.mac(name, code).as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    fn sweep(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.settings.directory)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The name is part of it: code of one component must not pass for another's.
    fn mac(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.settings.key);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(code);
        hasher.finalize()
    }
}
