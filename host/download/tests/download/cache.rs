//! Kept downloads.

use crate::unpack::{COMMIT, Silent, ordinary, settings, unpack};
use forgeport_blobs::{Blobs, Folder};
use forgeport_download::{Cache, CacheKey, StagedDownload, Verification};
use forgeport_model::RepoPath;
use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory};
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;

fn key(name: &str) -> CacheKey {
    CacheKey::new(name, COMMIT.parse().unwrap(), &RepoPath::root())
}

/// Downloads something of a hundred kilobytes that no other name has.
async fn download(cache: &Cache, name: &str, target: &Path) {
    let staged = StagedDownload::new(target, settings()).unwrap().with_copy(cache.begin());
    unpack(&staged, &ordinary().file("root/big", &name.repeat(30_000)).bytes()).unwrap();
    let mut written = None;
    let write = |staged: &mut StagedDownload, verification: &Verification| {
        written = cache.write(key(name), staged, verification, None).unwrap();
    };
    staged.finish_after(write).unwrap();
    cache.keep(written.unwrap()).await.unwrap();
}

/// Makes everything a minute older, so that the order of uses does not depend on the clock's grain.
fn age(cache: &Path) {
    for entry in fs::read_dir(cache).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        let before = file.metadata().unwrap().modified().unwrap();
        file.set_modified(before.checked_sub(std::time::Duration::from_secs(60)).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn the_cache_forgets_what_was_used_least_recently() {
    let directory = TempDir::new().unwrap();
    let cache = Cache::local(&directory.path().join("cache"), 400_000);
    for name in ["one", "two", "three"] {
        download(&cache, name, &directory.path().join(name)).await;
        age(&directory.path().join("cache/content"));
    }
    assert!(cache.get(&key("one")).await.is_some());
    download(&cache, "four", &directory.path().join("four")).await;
    assert!(cache.get(&key("one")).await.is_some() && cache.get(&key("two")).await.is_none());
    assert!(cache.get(&key("four")).await.is_some());
    assert!(cache.usage().unwrap().bytes <= 400_000);
    assert_eq!(cache.clear().unwrap().entries, 3);
    assert_eq!(cache.usage().unwrap().entries, 0);
    assert_eq!(fs::read_dir(directory.path().join("cache/index")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_one_machine_keeps_another_restores_if_it_is_the_tree_that_it_is_called() {
    let directory = TempDir::new().unwrap();
    let objects = Arc::new(InMemory::new());
    let machine = |name: &str| {
        let folder = Folder::cache(directory.path().join(name), 1 << 30);
        let content = Blobs::from(folder).shared_in(objects.clone(), "downloads/local");
        Cache::new(content, directory.path().join("index"))
    };
    download(&machine("one"), "a", &directory.path().join("downloaded")).await;
    let restore = async |machine: &Cache, target: &str| {
        let staged = StagedDownload::new(&directory.path().join(target), settings()).unwrap();
        machine.get(&key("a")).await.unwrap().restore(staged, &Silent)
    };
    restore(&machine("two"), "restored").await.unwrap();
    let big = |target: &str| fs::read(directory.path().join(target).join("big")).unwrap();
    assert_eq!(big("restored"), big("downloaded"));
    // Somebody who may write there puts other files under the same name.
    let name = objects.list_with_delimiter(Some(&"downloads/local".into())).await.unwrap().objects.remove(0).location;
    let mut altered = objects.get(&name).await.unwrap().bytes().await.unwrap().to_vec();
    let at = altered.windows(4).position(|part| part == b"aaaa").unwrap();
    altered[at] = b'b';
    objects.put(&name, altered.into()).await.unwrap();
    let three = machine("three");
    assert!(restore(&three, "deceived").await.unwrap_err().is_about_content());
    assert!(!directory.path().join("deceived").exists() && three.usage().unwrap().entries == 0);
    // Whoever downloads it anew mends it for all.
    download(&three, "a", &directory.path().join("anew")).await;
    restore(&machine("four"), "mended").await.unwrap();
}
