//! A store in a directory of its own, and short ways to fill and look at it.

pub use crate::blocking::Store;
use crate::{blocking::wait, postgres::Cluster};
use forgeport_model::{ComponentSource, Digest};
use forgeport_store::{self as store, CodeRepository, KeySource, ProviderRef, StoreError, StoredOption, SystemKeyring};
use object_store::memory::InMemory;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A directory in which there may be a store; it goes when this is dropped.
pub struct Place {
    directory: TempDir,
    /// Where its rows are in a server: the addresses of the owner and of the application.
    server: Option<(String, String)>,
}

impl Place {
    pub fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap(), server: None }
    }

    /// With a database of its own.
    pub fn on(cluster: &Cluster) -> Place {
        let (owner, application) = cluster.database();
        wait(store::Store::migrate(&owner, "forgeport_app")).unwrap();
        Place { server: Some((owner, application)), ..Place::new() }
    }

    /// The address of the server's database, as the application or as the owner of its tables.
    pub fn url(&self, as_owner: bool) -> &str {
        let (owner, application) = self.server.as_ref().unwrap();
        if as_owner { owner } else { application }
    }

    /// The store's own directory, which the first opening makes.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    pub fn open(&self) -> Store {
        self.open_from(KeySource::File).unwrap()
    }

    pub fn open_with_key(&self, key: &str) -> Store {
        self.open_from(KeySource::Environment(Zeroizing::new(key.to_owned()))).unwrap()
    }

    pub fn open_from(&self, key: KeySource) -> Result<Store, StoreError> {
        self.open_itself(key).map(Store::of)
    }

    /// With components in an object store.
    pub fn open_sharing(&self, objects: &Arc<InMemory>) -> Store {
        Store::of(self.open_itself(KeySource::File).unwrap().sharing_components(objects.clone()))
    }

    fn open_itself(&self, key: KeySource) -> Result<store::Store, StoreError> {
        let directory = self.directory();
        match &self.server {
            Some((_, url)) => wait(store::Store::connect(url, &directory, key, Box::new(SystemKeyring))),
            None => wait(store::Store::open(&directory, key)),
        }
    }

    /// The database without anything that the store does about it. Close the store first.
    pub fn sql(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.file("forgeport.db")).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        connection
    }
}

/// All files below a directory.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

pub fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A registration of a built-in provider.
pub fn registration(name: &str) -> CodeRepository {
    let provider = ProviderRef {
        name: "github".to_owned(),
        version: "1.0.0".to_owned(),
        digest: Digest::of(b"built in"),
        source: ComponentSource::BuiltIn("github".to_owned()),
    };
    CodeRepository::new(name, "github", provider)
}

/// A registration of a custom provider.
pub fn custom(name: &str, component: &[u8]) -> CodeRepository {
    let provider = ProviderRef {
        name: "mine".to_owned(),
        version: "0.1.0".to_owned(),
        digest: Digest::of(component),
        source: ComponentSource::File("./mine.wasm".into()),
    };
    CodeRepository::new(name, "custom", provider)
}

pub fn with(mut repository: CodeRepository, option: &str, value: StoredOption) -> CodeRepository {
    repository.options.insert(option.to_owned(), value);
    repository
}

pub fn plain(text: &str) -> StoredOption {
    StoredOption::Plain(text.to_owned())
}

pub fn reference(text: &str) -> StoredOption {
    StoredOption::Reference(forgeport_model::SecretReference::parse(text).unwrap().unwrap())
}

/// Stores a registration whose token is encrypted.
pub fn register_with_token(store: &Store, name: &str, token: &str) -> CodeRepository {
    let repository = registration(name);
    let sealed = store.code_repositories().seal(&repository, "token", token).unwrap();
    let repository = with(repository, "token", sealed);
    store.code_repositories().insert(&repository, None).unwrap();
    repository
}

pub fn token_of(store: &Store, name: &str) -> Result<String, StoreError> {
    let repository = store.code_repositories().get(name)?;
    Ok(store.code_repositories().value(&repository, "token")?.unwrap().to_string())
}

pub fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, Zeroizing<String>> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Zeroizing::new((*value).to_owned()))).collect()
}

pub fn names(store: &Store) -> Vec<String> {
    store.code_repositories().list().unwrap().into_iter().map(|repository| repository.name).collect()
}

/// The error's text, which must be one line that tells each of these.
pub fn told<T>(outcome: Result<T, StoreError>, parts: &[&str]) -> StoreError {
    let Err(error) = outcome else { panic!("it worked") };
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in parts {
        assert!(text.contains(part), "{text:?} does not tell {part:?}");
    }
    error
}

/// Runs each of these tests on SQLite, and has them run on PostgreSQL (postgres.rs).
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[test]
                fn $test() {
                    super::$test(&crate::support::Place::new());
                }
            )*
        }

        pub const ON_BOTH: &[crate::postgres::Test] = &[$((stringify!($test), $test)),*];
    };
}
pub(crate) use on_both;
