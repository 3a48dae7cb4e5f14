//! A folder with an object store behind it: two machines are two folders with the same object store.

use async_trait::async_trait;
use forgeport_blobs::{Blobs, Folder, ObjectStore};
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};
use std::io::{Read, Write};
use std::sync::Arc;
use tempfile::TempDir;

struct Machine {
    blobs: Blobs,
    _place: TempDir,
}

impl Machine {
    fn new(objects: Arc<dyn ObjectStore>, limit: u64) -> Machine {
        let place = TempDir::new().unwrap();
        let folder = Folder::cache(place.path().join("blobs"), limit);
        Machine { blobs: Blobs::from(folder).shared_in(objects, "kind/one"), _place: place }
    }

    async fn keep(&self, name: &str, content: &[u8]) -> std::io::Result<()> {
        let mut unfinished = self.blobs.folder().begin().unwrap();
        unfinished.write_all(content).unwrap();
        self.blobs.keep(unfinished, name).await
    }

    async fn content(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.blobs.open(name).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn has_file(&self, name: &str) -> bool {
        self.blobs.folder().contains(name)
    }
}

fn two() -> (Arc<InMemory>, Machine, Machine) {
    let objects = Arc::new(InMemory::new());
    let machine = || Machine::new(objects.clone(), 1 << 30);
    (objects.clone(), machine(), machine())
}

#[tokio::test]
async fn what_one_machine_keeps_another_opens_as_a_file_of_its_own() {
    let (objects, here, there) = two();
    // More than the object store takes in one part.
    let large: Vec<u8> = (0..24_u32 << 20).map(|at| (at % 251) as u8).collect();
    for (name, content) in [("small", b"content".as_slice()), ("empty", b""), ("large", &large)] {
        here.keep(name, content).await.unwrap();
        assert!(!there.has_file(name) && there.blobs.contains(name).await.unwrap());
        assert!(there.content(name).await.unwrap().unwrap() == content && there.has_file(name), "{name}");
    }
    // It needs the object store no longer.
    objects.delete(&Path::from("kind/one/small")).await.unwrap();
    assert_eq!(there.content("small").await.unwrap().unwrap(), b"content");
    assert_eq!(there.content("missing").await.unwrap(), None);
    assert!(!there.blobs.contains("missing").await.unwrap());
}

#[tokio::test]
async fn what_is_removed_is_gone_from_the_object_store_too() {
    let (_, here, there) = two();
    here.keep("a", b"a").await.unwrap();
    here.keep("b", b"b").await.unwrap();
    there.blobs.remove("a").await.unwrap();
    there.blobs.remove("a").await.unwrap();
    assert_eq!(there.content("a").await.unwrap(), None);
    assert_eq!(there.blobs.names().await.unwrap(), ["b"]);
}

#[tokio::test]
async fn blobs_of_another_kind_or_below_are_not_listed_and_not_opened() {
    let (objects, here, there) = two();
    here.keep("a", b"outer").await.unwrap();
    let below = Machine { blobs: here.blobs.child("below"), ..here };
    below.keep("a", b"inner").await.unwrap();
    objects.put(&Path::from("kind/one-other/b"), PutPayload::from_static(b"other")).await.unwrap();
    assert_eq!(there.blobs.names().await.unwrap(), ["a"]);
    assert_eq!(there.content("a").await.unwrap().unwrap(), b"outer");
}

#[tokio::test]
async fn an_object_that_is_larger_than_the_folder_may_be_does_not_fill_the_disk() {
    let (objects, ..) = two();
    let small = Machine::new(objects.clone(), 1000);
    objects.put(&Path::from("kind/one/a"), PutPayload::from(vec![0; 1001])).await.unwrap();
    assert_eq!(small.content("a").await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    assert!(!small.has_file("a"));
}

#[tokio::test]
async fn an_object_store_that_fails_takes_nothing_from_the_folder() {
    let alone = Machine::new(Arc::new(Failing), 1 << 30);
    assert!(alone.keep("a", b"content").await.is_err());
    assert_eq!(alone.content("a").await.unwrap().unwrap(), b"content");
    assert!(alone.content("b").await.is_err() && alone.blobs.contains("b").await.is_err());
    assert!(alone.blobs.names().await.is_err());
}

/// One that answers nothing.
#[derive(Debug)]
struct Failing;

impl std::fmt::Display for Failing {
    fn fmt(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        text.write_str("failing")
    }
}

fn fails<T>() -> object_store::Result<T> {
    Err(object_store::Error::Generic { store: "failing", source: "it is away".into() })
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        fails()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        fails()
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> object_store::Result<GetResult> {
        fails()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        Box::pin(futures_util::stream::once(async { fails() }))
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        Box::pin(futures_util::stream::once(async { fails() }))
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> object_store::Result<ListResult> {
        fails()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> object_store::Result<()> {
        fails()
    }
}
