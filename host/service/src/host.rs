//! What one process has once, whichever workspaces it serves: the store, the gate, the engines, the audit writer.
//!
//! What is costly is made when it is first needed: a list needs neither engine nor network.

use crate::{Config, Result, Service, ServiceError, audit_writer::AuditWriter, blocking::blocking, config::Home};
use forgeport_egress::{Gate, GateSettings, Quiet, Unauthorized};
use forgeport_model::{Policy, Workspace};
use forgeport_runtime::{CodeCacheSettings, CompilerSettings, Program, Runtime};
use forgeport_store::Store;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

/// Everything that a process needs once. [`Host::workspace`] gives the use cases in one workspace.
pub struct Host {
    pub(crate) home: Home,
    pub(crate) store: Arc<Store>,
    pub(crate) policy: Policy,
    pub(crate) new_key: Option<Zeroizing<String>>,
    ca_file: Option<PathBuf>,
    audit_writer: OnceLock<AuditWriter>,
    /// A cell, so that its memory is reserved once even if it is needed twice at the same time.
    runtime: OnceCell<Runtime>,
    /// The certificates are read once.
    gate: OnceCell<Gate>,
    /// When this process minted tokens, by workspace and name of the secret.
    minted: Mutex<BTreeMap<(String, String), Instant>>,
    /// By the registrations' ids.
    unauthorized: Mutex<BTreeMap<String, Unauthorized>>,
}

impl Host {
    /// Opens the store at home. Where there is none it is made with the first change.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(config: Config) -> Result<Arc<Host>> {
        let Config { home, key, new_key, policy, ca_file } = config;
        let store = Arc::new(Store::open(&home.data, key).await?);
        Ok(Arc::new(Host {
            home,
            store,
            policy,
            new_key,
            ca_file,
            audit_writer: OnceLock::new(),
            runtime: OnceCell::new(),
            gate: OnceCell::new(),
            minted: Mutex::default(),
            unauthorized: Mutex::default(),
        }))
    }

    /// The use cases in a workspace. It costs nothing to make one for each request.
    pub fn workspace(self: &Arc<Host>, workspace: Workspace) -> Service {
        Service { host: self.clone(), workspace, notices: Arc::new(Quiet) }
    }

    pub(crate) async fn runtime(&self) -> Result<&Runtime> {
        self.runtime.get_or_try_init(|| self.new_runtime()).await
    }

    async fn new_runtime(&self) -> Result<Runtime> {
        let cache = match self.store.derive_key("compiled-code").await {
            Ok(key) => Some(CodeCacheSettings { blobs: self.home.compiled_code(), key }),
            // A home that cannot be written to, and has no key yet.
            Err(error) if error.is_of_the_disk() => None,
            Err(error) => return Err(error.into()),
        };
        let program = Program::this().map_err(ServiceError::NoProgram)?;
        Ok(Runtime::new(CompilerSettings::by(program), cache)?)
    }

    pub(crate) async fn gate(&self) -> Result<&Gate> {
        self.gate.get_or_try_init(|| self.new_gate()).await
    }

    async fn new_gate(&self) -> Result<Gate> {
        let ca_file = self.ca_file.clone();
        // The system's certificates are read from the disk as well.
        blocking(move || {
            let certificates = ca_file.as_deref().map(read_certificates).transpose()?;
            Ok(Gate::new(GateSettings { certificates, ..GateSettings::default() })?)
        })
        .await?
    }

    pub(crate) fn audit_writer(&self) -> &AuditWriter {
        self.audit_writer.get_or_init(|| AuditWriter::start(self.store.clone()))
    }

    /// When this process minted tokens.
    pub(crate) fn minted(&self) -> MutexGuard<'_, BTreeMap<(String, String), Instant>> {
        self.minted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which credentials of a registration were rejected by an origin.
    pub(crate) fn unauthorized(&self, registration: &str) -> Unauthorized {
        let mut known = self.unauthorized.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(registration.to_owned()).or_default().clone()
    }
}

fn read_certificates(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|source| ServiceError::CertificateFile { path: file.to_owned(), source })
}
