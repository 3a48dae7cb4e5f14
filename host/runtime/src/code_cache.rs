//! Compiled code on disk. Whoever can change such a file can run anything as us, so each carries a MAC, is checked in memory
//! before it is used, and is compiled anew when anything is off. Layer: files alone; which component is wanted, the runtime decides.
//!
//! | file | content |
//! | --- | --- |
//! | `DIGEST-ENGINE.cwasm` | machine code, then a keyed BLAKE3 MAC of the name and the code |
//! | `.unfinished-…` | one that is being written, see forgeport-blobs |

use forgeport_blobs::Folder;
use forgeport_model::Digest;
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    io::{Read, Write},
    path::PathBuf,
};
use wasmtime::{Engine, component::Component};
use zeroize::Zeroizing;

const MAC_LENGTH: usize = blake3::OUT_LEN;

/// Where compiled code is kept.
pub struct CodeCacheSettings {
    /// A directory of the user's own; made when it is missing.
    pub directory: PathBuf,
    /// The MAC's key.
    pub key: Zeroizing<[u8; 32]>,
    /// The most that is kept, in bytes; what was not used for the longest time is removed first.
    pub bytes: u64,
}

pub(crate) struct CodeCache {
    folder: Folder,
    key: Zeroizing<[u8; 32]>,
    /// Tells the engine's version and configuration; code of another engine is not even looked at.
    engine: u64,
}

impl CodeCache {
    pub(crate) fn new(settings: CodeCacheSettings, engine: &Engine) -> CodeCache {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let CodeCacheSettings { directory, key, bytes } = settings;
        CodeCache { folder: Folder::new(directory, bytes), key, engine: hasher.finish() }
    }

    /// The code of the component with this digest, if it is there as it was written.
    pub(crate) fn read(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = self.name(digest);
        let mut bytes = Vec::new();
        self.folder.open(&name).ok()??.read_to_end(&mut bytes).ok()?;
        let (code, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LENGTH)?)?;
        let mac = blake3::Hash::from_slice(mac).ok()?;
        // `blake3::Hash` compares in constant time.
        if self.mac(&name, code) != mac {
            let path = self.folder.directory().join(name);
            tracing::warn!(path = %path.display(), "compiled code does not carry this store's seal; it is discarded and compiled anew");
            return None;
        }
        // SAFETY: the MAC says that these very bytes are what was compiled for this component, see `compile`.
        unsafe { Component::deserialize(engine, code) }
            .inspect_err(|error| tracing::debug!(%error, "compiled code is of another engine"))
            .ok()
    }

    /// Keeps code, where that is possible.
    pub(crate) fn keep(&self, digest: Digest, code: &[u8]) {
        let name = self.name(digest);
        if let Err(error) = self.write(&name, code) {
            let path = self.folder.directory().join(name);
            tracing::warn!(path = %path.display(), %error, "compiled code is not kept; the next start compiles it again");
        }
    }

    fn name(&self, digest: Digest) -> String {
        format!("{digest}-{:016x}.cwasm", self.engine)
    }

    fn write(&self, name: &str, code: &[u8]) -> std::io::Result<()> {
        let mut file = self.folder.begin()?;
        file.write_all(code)?;
        file.write_all(self.mac(name, code).as_bytes())?;
        self.folder.keep(file, name)
    }

    /// The name is part of it: code of one component must not pass for another's.
    fn mac(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(code);
        hasher.finalize()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::path::Path;
    use std::time::{Duration, SystemTime};
    use tempfile::TempDir;

    const KEY: [u8; 32] = [7; 32];
    const AMPLE: u64 = 1 << 30;

    fn cache(directory: &Path, key: [u8; 32], bytes: u64, (engine, _): &(Engine, Vec<u8>)) -> CodeCache {
        let directory = directory.join("compiled");
        CodeCache::new(CodeCacheSettings { directory, key: Zeroizing::new(key), bytes }, engine)
    }

    /// An engine for components, and the code of one.
    fn engine_and_code() -> (Engine, Vec<u8>) {
        let text = "(component (core module (func (export \"f\"))))";
        let code = crate::engine::compiling().unwrap().precompile_component(&wat::parse_str(text).unwrap());
        (crate::engine::running(512 << 10).unwrap(), code.unwrap())
    }

    /// The digest of a component that has this name here.
    fn named(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// Loads a component; did it have to be compiled?
    fn compiles(cache: &CodeCache, (engine, code): &(Engine, Vec<u8>), digest: Digest) -> bool {
        let missing = cache.read(engine, digest).is_none();
        if missing {
            cache.keep(digest, code);
        }
        missing
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(directory.join("compiled")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn what_is_not_exactly_what_was_written_is_discarded_and_compiled_anew() {
        let (scratch, engine) = (TempDir::new().unwrap(), engine_and_code());
        let cache = |key| cache(scratch.path(), key, AMPLE, &engine);
        assert!(compiles(&cache(KEY), &engine, named("a")) && !compiles(&cache(KEY), &engine, named("a")));
        let file = files(scratch.path()).remove(0);
        let whole = fs::read(&file).unwrap();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let last = whole.len() - 1;
        for damaged in [
            Vec::new(),
            whole[..10].to_vec(),
            whole[..last].to_vec(),
            [&whole[..], b"x"].concat(),
            flipped(0),
            flipped(whole.len() / 2),
            flipped(last),
            vec![0; whole.len()],
        ] {
            fs::write(&file, damaged).unwrap();
            assert!(compiles(&cache(KEY), &engine, named("a")));
            assert_eq!(fs::read(&file).unwrap(), whole);
        }
        // Written by somebody who has another key, and by this store for another component.
        assert!(compiles(&cache([8; 32]), &engine, named("a")) && compiles(&cache(KEY), &engine, named("a")));
        fs::copy(
            &file,
            file.with_file_name(
                file.file_name().unwrap().to_str().unwrap().replace(&named("a").to_string(), &named("b").to_string()),
            ),
        )
        .unwrap();
        assert!(compiles(&cache(KEY), &engine, named("b")));
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_when_there_is_too_much() {
        let (scratch, engine) = (TempDir::new().unwrap(), engine_and_code());
        let ample = cache(scratch.path(), KEY, AMPLE, &engine);
        assert!(["a", "b", "c"].iter().all(|name| compiles(&ample, &engine, named(name))));
        let size = files(scratch.path()).iter().map(|file| fs::metadata(file).unwrap().len()).max().unwrap();
        for (age, file) in files(scratch.path()).iter().enumerate() {
            let then = SystemTime::now().checked_sub(Duration::from_secs(1000 - age as u64)).unwrap();
            File::open(file).unwrap().set_modified(then).unwrap();
        }
        assert!(!compiles(&ample, &engine, named("a")));
        let small = cache(scratch.path(), KEY, 2 * size + size / 2, &engine);
        assert!(compiles(&small, &engine, named("d")));
        let left = files(scratch.path());
        let left_of = |name| left.iter().any(|file| file.to_str().unwrap().contains(&named(name).to_string()));
        assert!(left.len() == 2 && left_of("a") && left_of("d"), "{left:?}");
        // One that alone is too much is kept all the same: it would be compiled at each start.
        let tiny = cache(scratch.path(), KEY, 1, &engine);
        assert!(compiles(&tiny, &engine, named("e")) && files(scratch.path()).len() == 1);
        assert!(!compiles(&tiny, &engine, named("e")));
    }

    #[test]
    fn many_that_write_and_read_at_once_do_not_disturb_each_other() {
        let (scratch, engine) = (TempDir::new().unwrap(), engine_and_code());
        let size = {
            compiles(&cache(scratch.path(), KEY, AMPLE, &engine), &engine, named("0"));
            fs::metadata(files(scratch.path()).remove(0)).unwrap().len()
        };
        std::thread::scope(|scope| {
            for start in 0..8 {
                let (engine, scratch) = (&engine, scratch.path());
                scope.spawn(move || {
                    let cache = cache(scratch, KEY, 3 * size, engine);
                    for number in 0..20 {
                        compiles(&cache, engine, named(&((start + number) % 6).to_string()));
                    }
                });
            }
        });
        assert!(files(scratch.path()).len() <= 3);
    }
}
