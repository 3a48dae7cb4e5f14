//! The store's API without `async`, so that a test reads as what it says, and threads can race.

use forgeport_model::AuditRecord;
use forgeport_model::{Digest, OptionDefinition, RemoteUrl};
use forgeport_store::{
    self as store, AuditFilter, CodeRepository, KeyPlace, KeySource, LOCAL, Referrer, Rotated, SecretInfo, StoreError,
    StoredOption,
};
use std::{collections::BTreeMap, path::Path, sync::LazyLock};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

/// One for all tests of a process. It ends with the process.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

type Result<T> = std::result::Result<T, StoreError>;
type Values = BTreeMap<String, Zeroizing<String>>;

/// Waits for whatever is async.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// An open store, and the workspace that a test looks at.
pub struct Store {
    pub store: store::Store,
    pub workspace: String,
}

pub struct CodeRepositories<'a>(store::CodeRepositories<'a>);
pub struct Secrets<'a>(store::Secrets<'a>);
pub struct Audit<'a>(&'a Store);

impl Store {
    pub fn open(directory: &Path, key: KeySource) -> Result<Store> {
        wait(store::Store::open(directory, key)).map(Store::of)
    }

    pub fn of(store: store::Store) -> Store {
        Store { store, workspace: LOCAL.to_owned() }
    }

    pub fn in_workspace(self, workspace: &str) -> Store {
        Store { workspace: workspace.to_owned(), ..self }
    }

    fn seen(&self) -> store::WorkspaceStore<'_> {
        self.store.in_workspace(&self.workspace)
    }

    pub fn code_repositories(&self) -> CodeRepositories<'_> {
        CodeRepositories(self.seen().code_repositories())
    }

    pub fn secrets(&self) -> Secrets<'_> {
        Secrets(self.seen().secrets())
    }

    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    pub fn component(&self, digest: Digest) -> Result<Vec<u8>> {
        wait(self.seen().component(digest))
    }

    pub fn component_settings(&self, digest: Digest) -> Result<Option<Vec<OptionDefinition>>> {
        wait(self.seen().component_settings(digest))
    }

    pub fn derive_key(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>> {
        wait(self.store.derive_key(purpose))
    }

    pub fn rotate_key(&self, keep_in: Option<KeyPlace>, given: Option<&str>) -> Result<Rotated> {
        wait(self.store.rotate_key(keep_in, given))
    }
}

impl CodeRepositories<'_> {
    pub fn insert(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<()> {
        wait(self.0.insert(repository, component))
    }

    pub fn update(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<CodeRepository> {
        wait(self.0.update(repository, component))
    }

    pub fn rename(&self, name: &str, new_name: &str) -> Result<CodeRepository> {
        wait(self.0.rename(name, new_name))
    }

    pub fn delete(&self, name: &str) -> Result<()> {
        wait(self.0.delete(name))
    }

    pub fn get(&self, name: &str) -> Result<CodeRepository> {
        wait(self.0.get(name))
    }

    pub fn find(&self, text: &str) -> Result<CodeRepository> {
        wait(self.0.find(text))
    }

    pub fn list(&self) -> Result<Vec<CodeRepository>> {
        wait(self.0.list())
    }

    pub fn that_may_own(&self, remotes: &[RemoteUrl]) -> Result<Vec<CodeRepository>> {
        wait(self.0.that_may_own(remotes))
    }

    pub fn seal(&self, repository: &CodeRepository, option: &str, value: &str) -> Result<StoredOption> {
        wait(self.0.seal(repository, option, value))
    }

    pub fn value(&self, repository: &CodeRepository, option: &str) -> Result<Option<Zeroizing<String>>> {
        wait(self.0.value(repository, option))
    }
}

impl Secrets<'_> {
    pub fn create(&self, name: &str, values: &Values) -> Result<()> {
        wait(self.0.create(name, values))
    }

    pub fn update(&self, name: &str, set: &Values, remove: &[String]) -> Result<()> {
        wait(self.0.update(name, set, remove))
    }

    pub fn get(&self, name: &str, key: &str) -> Result<Zeroizing<String>> {
        wait(self.0.get(name, key))
    }

    pub fn version(&self, name: &str, key: &str) -> Result<String> {
        wait(self.0.version(name, key))
    }

    pub fn keys(&self, name: &str) -> Result<Vec<String>> {
        wait(self.0.keys(name))
    }

    pub fn list(&self) -> Result<Vec<SecretInfo>> {
        wait(self.0.list())
    }

    pub fn rename(&self, name: &str, new_name: &str) -> Result<Vec<String>> {
        wait(self.0.rename(name, new_name))
    }

    pub fn delete_unused(&self, name: &str) -> Result<()> {
        wait(self.0.delete_unused(name))
    }

    pub fn delete(&self, name: &str) -> Result<Vec<String>> {
        wait(self.0.delete(name))
    }

    pub fn referrers(&self, name: &str) -> Result<Vec<Referrer>> {
        wait(self.0.referrers(name))
    }
}

impl Audit<'_> {
    pub fn append(&self, entries: &[AuditRecord]) -> Result<()> {
        wait(self.0.store.audit().append(entries))
    }

    pub fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>> {
        wait(self.0.seen().audit().list(filter))
    }
}
