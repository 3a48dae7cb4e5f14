//! Compiled code on disk. Whoever can change such a file can run anything as us, so each carries a MAC, is checked in memory
//! before it is used, and is compiled anew when anything is off. Layer: blobs alone; which component is wanted, the runtime decides.
//!
//! | blob | content |
//! | --- | --- |
//! | `DIGEST-ENGINE.cwasm` | machine code, then a keyed BLAKE3 MAC of the name and the code |

use forgeport_blobs::{Blobs, UnfinishedBlob};
use forgeport_model::Digest;
use std::{
    collections::hash_map::DefaultHasher,
    fs::File,
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    sync::Arc,
};
use wasmtime::{Engine, component::Component};
use zeroize::Zeroizing;

const MAC_LENGTH: usize = blake3::OUT_LEN;

/// The settings of the cache of compiled code.
pub struct CodeCacheSettings {
    /// The place of the code.
    pub blobs: Blobs,
    /// The MAC's key.
    pub key: Zeroizing<[u8; 32]>,
}

pub(crate) struct CodeCache {
    blobs: Blobs,
    key: Zeroizing<[u8; 32]>,
    /// Tells the engine's version and configuration; code of another engine is not even looked at.
    engine: u64,
}

impl CodeCache {
    pub(crate) fn new(settings: CodeCacheSettings, engine: &Engine) -> CodeCache {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let CodeCacheSettings { blobs, key } = settings;
        CodeCache { blobs, key, engine: hasher.finish() }
    }

    /// The code of the component with this digest, if it is there as it was written.
    pub(crate) async fn read(self: &Arc<Self>, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = self.name(digest);
        let opened = self.blobs.open(&name).await;
        let file = opened.inspect_err(|error| tracing::warn!(name, %error, "compiled code cannot be read")).ok()??;
        let (cache, engine) = (self.clone(), engine.clone());
        tokio::task::spawn_blocking(move || cache.load(&engine, &name, file)).await.ok()?
    }

    /// Keeps code, where that is possible.
    pub(crate) async fn keep(self: &Arc<Self>, digest: Digest, code: Vec<u8>) {
        let (cache, name) = (self.clone(), self.name(digest));
        let kept = async {
            let written = name.clone();
            let unfinished = tokio::task::spawn_blocking(move || cache.write(&written, &code)).await??;
            self.blobs.keep(unfinished, &name).await
        };
        if let Err(error) = kept.await {
            let path = self.blobs.folder().directory().join(name);
            tracing::warn!(path = %path.display(), %error, "compiled code is not kept; the next start compiles it again");
        }
    }

    fn name(&self, digest: Digest) -> String {
        format!("{digest}-{:016x}.cwasm", self.engine)
    }

    fn load(&self, engine: &Engine, name: &str, mut file: File) -> Option<Component> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let (code, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LENGTH)?)?;
        let mac = blake3::Hash::from_slice(mac).ok()?;
        // `blake3::Hash` compares in constant time.
        if self.mac(name, code) != mac {
            let path = self.blobs.folder().directory().join(name);
            tracing::warn!(path = %path.display(), "compiled code does not carry this store's seal; it is discarded and compiled anew");
            return None;
        }
        // SAFETY: the MAC says that these very bytes are what was compiled for this component, see `compile`.
        unsafe { Component::deserialize(engine, code) }
            .inspect_err(|error| tracing::debug!(%error, "compiled code is of another engine"))
            .ok()
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<UnfinishedBlob> {
        let mut file = self.blobs.folder().begin()?;
        file.write_all(code)?;
        file.write_all(self.mac(name, code).as_bytes())?;
        Ok(file)
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
    use forgeport_blobs::{Folder, ObjectStore};
    use object_store::{ObjectStoreExt, memory::InMemory};
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};
    use tempfile::TempDir;

    const KEY: [u8; 32] = [7; 32];
    const AMPLE: u64 = 1 << 30;

    fn cache(directory: &Path, key: [u8; 32], bytes: u64, (engine, _): &(Engine, Vec<u8>)) -> Arc<CodeCache> {
        of(Folder::cache(directory.join("compiled"), bytes).into(), key, engine)
    }

    fn of(blobs: Blobs, key: [u8; 32], engine: &Engine) -> Arc<CodeCache> {
        Arc::new(CodeCache::new(CodeCacheSettings { blobs, key: Zeroizing::new(key) }, engine))
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

    /// Loads a component; true if it had to be compiled.
    async fn compiles(cache: &Arc<CodeCache>, (engine, code): &(Engine, Vec<u8>), digest: Digest) -> bool {
        let missing = cache.read(engine, digest).await.is_none();
        if missing {
            cache.keep(digest, code.clone()).await;
        }
        missing
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(directory.join("compiled")).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn what_is_not_exactly_what_was_written_is_discarded_and_compiled_anew() {
        let (scratch, engine) = (TempDir::new().unwrap(), engine_and_code());
        let cache = |key| cache(scratch.path(), key, AMPLE, &engine);
        assert!(compiles(&cache(KEY), &engine, named("a")).await && !compiles(&cache(KEY), &engine, named("a")).await);
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
            assert!(compiles(&cache(KEY), &engine, named("a")).await);
            assert_eq!(fs::read(&file).unwrap(), whole);
        }
        // Written by somebody who has another key, and by this store for another component.
        assert!(
            compiles(&cache([8; 32]), &engine, named("a")).await && compiles(&cache(KEY), &engine, named("a")).await
        );
        fs::copy(
            &file,
            file.with_file_name(
                file.file_name().unwrap().to_str().unwrap().replace(&named("a").to_string(), &named("b").to_string()),
            ),
        )
        .unwrap();
        assert!(compiles(&cache(KEY), &engine, named("b")).await);
    }

    #[tokio::test]
    async fn what_was_not_used_for_the_longest_time_goes_when_there_is_too_much() {
        let (scratch, engine) = (TempDir::new().unwrap(), engine_and_code());
        let ample = cache(scratch.path(), KEY, AMPLE, &engine);
        for name in ["a", "b", "c"] {
            assert!(compiles(&ample, &engine, named(name)).await);
        }
        let size = files(scratch.path()).iter().map(|file| fs::metadata(file).unwrap().len()).max().unwrap();
        for (age, file) in files(scratch.path()).iter().enumerate() {
            let then = SystemTime::now().checked_sub(Duration::from_secs(1000 - age as u64)).unwrap();
            File::open(file).unwrap().set_modified(then).unwrap();
        }
        assert!(!compiles(&ample, &engine, named("a")).await);
        let small = cache(scratch.path(), KEY, 2 * size + size / 2, &engine);
        assert!(compiles(&small, &engine, named("d")).await);
        let left = files(scratch.path());
        let left_of = |name| left.iter().any(|file| file.to_str().unwrap().contains(&named(name).to_string()));
        assert!(left.len() == 2 && left_of("a") && left_of("d"), "{left:?}");
        // One that alone is too much is kept all the same: it would be compiled at each start.
        let tiny = cache(scratch.path(), KEY, 1, &engine);
        assert!(compiles(&tiny, &engine, named("e")).await && files(scratch.path()).len() == 1);
        assert!(!compiles(&tiny, &engine, named("e")).await);
    }

    #[tokio::test]
    async fn many_that_write_and_read_at_once_do_not_disturb_each_other() {
        let (scratch, engine) = (TempDir::new().unwrap(), engine_and_code());
        let size = {
            compiles(&cache(scratch.path(), KEY, AMPLE, &engine), &engine, named("0")).await;
            fs::metadata(files(scratch.path()).remove(0)).unwrap().len()
        };
        let (engine, directory) = (Arc::new(engine), scratch.path().to_owned());
        let many = (0..8).map(|start| {
            let (engine, directory) = (engine.clone(), directory.clone());
            tokio::spawn(async move {
                let cache = cache(&directory, KEY, 3 * size, &engine);
                for number in 0..20 {
                    compiles(&cache, &engine, named(&((start + number) % 6).to_string())).await;
                }
            })
        });
        for one in many.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        assert!(files(scratch.path()).len() <= 3);
    }

    #[tokio::test]
    async fn what_one_machine_compiles_another_takes_from_the_object_store_if_it_is_what_was_written() {
        let (scratch, both) = (TempDir::new().unwrap(), engine_and_code());
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let machine = |name: &str, key| {
            let folder = Folder::cache(scratch.path().join(name), AMPLE);
            of(Blobs::from(folder).shared_in(objects.clone(), "compiled"), key, &both.0)
        };
        assert!(compiles(&machine("one", KEY), &both, named("a")).await);
        assert!(!compiles(&machine("two", KEY), &both, named("a")).await);
        // A store with another key believes none of it, nor does anybody an object that was altered, until it was compiled anew.
        let object = object_store::path::Path::from("compiled").join(machine("one", KEY).name(named("a")));
        let whole = objects.get(&object).await.unwrap().bytes().await.unwrap();
        let mut altered = whole.to_vec();
        altered[whole.len() / 2] ^= 1;
        objects.put(&object, altered.into()).await.unwrap();
        assert!(machine("three", KEY).read(&both.0, named("a")).await.is_none());
        assert!(compiles(&machine("three", KEY), &both, named("a")).await);
        assert!(!compiles(&machine("four", KEY), &both, named("a")).await);
        assert!(machine("five", [8; 32]).read(&both.0, named("a")).await.is_none());
    }
}
