//! The use cases: registering, describing, downloading, and finding out what a checkout belongs to. Whoever offers them to people,
//! on a command line or over HTTP, calls this and nothing below it.

mod ask;
mod cached;
mod consent;
mod download;
mod error;
mod grants;
mod home;
mod inspect;
mod journal;
mod mint;
mod policy;
mod provider;
mod register;
mod renamed;
mod secrets;
mod session;
mod status;
mod update;

pub use download::{DownloadRequest, Downloaded, Observer};
pub use error::ServiceError;
pub use forgeport_download::{Arrival, Cache, CacheUsage, Deadline, Progress, Receipt, Verification};
pub use forgeport_egress::Notices;
pub use forgeport_model::RepoPath;
pub use forgeport_model::{
    Access, Condition, CredentialPlan, Description, Grant, Grants, Limit, Limits, OptionValue, OriginPattern,
    Placement, Policy, RemoteUrl, Scheme, SecretReference, Setting, deceives, nearest, normalise_name,
};
pub use forgeport_runtime::{Commit, Identity, serve_as_child};
pub use forgeport_store::{
    AuditEntry, AuditFilter, CodeRepository, Consent, KeyPlace, KeySource, ProviderRef, Rotated, SecretInfo,
    StoreError, StoredOption, some_of,
};
pub use forgeport_worktree as worktree;
pub use grants::{Explanation, Held};
pub use home::Home;
pub use inspect::Inspection;
pub use policy::detect_policy;
pub use provider::{BUILT_IN, Source};
pub use register::{Marks, Plan, Registered, Registration, Replaced};
pub use renamed::Renamed;
pub use secrets::Values;
pub use status::{Match, RemoteState, Status};
pub use update::{Changes, Update};

use forgeport_egress::{Gate, GateSettings, Quiet, Unauthorized};
use forgeport_runtime::{CodeCacheSettings, CompilerSettings, Program, Runtime};
use forgeport_store::Store;
use journal::Journal;
use mint::MadeHere;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

type Result<T> = std::result::Result<T, ServiceError>;

/// Bytes of compiled code that are kept; a provider in Python or JavaScript takes about 35 MB.
const COMPILED: u64 = 1 << 30;

/// Everything that a use case needs. What is costly is made when it is first needed: a list needs neither engine nor network.
pub struct Service {
    home: Home,
    store: Arc<Store>,
    policy: Policy,
    journal: OnceLock<Journal>,
    runtime: OnceLock<Runtime>,
    gate: OnceLock<Gate>,
    notices: Arc<dyn Notices>,
    made_here: MadeHere,
    /// By the registrations' ids.
    unauthorized: Mutex<BTreeMap<String, Unauthorized>>,
}

impl Service {
    /// Opens the store at home. Where there is none it is made with the first change.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(home: Home, key: KeySource, policy: Policy) -> Result<Service> {
        let store = Arc::new(Store::open(&home.data, key)?);
        let (journal, runtime, gate) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        let (made_here, unauthorized) = (MadeHere::default(), Mutex::default());
        let notices = Arc::new(Quiet);
        Ok(Service { home, store, policy, journal, runtime, gate, notices, made_here, unauthorized })
    }

    /// Tells of waits in every use case but those that are given an observer of their own.
    #[must_use]
    pub fn telling(self, notices: Arc<dyn Notices>) -> Service {
        Service { notices, ..self }
    }

    /// What providers did on the network, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        Ok(self.store.audit().list(filter)?)
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

    pub(crate) fn cache(&self) -> Cache {
        self.home.downloads()
    }

    fn runtime(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let cache = match self.store.derive_key("compiled-code") {
            Ok(key) => Some(CodeCacheSettings { directory: self.home.cache.join("compiled"), key, bytes: COMPILED }),
            // A home that cannot be written to, and has no key yet.
            Err(error) if error.is_of_the_disk() => None,
            Err(error) => return Err(error.into()),
        };
        let program = Program::this().map_err(ServiceError::NoProgram)?;
        let runtime = Runtime::new(CompilerSettings::by(program), cache)?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    fn gate(&self) -> Result<Gate> {
        if let Some(gate) = self.gate.get() {
            return Ok(gate.clone());
        }
        let gate = Gate::new(GateSettings { certificates: certificates()?, ..GateSettings::default() })?;
        Ok(self.gate.get_or_init(|| gate).clone())
    }

    fn journal(&self) -> &Journal {
        self.journal.get_or_init(|| Journal::start(self.store.clone()))
    }
}

/// The certificates of a private authority, in the file that `FORGEPORT_CA_FILE` names.
fn certificates() -> Result<Option<Vec<u8>>> {
    let Some(path) = std::env::var_os("FORGEPORT_CA_FILE").filter(|file| !file.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    std::fs::read(&path).map(Some).map_err(|source| ServiceError::CertificateFile { path, source })
}
