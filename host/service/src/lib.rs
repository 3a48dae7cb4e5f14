//! The use cases: registering, describing, downloading, and finding out what a checkout belongs to. Whoever offers them to people,
//! on a command line or over HTTP, calls this and nothing below it.

mod download;
mod error;
mod home;
mod provider;
mod register;
mod session;
mod status;
mod update;

pub use download::{DownloadRequest, Downloaded, Observer};
pub use error::ServiceError;
pub use forgeport_checkout::{Cache, CacheUsage, Progress, Receipt, RepoPath, Verification, context};
pub use forgeport_egress::Notices;
pub use forgeport_grants::{
    Condition, CredentialPlan, Description, Grant, Grants, Needs, Placement, RemoteUrl, SecretReference, Setting,
    nearest, normalise_name,
};
pub use forgeport_runtime::{Commit, Identity};
pub use forgeport_store::{
    CodeRepository, KeySource, ProviderRef, Referrer, SecretInfo, Secrets, StoreError, StoredOption,
};
pub use home::Home;
pub use provider::{BUILT_IN, Source};
pub use register::{Plan, Registration};
pub use status::{Match, RemoteState, Status};
pub use update::{Changes, Update};

use forgeport_egress::{Gate, GateSettings};
use forgeport_runtime::{CodeCacheSettings, Limits, Runtime};
use forgeport_store::Store;
use std::sync::OnceLock;

type Result<T> = std::result::Result<T, ServiceError>;

/// Bytes that kept downloads may take.
const CACHE: u64 = 8 << 30;

/// Everything that a use case needs. What is costly is made when it is first needed: a list needs neither engine nor network.
pub struct Service {
    home: Home,
    store: Store,
    runtime: OnceLock<Runtime>,
    gate: OnceLock<Gate>,
}

impl Service {
    /// Opens the store at home.
    ///
    /// # Errors
    /// When the store cannot be opened or made.
    pub fn open(home: Home, key: KeySource) -> Result<Service> {
        let store = Store::open(&home.data, key)?;
        Ok(Service { home, store, runtime: OnceLock::new(), gate: OnceLock::new() })
    }

    /// The secrets.
    pub fn secrets(&self) -> Secrets<'_> {
        self.store.secrets()
    }

    /// All code repositories, ordered by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list(&self) -> Result<Vec<CodeRepository>> {
        Ok(self.store.code_repositories().list()?)
    }

    /// The code repository that a person means by its name, its id, or the beginning of either.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find(&self, text: &str) -> Result<CodeRepository> {
        Ok(self.store.code_repositories().find(text)?)
    }

    /// Deletes a code repository by its exact name.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete(&self, name: &str) -> Result<()> {
        Ok(self.store.code_repositories().delete(name)?)
    }

    /// The downloads that are kept.
    pub fn cache(&self) -> Cache {
        Cache::new(self.home.cache.join("downloads"), CACHE)
    }

    fn runtime(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let key = self.store.derive_key("compiled-code")?;
        let cache = CodeCacheSettings { directory: self.home.cache.join("compiled"), key };
        let runtime = Runtime::new(Limits::default(), Some(cache))?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    fn gate(&self) -> Result<Gate> {
        if let Some(gate) = self.gate.get() {
            return Ok(gate.clone());
        }
        let gate = Gate::new(GateSettings::default())?;
        Ok(self.gate.get_or_init(|| gate).clone())
    }
}
